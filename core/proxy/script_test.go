package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// script is an upstream that reads one request after another on each of its
// connections, keeps their raw heads, and answers each with the same bytes.
type script struct {
	url   string
	conns atomic.Int64

	mu    sync.Mutex
	heads []string // guarded by mu
}

func scripted(t *testing.T, answer string) *script {
	t.Helper()
	s := new(script)
	s.url = accepting(t, func(c net.Conn) {
		s.conns.Add(1)
		s.serve(c, answer)
	})
	return s
}

// serve closes the connection after an answer that says so, or is of HTTP/1.0.
func (s *script) serve(c net.Conn, answer string) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	r := bufio.NewReader(c)
	for {
		var head strings.Builder
		req, err := http.ReadRequest(bufio.NewReader(io.TeeReader(oneByOne{r}, &head)))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		s.mu.Lock()
		s.heads = append(s.heads, head.String())
		s.mu.Unlock()
		_, _ = io.WriteString(c, answer)
		if strings.Contains(answer, "Connection: close") || strings.HasPrefix(answer, "HTTP/1.0 ") {
			return
		}
	}
}

// oneByOne reads an octet at a time, so that nobody reads ahead.
type oneByOne struct{ io.Reader }

func (o oneByOne) Read(p []byte) (int, error) { return o.Reader.Read(p[:min(1, len(p))]) }

func (s *script) head(t *testing.T) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.heads) == 0 {
		t.Fatal("the upstream got nothing")
	}
	return s.heads[len(s.heads)-1]
}

// behind makes a gateway before one upstream.
func behind(t *testing.T, url string, adjust ...func(*Options)) *gate {
	t.Helper()
	g := start(t, adjust...)
	g.ready(g.module("m"), instance("a", "m", "1.0.0", url))
	return g
}
