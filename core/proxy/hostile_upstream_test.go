package proxy

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/message"
)

// Each upstream here gives no proper answer for as long as it can.
func TestHostileUpstreamsAreTimedOut(t *testing.T) {
	const ok, length, chunks = "HTTP/1.1 200 OK\r\n", "Content-Length: 1000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"
	for name, c := range map[string]struct {
		send   string
		every  time.Duration
		more   string
		hangUp bool // at once after send
		status int  // 0: 502, or 200 and broken off, as it came
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
		"a chunk's line that drips":    {ok + chunks + "5;a=", 10 * time.Second, "x", false, 200, 5*time.Minute + 10*time.Second},
		"a chunk's line without end":   {ok + chunks + "5;a=" + strings.Repeat("x", 20<<10), 0, "", false, 0, 0},
		"trailers that drip":           {ok + chunks + "0\r\n", 10 * time.Second, "X: y\r\n", false, 200, 5*time.Minute + 10*time.Second},
		"a body without length drips":  {ok + "Connection: close\r\n\r\n", 10 * time.Second, "x", false, 200, 5*time.Minute + 10*time.Second},
		"a body that breaks off":       {ok + length + "x", 0, "", true, 200, 0},
		"chunks that break off":        {ok + chunks + "1\r\nx\r\n", 0, "", true, 200, 0},
		"garbage":                      {"\x16\x03\x01\x00\xa5\x01", time.Second, "\x00", false, 502, 0},
		"garbage after a chunk":        {ok + chunks + "1\r\nx\r\nHTTP/1.1 200 OK\r\n\r\n", 0, "", false, 0, 0},
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
				if c.status == 0 && err == nil && resp.StatusCode == 502 {
					c.status = 502
				} else if c.status == 0 {
					c.status = 200
				}
				if err != nil || resp.StatusCode != c.status {
					t.Fatalf("answer = %v, %v; want %d", resp, err, c.status)
				}
				_, err = io.ReadAll(resp.Body)
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
				if c.status == 0 && err == nil && resp.StatusCode == 502 {
					c.status = 502
				} else if c.status == 0 {
					c.status = 200
				}
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
