package alert

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"mime"
	"net"
	"net/smtp"
	"strings"
	"time"
)

// Mail is how reports are sent by e-mail: through one server, a message each.
type Mail struct {
	Server   string   // host:port
	From     string   // address
	To       []string // addresses
	Username string   // empty: no authentication
	Password string

	// ImplicitTLS begins with TLS (port 465). Otherwise STARTTLS is used if the
	// server offers it, and must be unless Plain.
	ImplicitTLS bool
	Plain       bool
	TLS         *tls.Config // of tests; nil: the system's authorities
}

// Send returns nil once the server has taken the message.
func (m *Mail) Send(ctx context.Context, r Report) error {
	if err := m.send(ctx, m.message(r)); err != nil {
		return fmt.Errorf("mail through %s: %w", m.Server, err)
	}
	return nil
}

func (m *Mail) send(ctx context.Context, text []byte) error {
	c, err := m.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if m.Username != "" {
		host, _, _ := net.SplitHostPort(m.Server)
		if err := c.Auth(smtp.PlainAuth("", m.Username, m.Password, host)); err != nil {
			return err
		}
	}
	if err := c.Mail(m.From); err != nil {
		return err
	}
	for _, to := range m.To {
		if err := c.Rcpt(to); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return err
	}
	return c.Quit()
}

// dial returns a connection that has greeted, and is secure if it must be. It
// ends with ctx.
func (m *Mail) dial(ctx context.Context) (*smtp.Client, error) {
	host, _, err := net.SplitHostPort(m.Server)
	if err != nil {
		return nil, err
	}
	secure := &tls.Config{ServerName: host}
	if m.TLS != nil {
		secure = m.TLS
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", m.Server)
	if err != nil {
		return nil, err
	}
	if end, ok := ctx.Deadline(); ok {
		conn.SetDeadline(end) //nolint:errcheck // then reading and writing fail
	}
	if m.ImplicitTLS {
		conn = tls.Client(conn, secure)
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		conn.Close() //nolint:errcheck // the first error counts
		return nil, err
	}
	if offered, _ := c.Extension("STARTTLS"); offered && !m.ImplicitTLS {
		err = c.StartTLS(secure)
	} else if !m.ImplicitTLS && !m.Plain {
		err = fmt.Errorf("it offers no STARTTLS, and nothing says that a plain connection will do")
	}
	if err != nil {
		c.Close() //nolint:errcheck // the first error counts
		return nil, err
	}
	return c, nil
}

// message writes r as RFC 5322 wants it.
func (m *Mail) message(r Report) []byte {
	subject := "[modgate] " + r.Severity.String() + ": " + r.Summary
	if r.Occasion == Ended {
		subject = "[modgate] over: " + r.Summary
	}
	var body strings.Builder
	for _, line := range [][2]string{
		{"", r.Summary},
		{"", r.Detail},
		{"Module: ", r.Module},
		{"Said by: ", r.From},
		{"Incident: ", r.Key},
		{"Since: ", r.Since.UTC().Format(time.RFC3339)},
	} {
		if line[1] != "" {
			body.WriteString(line[0] + line[1] + "\n")
		}
	}
	if r.Occasion == Ended {
		fmt.Fprintf(&body, "Over after: %v\n", r.Time.Sub(r.Since).Round(time.Second))
	}
	var b bytes.Buffer
	for _, h := range [][2]string{
		{"From", m.From},
		{"To", strings.Join(m.To, ", ")},
		{"Subject", mime.QEncoding.Encode("utf-8", oneLine(subject))},
		{"Date", r.Time.Format(time.RFC1123Z)},
		{"Message-ID", fmt.Sprintf("<%d.%s@modgate>", r.Time.UnixNano(), r.Occasion)},
		{"Auto-Submitted", "auto-generated"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "base64"},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString("\r\n")
	text := base64.StdEncoding.EncodeToString([]byte(body.String()))
	for len(text) > 76 {
		b.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	b.WriteString(text + "\r\n")
	return b.Bytes()
}

// oneLine keeps a summary from ending the header that it stands in.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
