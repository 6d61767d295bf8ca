package proxy

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp/fasthttputil"
)

// onStage makes a gateway, in a bubble, before an upstream that a test plays:
// play gets the other end of each connection, which is closed when it returns.
func onStage(t *testing.T, play func(c net.Conn, r *bufio.Reader), adjust ...func(*Options)) *gate {
	t.Helper()
	var all sync.WaitGroup
	g := bubble(t, append(adjust, func(o *Options) {
		o.Dial = func(context.Context, string, string) (net.Conn, error) {
			p := fasthttputil.NewPipeConns()
			_ = p.Conn2().SetReadDeadline(time.Now().Add(24 * time.Hour))
			all.Go(func() {
				defer p.Close()
				play(p.Conn2(), bufio.NewReader(p.Conn2()))
			})
			return p.Conn1(), nil
		}
	})...)
	t.Cleanup(all.Wait) // before the gateway's own: every connection has ended
	g.ready(g.module("m"), instance("a", "m", "1.0.0", "http://a"))
	return g
}

// patient sends text, and gives up reading after a day.
func (g *gate) patient(text string) (net.Conn, *bufio.Reader) {
	c, r := g.raw(text)
	_ = c.SetReadDeadline(time.Now().Add(24 * time.Hour))
	return c, r
}

// readHead reads up to the empty line.
func readHead(r *bufio.Reader) error {
	for {
		line, err := r.ReadString('\n')
		if err != nil || line == "\r\n" {
			return err
		}
	}
}

// toTheEnd reads until the other end closes.
func toTheEnd(r io.Reader) { _, _ = io.Copy(io.Discard, r) }

// drip writes text again and again, for as long as it is taken.
func drip(w io.Writer, every time.Duration, text string) {
	for {
		if _, err := io.WriteString(w, text); err != nil {
			return
		}
		time.Sleep(every)
	}
}

// ended waits until nothing of a request is left: no run, no connection.
func (g *gate) ended(t *testing.T) {
	t.Helper()
	synctest.Wait()
	if n := g.proxy.Stats().Connections; n != 0 {
		t.Errorf("%d clients' connections are left", n)
	}
	g.proxy.upstreams.all.Range(func(i, v any) bool {
		up := v.(*upstream)
		up.mu.Lock()
		defer up.mu.Unlock()
		if len(up.open) != 0 || up.slots != 0 {
			t.Errorf("%d connections to the upstream are left, %d slots", len(up.open), up.slots)
		}
		return true
	})
	for _, m := range g.gen.Modules {
		for _, i := range m.State().Serving.Instances {
			if n := i.Runs(); n != 0 {
				t.Errorf("%d runs are left", n)
			}
		}
	}
}

// Each client here holds something of the gateway for as long as it can: not
// longer than the limits say.
func TestSlowClientsAreTimedOut(t *testing.T) {
	limits := func(o *Options) {
		o.Limits.ReadHead, o.Limits.Idle, o.Limits.Request = 3*time.Second, 20*time.Second, 5*time.Minute
	}
	const post = "POST /m HTTP/1.1\r\nHost: a\r\n"
	for name, c := range map[string]struct {
		send   string
		every  time.Duration // 0: nothing more is sent
		more   string
		status int // 0: none
		within time.Duration
	}{
		"silence":                   {"", 0, "", 0, 3 * time.Second},
		"a part of a head":          {"GET /m HT", 0, "", 408, 3 * time.Second},
		"a head that drips":         {"GET /m HTTP/1.1\r\n", time.Second, "X: y\r\n", 408, 3 * time.Second},
		"empty lines":               {"\r\n", time.Second, "\r\n", 400, 3 * time.Second},
		"a short body":              {post + "Content-Length: 10\r\n\r\nx", 0, "", 408, 3 * time.Second},
		"a short body that drips":   {post + "Content-Length: 1000\r\n\r\n", time.Second, "x", 408, 4 * time.Second},
		"a long body":               {post + "Content-Length: 100000\r\n\r\n" + strings.Repeat("x", 10_000), 0, "", 408, 20 * time.Second},
		"a long body that drips":    {post + "Content-Length: 100000\r\n\r\n" + strings.Repeat("x", 10_000), 10 * time.Second, "x", 408, 5 * time.Minute},
		"a chunk's data":            {post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", 0, "", 408, 20 * time.Second},
		"chunks that drip":          {post + "Transfer-Encoding: chunked\r\n\r\n", 10 * time.Second, "1\r\nx\r\n", 408, 5 * time.Minute},
		"a chunk's size that drips": {post + "Transfer-Encoding: chunked\r\n\r\n5;a=", 10 * time.Second, "x", 408, 5 * time.Minute},
		"trailers that drip":        {post + "Transfer-Encoding: chunked\r\n\r\n0\r\n", 10 * time.Second, "X: y\r\n", 408, 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := onStage(t, func(_ net.Conn, r *bufio.Reader) { toTheEnd(r) }, limits)
				start := time.Now()
				conn, r := g.patient(c.send)
				if c.every > 0 {
					go drip(conn, c.every, c.more)
				}
				status := 0
				if resp, err := http.ReadResponse(r, nil); err == nil {
					status = resp.StatusCode
				}
				toTheEnd(r)
				if took := time.Since(start); status != c.status || took > c.within {
					t.Errorf("answer = %d, the connection's end after %v; want %d within %v", status, took, c.status, c.within)
				}
				conn.Close()
				g.ended(t)
			})
		})
	}
}

// A connection that is kept for a next request is not kept for ever.
func TestIdleClientIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := onStage(t, func(c net.Conn, r *bufio.Reader) {
			for readHead(r) == nil {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			}
		}, func(o *Options) { o.Limits.Idle = 20 * time.Second })
		_, r := g.patient(get)
		if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 200 {
			t.Fatalf("answer = %v, %v", resp, err)
		}
		start := time.Now()
		toTheEnd(r)
		if took := time.Since(start); took != 20*time.Second {
			t.Errorf("the connection ended after %v, want 20s", took)
		}
		time.Sleep(time.Minute) // the sweep's
		g.ended(t)
	})
}

// A client that does not read holds its answer back, and then nothing.
func TestClientThatDoesNotReadIsCut(t *testing.T) {
	for name, requests := range map[string]int{"one answer": 1, "answers to pipelined requests": 100} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				served := 0
				g := onStage(t, func(c net.Conn, r *bufio.Reader) {
					for readHead(r) == nil {
						served++
						_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
						for range 100 {
							if _, err := io.WriteString(c, "8000\r\n"+strings.Repeat("x", 0x8000)+"\r\n"); err != nil {
								return
							}
						}
						_, _ = io.WriteString(c, "0\r\n\r\n")
					}
				}, func(o *Options) { o.Limits.Idle = 20 * time.Second })
				start := time.Now()
				conn, _ := g.patient(strings.Repeat(get, requests))
				for g.proxy.Stats().Connections > 0 && time.Since(start) < time.Hour {
					time.Sleep(time.Second)
				}
				if took := time.Since(start); took > 25*time.Second {
					t.Errorf("the connection was cut after %v, want some 20s", took)
				}
				conn.Close()
				time.Sleep(time.Minute)
				g.ended(t)
				if served != 1 {
					t.Errorf("%d requests reached the upstream, want 1: nobody took the first answer", served)
				}
			})
		})
	}
}

// A client that leaves in the midst of its body leaves no whole request behind
// it, and no run.
func TestClientThatBreaksOffItsBodyBreaksItOff(t *testing.T) {
	for name, c := range map[string]struct{ head, body string }{
		"known length": {"Content-Length: 100000\r\n", strings.Repeat("x", 50_000)},
		"chunks":       {"Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"},
		"short":        {"Content-Length: 10\r\n", "hello"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := onStage(t, func(_ net.Conn, r *bufio.Reader) {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					if b, err := io.ReadAll(req.Body); err == nil {
						t.Errorf("the upstream got a whole body of %d bytes", len(b))
					}
				})
				conn, _ := g.patient("POST /m HTTP/1.1\r\nHost: a\r\n" + c.head + "\r\n" + c.body)
				synctest.Wait()
				conn.Close()
				g.ended(t)
			})
		})
	}
}

// timeout is the error of a connection that was not made in time.
type timeout struct{}

func (timeout) Error() string   { return "i/o timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }
