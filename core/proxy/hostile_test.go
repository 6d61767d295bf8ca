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

	"github.com/modgate/modgate/core/message"
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

// Each upstream here gives no proper answer for as long as it can.
func TestHostileUpstreamsAreTimedOut(t *testing.T) {
	const ok, length, chunks = "HTTP/1.1 200 OK\r\n", "Content-Length: 1000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"
	for name, c := range map[string]struct {
		send   string
		every  time.Duration
		more   string
		hangUp bool // at once after send
		status int  // 0: none, since the head waits for the beginning of a body that has begun
		within time.Duration
	}{
		"says nothing":                 {"", 0, "", false, 504, 7 * time.Second},
		"a head that stalls":           {ok + "X: y", 0, "", false, 504, 7 * time.Second},
		"a head that drips":            {ok, time.Second, "X: y\r\n", false, 504, 7 * time.Second},
		"interim answers that drip":    {"", time.Second, "HTTP/1.1 103 Early Hints\r\n\r\n", false, 504, 8 * time.Second},
		"100 without an end":           {"", time.Second, "HTTP/1.1 100 Continue\r\n\r\n", false, 504, 8 * time.Second},
		"hangs up":                     {"", 0, "", true, 502, 0},
		"hangs up in a head":           {ok + "X: y", 0, "", true, 502, 0},
		"a body that stalls":           {ok + length + "x", 0, "", false, 200, 20 * time.Second},
		"a body that drips":            {ok + length, 10 * time.Second, "x", false, 200, 5*time.Minute + 10*time.Second},
		"chunks that drip":             {ok + chunks, 10 * time.Second, "1\r\nx\r\n", false, 200, 5*time.Minute + 10*time.Second},
		"a chunk's line that drips":    {ok + chunks + "5;a=", 10 * time.Second, "x", false, 0, 5*time.Minute + 10*time.Second},
		"a chunk's line without end":   {ok + chunks + "5;a=" + strings.Repeat("x", 20<<10), 0, "", false, 0, 0},
		"trailers that drip":           {ok + chunks + "0\r\n", 10 * time.Second, "X: y\r\n", false, 0, 5*time.Minute + 10*time.Second},
		"a body without length drips":  {ok + "Connection: close\r\n\r\n", 10 * time.Second, "x", false, 200, 5*time.Minute + 10*time.Second},
		"a body that breaks off":       {ok + length + "x", 0, "", true, 200, 0},
		"chunks that break off":        {ok + chunks + "1\r\nx\r\n", 0, "", true, 200, 0},
		"garbage":                      {"\x16\x03\x01\x00\xa5\x01", time.Second, "\x00", false, 502, 0},
		"garbage after a chunk":        {ok + chunks + "1\r\nx\r\nHTTP/1.1 200 OK\r\n\r\n", 0, "", false, 200, 0},
		"a head that is not the first": {"HTTP/1.1 103 Early Hints\r\n\r\nnonsense", 0, "", false, 502, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := onStage(t, func(up net.Conn, r *bufio.Reader) {
					if readHead(r) != nil {
						return
					}
					_, _ = io.WriteString(up, c.send)
					switch {
					case c.hangUp:
						return
					case c.every > 0:
						drip(up, c.every, c.more)
					}
					toTheEnd(r)
				}, func(o *Options) {
					o.Limits.FirstByte, o.Limits.Idle, o.Limits.Request, o.Limits.Retries = 7*time.Second, 20*time.Second, 5*time.Minute, -1
				})
				start := time.Now()
				conn, r := g.patient("GET /m HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
				resp, err := http.ReadResponse(r, nil)
				for err == nil && resp.StatusCode < 200 {
					resp, err = http.ReadResponse(r, nil)
				}
				if c.status == 0 && err == nil || c.status != 0 && (err != nil || resp.StatusCode != c.status) {
					t.Fatalf("answer = %v, %v; want %d", resp, err, c.status)
				}
				if err == nil {
					_, err = io.ReadAll(resp.Body)
				}
				if whole := err == nil; whole != (c.status > 200) {
					t.Errorf("the answer ends with %v: what breaks off must not look whole", err)
				}
				if took := time.Since(start); took > c.within {
					t.Errorf("it took %v, want %v at most", took, c.within)
				}
				conn.Close()
				g.ended(t)
			})
		})
	}
}

// An upstream that does not read the body holds a part of it, and then
// nothing; one that answers early has answered.
func TestUpstreamsThatDoNotReadTheBody(t *testing.T) {
	const length = 10 << 20
	for name, c := range map[string]struct {
		answer string
		hangUp bool
		status int
		within time.Duration
	}{
		"never reads":              {"", false, 504, 27 * time.Second},
		"answers, and never reads": {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false, 200, 0},
		"refuses, and hangs up":    {"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", true, 403, 0},
		"hangs up":                 {"", true, 502, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conns := 0
				g := onStage(t, func(up net.Conn, r *bufio.Reader) {
					if conns++; conns > 1 { // the next request must not be read as the rest of this body
						for readHead(r) == nil {
							_, _ = io.WriteString(up, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nclean")
						}
						return
					}
					if readHead(r) != nil {
						return
					}
					_, _ = io.WriteString(up, c.answer)
					if !c.hangUp {
						for g := time.Now(); time.Since(g) < time.Hour; time.Sleep(time.Minute) {
							if _, err := up.Write(nil); err != nil {
								return
							}
						}
					}
				}, func(o *Options) {
					o.Limits.FirstByte, o.Limits.Idle, o.Limits.Retries = 7*time.Second, 20*time.Second, -1
				})
				start := time.Now()
				conn, r := g.patient("POST /m HTTP/1.1\r\nHost: a\r\nContent-Length: 10485760\r\n\r\n")
				go func() {
					for sent := 0; sent < length; {
						n, err := conn.Write(make([]byte, 64<<10))
						if sent += n; err != nil {
							return
						}
					}
				}()
				resp, err := http.ReadResponse(r, nil)
				if err != nil || resp.StatusCode != c.status {
					t.Fatalf("answer = %v, %v; want %d", resp, err, c.status)
				}
				if _, err := io.ReadAll(resp.Body); err != nil {
					t.Errorf("read the answer: %v", err)
				}
				if took := time.Since(start); took > c.within {
					t.Errorf("it took %v, want %v at most", took, c.within)
				}
				toTheEnd(r) // the gateway closes: the rest of the body is of no use
				if took := time.Since(start); took > c.within+lingerTime {
					t.Errorf("the connection ended after %v", took)
				}
				conn.Close()
				if next := <-g.send(get); next.err != nil || next.body != "clean" {
					t.Errorf("the next request got %q, %v", next.body, next.err)
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

// Nobody accepts, and nobody says so.
func TestUpstreamThatNeverAcceptsIsUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := bubble(t, func(o *Options) {
			o.Limits.Connect = 2 * time.Second
			o.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, &net.OpError{Op: "dial", Err: timeout{}}
			}
		})
		g.ready(g.module("m"), instance("a", "m", "1.0.0", "http://a"))
		r := <-g.send(get)
		if r.err != nil || r.StatusCode != 503 || r.after > time.Minute {
			t.Fatalf("answer = %+v", r)
		}
		wantProblem(t, r.Response, r.body, 503, message.ProblemDelay, message.NoReason)
	})
}

// timeout is the error of a connection that was not made in time.
type timeout struct{}

func (timeout) Error() string   { return "i/o timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }
