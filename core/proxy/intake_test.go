package proxy

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// pieces is a client that sends its pieces one by one, then nothing.
type pieces struct {
	net.Conn
	left []string
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.left[0])
	if p.left[0] = p.left[0][n:]; p.left[0] == "" {
		p.left = p.left[1:]
	}
	return n, nil
}

func (p *pieces) SetReadDeadline(time.Time) error { return nil }

// taken is what the server gets of a request, with its trailers.
func taken(t *testing.T, p *Proxy, room int, sent ...string) (handed, trailers string, err error) {
	t.Helper()
	c := &client{Conn: &pieces{left: sent}, p: p, terms: p.terms.Load()}
	var all strings.Builder
	for b := make([]byte, room); err == nil; {
		var n int
		n, err = c.Read(b)
		all.Write(b[:n])
	}
	return all.String(), string(c.x.trailers), err
}

func TestRequestIsTheSameHoweverItIsCut(t *testing.T) {
	p := prepare(t).proxy
	t.Cleanup(func() { _ = p.Shutdown(t.Context()) })
	const head = "POST /a HTTP/1.1\r\nHost: a\r\n"
	const said = "POST / HTTP/1.1\r\nHost: g\r\n"
	for name, c := range map[string]struct{ sent, handed, trailers string }{
		"no body":       {"\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n", string(plainHead), ""},
		"known length":  {head + "Content-Length: 5\r\n\r\nhello", said + "Content-Length: 5\r\n\r\nhello", ""},
		"closing":       {"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET / HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n", ""},
		"HEAD, old":     {"HEAD /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "HEAD / HTTP/1.0\r\nHost: g\r\nConnection: keep-alive\r\n\r\n", ""},
		"isolated body": {"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", said + "Content-Length: 1\r\nConnection: close\r\n\r\nx", ""},
		"chunks": {
			head + "Transfer-Encoding: chunked\r\n\r\n00A;a=\"x;\\\"\";b\r\n0123456789\r\n1\r\nx\r\n0\r\nX-Sum: 1\r\nHost: b\r\n\r\n",
			said + "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n1\r\nx\r\n0\r\n\r\n",
			"X-Sum: 1\r\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, room := range []int{1, 7, 4096} {
				for at := range c.sent {
					handed, trailers, err := taken(t, p, room, c.sent[:at], c.sent[at:])
					if handed != c.handed || trailers != c.trailers || !errors.Is(err, io.EOF) {
						t.Fatalf("cut at %d, room for %d: handed on %q, trailers %q, %v; want %q, %q, EOF",
							at, room, handed, trailers, err, c.handed, c.trailers)
					}
				}
			}
		})
	}
}

// What a careful client would not have sent yet says that somebody before the
// gateway counts otherwise: the request is served, and nothing after it.
func TestConnectionThatIsOvertakenIsClosed(t *testing.T) {
	p := prepare(t).proxy
	t.Cleanup(func() { _ = p.Shutdown(t.Context()) })
	const next = "GET /b HTTP/1.1\r\nHost: a\r\n\r\n"
	for name, c := range map[string]struct {
		sent   string
		closes bool
	}{
		"request behind a GET":           {"GET /a HTTP/1.1\r\nHost: a\r\n\r\n" + next, false},
		"request behind a PUT":           {"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx" + next, false},
		"POST alone":                     {"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", false},
		"request behind a POST":          {"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx" + next, true},
		"octet behind a POST":            {"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nX", true},
		"body that waits for 100":        {"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n", false},
		"body that does not wait":        {"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx", true},
		"chunks that do not wait":        {"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n0\r\n\r\n", true},
		"expectation that is of nothing": {"GET /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n" + next, false},
	} {
		handed, _, _ := taken(t, p, 4096, c.sent)
		if closes := strings.Contains(handed, "Connection: close"); closes != c.closes {
			t.Errorf("%s: the server gets %q; closes %v, want %v", name, handed, closes, c.closes)
		}
	}
}

func TestMalformedChunksAreNotHandedOn(t *testing.T) {
	// RFC 9112 7.1, and none of what it lets pass.
	p := prepare(t).proxy
	t.Cleanup(func() { _ = p.Shutdown(t.Context()) })
	for name, c := range map[string]struct {
		body string
		want error
	}{
		"no size":               {"\r\nhello\r\n0\r\n\r\n", errChunkSize},
		"sign":                  {"+5\r\nhello\r\n0\r\n\r\n", errChunkSize},
		"prefix":                {"0x5\r\nhello\r\n0\r\n\r\n", errChunkSize},
		"size that wraps":       {"10000000000000005\r\nhello\r\n0\r\n\r\n", errChunkSize},
		"space after the size":  {"5 \r\nhello\r\n0\r\n\r\n", errChunkSize},
		"line feed":             {"5\nhello\r\n0\r\n\r\n", errChunkSize},
		"line feed in name":     {"5;a\nb\r\nhello\r\n0\r\n\r\n", errChunkSize},
		"carriage return":       {"5;a\rb\r\nhello\r\n0\r\n\r\n", errChunkSize},
		"bare semicolon":        {"5;\r\nhello\r\n0\r\n\r\n", errChunkSize},
		"no value":              {"5;a=\r\nhello\r\n0\r\n\r\n", errChunkSize},
		"open string":           {"5;a=\"x\r\nhello\r\n0\r\n\r\n", errChunkSize},
		"control character":     {"5;a=\"\x01\"\r\nhello\r\n0\r\n\r\n", errChunkSize},
		"endless extension":     {"5;a=" + strings.Repeat("x", longestChunkLine), errChunkSize},
		"data too long":         {"5\r\nhello!\r\n0\r\n\r\n", errChunkEnd},
		"data end in line feed": {"5\r\nhello\n0\r\n\r\n", errChunkEnd},
		"trailer without colon": {"0\r\nX\r\n\r\n", errTrailer},
		"trailer folded":        {"0\r\nX: 1\r\n 2\r\n\r\n", errTrailer},
		"trailer and line feed": {"0\r\nX: 1\n\r\n", errChunkSize},
		"endless trailers":      {"0\r\n" + strings.Repeat("X: 0123456789\r\n", 2000), errTrailer},
	} {
		t.Run(name, func(t *testing.T) {
			for _, room := range []int{1, 4096} {
				if handed, _, err := taken(t, p, room, "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", c.body); !errors.Is(err, c.want) {
					t.Errorf("handed on %q, %v; want %v", handed, err, c.want)
				}
			}
		})
	}
}
