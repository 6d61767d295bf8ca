package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// nobody returns the address of a port where nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return "http://" + ln.Addr().String()
}

func TestRefusedConnectionIsTriedAgain(t *testing.T) {
	// L6: one refusal is no loss; the client sees neither.
	synctest.Test(t, func(t *testing.T) {
		up := memoryUpstream(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
		var dials atomic.Int64
		g := bubble(t, func(o *Options) {
			o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if dials.Add(1) == 1 {
					return nil, syscall.ECONNREFUSED
				}
				return up.dial(ctx, network, address)
			}
		})
		g.ready(g.module("m"), instance("a", "m", "1.0.0", "http://a"))
		r := <-g.send(get)
		r.want(t, 200, refusalWait)
		if n := g.unreachable.Load(); n != 0 {
			t.Errorf("%d instances reported out, want none", n)
		}
	})
}

func TestInstanceThatRefusesTwiceIsOut(t *testing.T) {
	// L6: reported once; the request is parked by the state that follows, and
	// served when the instance is back.
	synctest.Test(t, func(t *testing.T) {
		up := memoryUpstream(t, func(http.ResponseWriter, *http.Request) {})
		var back atomic.Bool
		var g *gate
		var m *route.Module
		var reported []*route.Instance
		g = bubble(t, func(o *Options) {
			o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if !back.Load() {
					return nil, syscall.ECONNREFUSED
				}
				return up.dial(ctx, network, address)
			}
			o.Unreachable = func(i *route.Instance) {
				reported = append(reported, i)
				g.away(m, message.ReasonLost, time.Minute)
			}
		})
		m = g.module("m")
		a := instance("a", "m", "1.0.0", "http://a")
		g.ready(m, a)
		done := g.send(get)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if len(reported) != 1 || reported[0] != a || g.room.Parked("m").Parked != 1 || a.Runs() != 0 {
			t.Fatalf("reported %v, parked %+v, runs %d; want a once, one, none", reported, g.room.Parked("m"), a.Runs())
		}
		back.Store(true)
		g.ready(m, instance("b", "m", "1.0.0", "http://a"))
		r := <-done
		r.want(t, 200, 10*time.Second)
	})
}

func TestRefusedConnectionGoesToAnotherInstance(t *testing.T) {
	g := start(t)
	g.ready(g.module("m"),
		instance("down", "m", "1.0.0", nobody(t)), instance("up", "m", "1.0.0", answers(t, "up")))
	for range 20 {
		resp, body := g.do("GET", "/m", "")
		wantFrom(t, "with one instance down", "up", resp, body)
	}
}

func TestUnreachableInstanceIsNeverABadGateway(t *testing.T) {
	// L6, even if nobody takes the instance out.
	synctest.Test(t, func(t *testing.T) {
		g := bubble(t, func(o *Options) {
			o.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED }
		})
		g.ready(g.module("m"), instance("a", "m", "1.0.0", "http://a"))
		r := <-g.send(get)
		wantProblem(t, r.Response, r.body, 503, message.ProblemDelay, message.NoReason)
	})
}

func TestUpstreamThatIsSilentIsGatewayTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := memoryUpstream(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		g := bubble(t, func(o *Options) {
			o.Dial = up.dial
			o.Limits.FirstByte = 7 * time.Second
		})
		g.ready(g.module("m"), instance("a", "m", "1.0.0", "http://a"))
		r := <-g.send(get)
		r.want(t, 504, 7*time.Second)
		wantProblem(t, r.Response, r.body, 504, message.ProblemUpstream, message.NoReason)
		if got := r.Header.Get("Proxy-Status"); got != "modgate; error=http_response_timeout" {
			t.Errorf("Proxy-Status = %q", got)
		}
	})
}

func TestUpstreamThatHangsUpIsBadGateway(t *testing.T) {
	g := behind(t, scripted(t, "").url, func(o *Options) { o.Limits.FirstByte = 100 * time.Millisecond })
	resp, body := g.do("GET", "/m", "")
	wantProblem(t, resp, body, 504, message.ProblemUpstream, message.NoReason)

	g = behind(t, upstreamOf(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	resp, body = g.do("GET", "/m", "")
	wantProblem(t, resp, body, 502, message.ProblemUpstream, message.NoReason)
	if got := resp.Header.Get("Proxy-Status"); got != "modgate; error=connection_terminated" {
		t.Errorf("Proxy-Status = %q", got)
	}
}

// pair is a connection whose other end the test holds.
func pair(t *testing.T) (here, there net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if here, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if there, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close(); there.Close() })
	return here, there
}

func TestIdleConnectionIsCleanOrNotUsed(t *testing.T) {
	here, there := pair(t)
	h := newHealth(here)
	if !h.clean() {
		t.Error("a quiet connection is not clean")
	}
	if _, err := io.WriteString(there, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "bytes that nobody asked for are noticed", func() bool { return !h.clean() })

	here, there = pair(t)
	h = newHealth(here)
	there.Close()
	eventually(t, "a closed connection is noticed", func() bool { return !h.clean() })
}

func TestDeadlineOfAnEarlierRequestIsNoneOfTheNext(t *testing.T) {
	// A kept connection's timer goes off while nobody uses it, or early.
	up := scripted(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	g := behind(t, up.url, func(o *Options) { o.Limits.FirstByte = 40 * time.Millisecond })
	for i := range 8 {
		if resp, body := g.do("GET", "/m", ""); resp.StatusCode != 200 || body != "ok" {
			t.Fatalf("request %d: %d %q, want 200 ok", i, resp.StatusCode, body)
		}
		g.proxy.upstreams.all.Range(func(_, v any) bool {
			u := v.(*upstream)
			u.mu.Lock()
			defer u.mu.Unlock()
			for _, c := range u.idle {
				eventually(t, "the timer went off", func() bool { return i%2 == 1 || time.Now().After(c.deadline.armed.Add(20*time.Millisecond)) })
			}
			return true
		})
	}
	if n := up.conns.Load(); n != 1 {
		t.Errorf("%d connections to the upstream, want 1", n)
	}
}

// flaky wraps a dial so that the n-th write on a connection fails.
type flaky struct {
	net.Conn
	writes, fail int
	partly       bool
}

func (f *flaky) Write(p []byte) (int, error) {
	if f.writes++; f.writes != f.fail {
		return f.Conn.Write(p)
	}
	_ = f.Conn.Close()
	if f.partly {
		return 1, syscall.ECONNRESET
	}
	return 0, syscall.ECONNRESET
}

func TestStaleConnectionIsRetriedOnlyIfNothingCanHappenTwice(t *testing.T) {
	for name, c := range map[string]struct {
		method string
		partly bool
		want   int
	}{
		"GET, nothing written":   {"GET", false, 200},
		"GET, partly written":    {"GET", true, 200},
		"POST, nothing written":  {"POST", false, 200},
		"POST, partly written":   {"POST", true, 502},
		"PATCH, partly written":  {"PATCH", true, 502},
		"DELETE, partly written": {"DELETE", true, 200},
	} {
		t.Run(name, func(t *testing.T) {
			g := behind(t, answers(t, "hello"), func(o *Options) {
				o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
					nc, err := new(net.Dialer).DialContext(ctx, network, address)
					return &flaky{Conn: nc, fail: 2, partly: c.partly}, err
				}
			})
			if resp, _ := g.do("GET", "/m", ""); resp.StatusCode != 200 {
				t.Fatalf("first: %d", resp.StatusCode)
			}
			if resp, _ := g.do(c.method, "/m", ""); resp.StatusCode != c.want {
				t.Errorf("on the stale connection: %d, want %d", resp.StatusCode, c.want)
			}
		})
	}
}

func TestIdleConnectionsAreSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int64
		up := memoryUpstream(t, func(http.ResponseWriter, *http.Request) {})
		up.server.ConnState = func(_ net.Conn, s http.ConnState) {
			switch s {
			case http.StateNew:
				open.Add(1)
			case http.StateClosed:
				open.Add(-1)
			default: // open as before
			}
		}
		g := bubble(t, func(o *Options) { o.Dial, o.Limits.Idle = up.dial, time.Hour })
		a := instance("a", "m", "1.0.0", "http://a")
		g.ready(g.module("m"), a)
		<-g.send(get)
		if n := open.Load(); n != 1 {
			t.Fatalf("%d connections are kept, want 1", n)
		}
		g.configure(func(s *Settings) { s.Limits.Idle = time.Minute })
		time.Sleep(3 * time.Minute)
		if n := open.Load(); n != 0 {
			t.Errorf("%d connections are kept after their time, want 0", n)
		}
		if _, ok := g.proxy.upstreams.all.Load(a); ok {
			t.Error("an instance that is not used is kept")
		}
	})
}

func TestForgottenUpstreamIsFoundAgain(t *testing.T) {
	// A request may hold what a sweep closes at that moment.
	g := start(t)
	a := instance("a", "m", "1.0.0", answers(t, "hello"))
	g.ready(g.module("m"), a)
	up, err := g.proxy.upstreams.of(a)
	if err != nil || !up.sweep(time.Now()) {
		t.Fatalf("a new upstream is not swept: %v", err)
	}
	if resp, _ := g.do("GET", "/m", ""); resp.StatusCode != 200 {
		t.Errorf("answer = %d, want 200", resp.StatusCode)
	}
}

func TestUpstreamOverTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
	defer s.Close()
	g := behind(t, s.URL, func(o *Options) {
		o.TLS = func() *tls.Config { return s.Client().Transport.(*http.Transport).TLSClientConfig }
	})
	if resp, body := g.do("GET", "/m", ""); resp.StatusCode != 200 || body != "HTTP/1.1" {
		t.Errorf("answer = %d %q", resp.StatusCode, body)
	}
}

func TestUnreachable(t *testing.T) {
	for err, want := range map[error]bool{
		syscall.ECONNREFUSED: true, syscall.EHOSTUNREACH: true, context.DeadlineExceeded: true,
		&net.DNSError{}: true, syscall.EMFILE: false, errors.New("other"): false,
	} {
		if got := unreachable(&net.OpError{Op: "dial", Err: err}); got != want {
			t.Errorf("unreachable(%v) = %v, want %v", err, got, want)
		}
	}
}
