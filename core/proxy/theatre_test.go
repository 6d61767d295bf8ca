package proxy

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/route"
)

// takes are the methods that the theatre's module takes.
var takes = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS", "TRACE"}

// theatre is a gateway before a recorder, which all paths lead to.
func theatre(t testing.TB) (*gate, *recorder) {
	r := record(t)
	g := start(t, func(o *Options) { o.Log = slog.New(slog.DiscardHandler) }) // there is much that is wrong
	g.ready(g.module("m", route.Entry{Path: "/", Methods: takes}, route.Entry{Path: "/*", Methods: takes}), instance("a", "m", "1.0.0", r.url))
	return g, r
}

// hangUp closes the idle connections to upstreams.
func (g *gate) hangUp() {
	g.proxy.upstreams.all.Range(func(_, v any) bool {
		up := v.(*upstream)
		up.sweep(time.Now().Add(time.Hour))
		return true
	})
}

// performance is what became of an attack.
type performance struct {
	statuses []int      // of the final answers
	closed   bool       // the gateway said that it closes, or did without an answer
	detail   string     // of the first refusal
	sent     []captured // what reached the upstream
}

// rejected reports whether the first request was.
func (p performance) rejected() bool {
	return len(p.statuses) == 0 || p.statuses[0] >= 400
}

func (p performance) String() string {
	lines := make([]string, len(p.sent))
	for i, m := range p.sent {
		lines[i] = m.line
	}
	return fmt.Sprintf("answers %v %s, closed %v, upstream got %q", p.statuses, p.detail, p.closed, lines)
}

// perform sends a's steps, each after the answer to the one before, and reads
// until the gateway closes.
func perform(t testing.TB, g *gate, r *recorder, a attack) performance {
	t.Helper()
	r.forget()
	c, err := net.Dial("tcp", g.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	var p performance
	answers := bufio.NewReader(c)
	for i, s := range a.Steps {
		written := make(chan struct{})
		go func() {
			defer close(written)
			_, _ = c.Write(s.Bytes)
			if i == len(a.Steps)-1 {
				_ = c.(*net.TCPConn).CloseWrite()
			}
		}()
		method, _, _ := strings.Cut(string(s.Bytes), " ")
		last := i == len(a.Steps)-1
		for {
			if b, err := answers.Peek(9); err == nil && b[3] == 4 && b[0] == 0 { // SETTINGS: it speaks HTTP/2 with who does
				_, _ = io.Copy(io.Discard, answers)
				p.closed = true
				break
			}
			resp, err := http.ReadResponse(answers, &http.Request{Method: method})
			if err != nil {
				p.closed = p.closed || len(p.statuses) == 0
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !isReset(err) {
					t.Errorf("%s: read answer: %v", a.ID, err)
				}
				break
			}
			if resp.StatusCode/100 == 1 && resp.StatusCode != 101 {
				continue
			}
			b, _ := io.ReadAll(resp.Body)
			var problem struct{ Detail string }
			if json.Unmarshal(b, &problem) == nil && p.detail == "" {
				p.detail = problem.Detail
			}
			p.statuses = append(p.statuses, resp.StatusCode)
			p.closed = p.closed || resp.Close
			if !last {
				break
			}
		}
		<-written
	}
	p.sent = r.seen(t, a.ID)
	return p
}

func isReset(err error) bool {
	return strings.Contains(err.Error(), "reset by peer") || strings.Contains(err.Error(), "broken pipe")
}
