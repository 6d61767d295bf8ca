package alert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net"
	"net/http/httptest"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// mailbox is a mail server that keeps the last message.
type mailbox struct {
	login    string // "user:password" that it wants, or none
	from     string
	to       []string
	text     string
	loggedIn bool
}

func (m *mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return m, nil }

func (m *mailbox) AuthMechanisms() []string { return []string{sasl.Plain} }

func (m *mailbox) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user+":"+password != m.login {
			return errors.New("the login is wrong")
		}
		m.loggedIn = true
		return nil
	}), nil
}

func (m *mailbox) Mail(from string, _ *smtp.MailOptions) error {
	if m.login != "" && !m.loggedIn {
		return smtp.ErrAuthRequired
	}
	m.from = from
	return nil
}

func (m *mailbox) Rcpt(to string, _ *smtp.RcptOptions) error {
	m.to = append(m.to, to)
	return nil
}

func (m *mailbox) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	m.text = string(text)
	return err
}

func (m *mailbox) Reset() {}

func (m *mailbox) Logout() error { return nil }

// serveMail starts the mailbox's server and returns its address, and what its
// clients trust. Secure begins with TLS; otherwise STARTTLS is offered if
// certified.
func serveMail(t *testing.T, m *mailbox, secure, certified bool) (address string, trust *tls.Config) {
	t.Helper()
	https := httptest.NewTLSServer(nil) // for its certificate
	defer https.Close()
	s := smtp.NewServer(m)
	s.AllowInsecureAuth = true
	if certified {
		s.TLSConfig = https.TLS
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if address = l.Addr().String(); secure {
		l = tls.NewListener(l, https.TLS)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		<-ended
	})
	roots := x509.NewCertPool()
	roots.AddCert(https.Certificate())
	return address, &tls.Config{RootCAs: roots, ServerName: "example.com"}
}

func TestMailIsSent(t *testing.T) {
	for _, c := range []struct {
		name              string
		secure, certified bool
		mail              Mail
		want              string // part of the error
	}{
		{"STARTTLS", false, true, Mail{}, ""},
		{"TLS from the start", true, true, Mail{ImplicitTLS: true}, ""},
		{"with a login", false, true, Mail{Username: "modgate", Password: "swordfish"}, ""},
		{"with a wrong one", false, true, Mail{Username: "modgate", Password: "shark"}, "login is wrong"},
		{"no STARTTLS is offered", false, false, Mail{}, "it offers no STARTTLS"},
		{"and none is wanted", false, false, Mail{Plain: true}, ""},
		{"whom nobody vouches for", false, true, Mail{TLS: &tls.Config{ServerName: "example.com"}}, "certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			box := &mailbox{}
			if c.mail.Username != "" {
				box.login = "modgate:swordfish"
			}
			address, trust := serveMail(t, box, c.secure, c.certified)
			m := c.mail
			m.Server, m.From, m.To = address, "modgate@example.org", []string{"a@example.org", "b@example.org"}
			if m.TLS == nil {
				m.TLS = trust
			}
			a := missing("inventory")
			a.Summary, a.Detail = "Zürich is\r\nBcc: away", "a detail"
			now := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
			err := m.Send(t.Context(), Report{Incident: Incident{Alert: a, Since: now.Add(-time.Minute)}, Occasion: Ended, Time: now})
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), address) || strings.Contains(err.Error(), m.Password) && m.Password != "" {
					t.Errorf("got %v, want %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := mail.ReadMessage(strings.NewReader(box.text))
			if err != nil {
				t.Fatal(err)
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
			if err != nil || subject != "[modgate] over: Zürich is Bcc: away" || got.Header.Get("Bcc") != "" {
				t.Errorf("subject %q, %v", subject, err)
			}
			body, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, got.Body))
			if err != nil || !strings.Contains(string(body), "a detail\nModule: inventory\nIncident: missing/inventory\nSince: 2026-11-29T09:59:00Z\nOver after: 1m0s\n") {
				t.Errorf("body %q, %v", body, err)
			}
			if box.from != m.From || strings.Join(box.to, " ") != strings.Join(m.To, " ") {
				t.Errorf("from %s to %v", box.from, box.to)
			}
		})
	}
}

func TestMailServerThatHangsIsLeft(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	m := Mail{Server: l.Addr().String(), From: "a@example.org", To: []string{"b@example.org"}}
	if err := m.Send(ctx, Report{}); err == nil {
		t.Error("it was sent")
	}
}
