package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/message"
)

func TestBodyThatIsTooLargeIsRefusedAudibly(t *testing.T) {
	// 413 arrives though the client goes on sending.
	g := behind(t, answers(t, "hello"), func(o *Options) { o.Limits.Body = 100_000 })
	big := strings.Repeat("x", 6<<20)
	for name, head := range map[string]string{
		"of known length": "Content-Length: 6291456\r\n\r\n" + big,
		"one too many":    "Transfer-Encoding: chunked\r\n\r\n186a1\r\n" + big[:100_001] + "\r\n0\r\n\r\n",
		"chunked":         "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("8000\r\n"+big[:0x8000]+"\r\n", 100),
	} {
		t.Run(name, func(t *testing.T) {
			c, r := g.raw("")
			var sent sync.WaitGroup
			sent.Go(func() { _, _ = io.WriteString(c, "POST /m HTTP/1.1\r\nHost: a\r\n"+head) })
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatalf("no answer: %v", err)
			}
			b, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatalf("read answer: %v", err)
			}
			wantProblem(t, resp, string(b), 413, message.ProblemTooLarge, message.NoReason)
			c.Close()
			sent.Wait()
		})
	}
}

func TestBodyAtTheLimitIsAccepted(t *testing.T) {
	g := behind(t, answers(t, "hello"), func(o *Options) { o.Limits.Body = 100_000 })
	if resp, _ := g.do("POST", "/m", strings.Repeat("x", 100_000)); resp.StatusCode != 200 {
		t.Errorf("answer = %d, want 200", resp.StatusCode)
	}
}

func TestHeadThatIsTooLargeIsRefusedAudibly(t *testing.T) {
	// 431 and 414 (RFC 9110 15.5.15) arrive though the client goes on sending.
	long := strings.Repeat("x", 3<<20)
	for name, c := range map[string]struct {
		head string
		want int
	}{
		"a long field":     {"GET /m HTTP/1.1\r\nHost: a\r\nX: " + long + "\r\n\r\n", 431},
		"many fields":      {"GET /m HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: 0123456789\r\n", 200_000) + "\r\n", 431},
		"a long target":    {"GET /m?" + long + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
		"a long authority": {"GET http://" + long + "/m HTTP/1.1\r\nHost: a\r\n\r\n", 414},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t)
			c1, r := g.raw("")
			var sent sync.WaitGroup
			sent.Go(func() { _, _ = io.WriteString(c1, c.head) })
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatalf("no answer: %v", err)
			}
			b, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatalf("read answer: %v", err)
			}
			wantProblem(t, resp, string(b), c.want, message.ProblemTooLarge, message.NoReason)
			c1.Close()
			sent.Wait()
		})
	}
}

func TestSlowHeadIsTimedOut(t *testing.T) {
	// A client may not hold a connection by sending its head octet by octet.
	synctest.Test(t, func(t *testing.T) {
		g := bubble(t, func(o *Options) { o.Limits.ReadHead = 3 * time.Second })
		start := time.Now()
		c, r := g.raw("GET /m HTTP/1.1\r\n")
		go func() {
			for range 60 {
				time.Sleep(500 * time.Millisecond)
				if _, err := io.WriteString(c, "X"); err != nil {
					return
				}
			}
		}()
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != 408 || time.Since(start) > 4*time.Second {
			t.Errorf("answer = %d after %v, want 408 after 3s", resp.StatusCode, time.Since(start))
		}
	})
}

func TestConnectionsAreLimited(t *testing.T) {
	g := start(t, func(o *Options) { o.Limits.Connections = 2 })
	for range 2 {
		g.raw("")
	}
	eventually(t, "two connections", func() bool { return g.proxy.Stats().Connections == 2 })
	_, r := g.raw("")
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "1" || !strings.Contains(string(b), "urn:modgate:unavailable") {
		t.Errorf("answer = %d %v %q, %v", resp.StatusCode, resp.Header, b, err)
	}
}

// A body that is broken is answered 400, which says what is wrong, wherever it
// breaks and however it comes, as long as no answer has begun.
func TestMalformedBodyIsTheClientsFault(t *testing.T) {
	reads := func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			t.Error("the upstream got a whole body")
		}
	}
	h2, _ := behindH2C(t, reads)
	for protocol, g := range map[string]*gate{"HTTP/1.1": behind(t, upstreamOf(t, reads)), "HTTP/2": h2} {
		for name, c := range map[string]struct {
			body string
			want error
		}{
			"in the first line":           {"xyz\r\n", errChunkSize},
			"in a line feed":              {"5\nhello\r\n0\r\n\r\n", errChunkSize},
			"behind the first chunk":      {"5\r\nhelloxyz\r\n", errChunkEnd},
			"in the second line":          {"5\r\nhello\r\nxyz\r\n", errChunkSize},
			"after more than is buffered": {strings.Repeat("5\r\nhello\r\n", 20_000) + "xyz\r\n", errChunkSize},
			"in the first trailer":        {"0\r\nxyz\r\n\r\n", errTrailer},
			"in a trailer behind chunks":  {"5\r\nhello\r\n0\r\nX: 1\r\n: 2\r\n\r\n", errTrailer},
			"at its end":                  {"5\r\nhel", errBody},
			"before its begin":            {"", errBody},
		} {
			for way, head := range map[string]string{
				"alone":             "POST /m HTTP/1.1\r\nHost: a\r\n",
				"isolated":          "GET /m HTTP/1.1\r\nHost: a\r\n",
				"after a request":   "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\nPUT /m HTTP/1.1\r\nHost: a\r\n",
				"that was to wait":  "POST /m HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n",
				"on a last request": "PUT /m HTTP/1.1\r\nHost: a\r\nConnection: close\r\n",
				"with a part of it": "PUT /m HTTP/1.1\r\nHost: a\r\nX-Long: " + strings.Repeat("x", 2*readBuffer) + "\r\n",
			} {
				t.Run(protocol+", "+name+", "+way, func(t *testing.T) {
					c1, r := g.raw(head + "Transfer-Encoding: chunked\r\n\r\n" + c.body)
					_ = c1.(*net.TCPConn).CloseWrite()
					resp, err := http.ReadResponse(r, nil)
					for err == nil && resp.StatusCode < 300 {
						resp, err = http.ReadResponse(r, nil)
					}
					if err != nil {
						t.Fatal(err)
					}
					b, _ := io.ReadAll(resp.Body)
					if p := wantProblem(t, resp, string(b), 400, message.ProblemInvalid, message.NoReason); p.Detail != c.want.Error() || !resp.Close {
						t.Errorf("detail = %q, closed %v; want %q, and closed", p.Detail, resp.Close, c.want)
					}
				})
			}
		}
	}
}

func TestPanicEndsOneRequestOnly(t *testing.T) {
	g := start(t)
	m := g.module("m")
	m.SetState(nil) // what only a fault of ours could do
	resp, body := g.do("GET", "/m", "")
	wantProblem(t, resp, body, 500, message.ProblemInternal, message.NoReason)
	g.ready(m, instance("a", "m", "1.0.0", answers(t, "hello")))
	if resp, _ := g.do("GET", "/m", ""); resp.StatusCode != 200 {
		t.Errorf("next request: %d, want 200", resp.StatusCode)
	}
}

func TestShutdownWaitsForRunsAndCutsThemAtItsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		lasts, patience time.Duration
		want            error
	}{
		"in time":  {200 * time.Millisecond, 5 * time.Second, nil},
		"too long": {time.Minute, 300 * time.Millisecond, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			entered := make(chan struct{})
			end := make(chan struct{})
			up := upstreamOf(t, func(_ http.ResponseWriter, r *http.Request) {
				close(entered)
				select {
				case <-time.After(c.lasts):
				case <-r.Context().Done():
				case <-end:
				}
			})
			defer close(end)
			g := prepare(t)
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			g.address = ln.Addr().String()
			served := make(chan error, 1)
			go func() { served <- g.proxy.Serve(ln) }()
			a := instance("a", "m", "1.0.0", up)
			g.ready(g.module("m"), a)
			done := g.send(get)
			<-entered

			ctx, cancel := context.WithTimeout(context.Background(), c.patience)
			defer cancel()
			if err := g.proxy.Shutdown(ctx); !errors.Is(err, c.want) {
				t.Errorf("Shutdown = %v, want %v", err, c.want)
			}
			if err := <-served; err != nil {
				t.Errorf("Serve = %v", err)
			}
			if r := <-done; (r.err == nil) != (c.want == nil) {
				t.Errorf("the run's answer: %+v", r)
			}
			if n := a.Runs(); n != 0 {
				t.Errorf("%d runs left", n)
			}
			if n := g.proxy.Stats().Connections; n != 0 {
				t.Errorf("%d connections left", n)
			}
		})
	}
}
