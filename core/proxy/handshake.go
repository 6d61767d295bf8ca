package proxy

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"time"
)

// session is what was agreed on at the beginning of a client's connection.
type session struct {
	secure   bool   // it is under TLS
	protocol string // by ALPN, or as its first octets say; empty: HTTP/1
	identity []byte // the client's verified certificate as Client-Cert says it; empty: none
}

// Handshake agrees with the client on TLS, where the listener wants that, and
// finds out which protocol it speaks. The server calls it before anything is
// read.
func (c *client) Handshake() error {
	t, ok := c.Conn.(*tls.Conn)
	if !ok {
		c.sniff()
		return nil
	}
	if err := c.SetDeadline(c.since.Add(c.terms.ReadHead)); err != nil {
		return err
	}
	if err := t.Handshake(); err != nil {
		answerInClear(err)
		return err
	}
	_ = c.SetDeadline(time.Time{})
	c.until.Store(0)
	state := t.ConnectionState()
	c.session = session{secure: true, protocol: state.NegotiatedProtocol}
	if len(state.VerifiedChains) > 0 {
		c.identity = appendCertificate(nil, state.PeerCertificates[0].Raw)
	}
	return nil
}

// ConnectionState says to the server which protocol the client speaks.
func (c *client) ConnectionState() tls.ConnectionState {
	return tls.ConnectionState{NegotiatedProtocol: c.protocol}
}

// appendCertificate writes a certificate as RFC 9440 2.2 has it.
func appendCertificate(b, der []byte) []byte {
	b = append(b, ':')
	b = base64.StdEncoding.AppendEncode(b, der)
	return append(b, ':')
}

// answerInClear tells a client that speaks HTTP where TLS is wanted.
func answerInClear(err error) {
	var record tls.RecordHeaderError
	if errors.As(err, &record) && record.Conn != nil && isMethod(record.RecordHeader[:]) {
		_ = record.Conn.SetWriteDeadline(time.Now().Add(time.Second)) // a fresh socket takes it at once
		_, _ = io.WriteString(record.Conn, inClear)
	}
}

// isMethod reports whether s may begin a request line.
func isMethod(s []byte) bool {
	for _, c := range s {
		if (c < 'A' || c > 'Z') && c != ' ' && c != '/' {
			return false
		}
	}
	return true
}

const inClear = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nConnection: close\r\nContent-Length: 80\r\n\r\n" +
	`{"type":"urn:modgate:invalid","title":"This listener wants https","status":400}` + "\n"
