package proxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// hangsUp makes an upstream that takes requests and closes the connection, and
// counts them.
func hangsUp(t *testing.T) (url string, taken *atomic.Int64) {
	t.Helper()
	taken = new(atomic.Int64)
	return upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		taken.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			c.Close()
		}
	}), taken
}

// two puts m behind two instances.
func two(g *gate, first, second string) (a, b *route.Instance) {
	a, b = instance("a", "m", "1.0.0", first), instance("b", "m", "1.0.0", second)
	g.ready(g.module("m"), a, b)
	return a, b
}

func TestInstanceThatHasOnlyBegunGetsAPart(t *testing.T) {
	g := start(t, func(o *Options) { o.Limits.SlowStart = time.Hour })
	a, b := two(g, "http://a", "http://b")
	a.Share(time.Now().Add(-2*time.Hour), time.Hour) // has served for long
	x := newExchange(g.proxy)
	count := 0
	for range 4000 {
		if x.pick([]*route.Instance{a, b}) == b {
			count++
		}
	}
	if count < 200 || count > 550 { // an eleventh is 364
		t.Errorf("of 4000 requests the new instance gets %d, want a tenth of the other's", count)
	}
}

func TestTheLessBusyOfTwoIsPicked(t *testing.T) {
	g := start(t)
	a, b := two(g, "http://a", "http://b")
	for range 3 {
		a.Enter(0)
	}
	x := newExchange(g.proxy)
	for range 100 {
		if x.pick([]*route.Instance{a, b}) != b {
			t.Fatal("the busier instance is picked")
		}
	}
}

// An instance that gives no proper answers gets no requests for a while, and
// is tried again then.
func TestFailingInstanceIsOutAndReturns(t *testing.T) {
	g := start(t, func(o *Options) {
		o.Limits.Failures, o.Limits.Ejection, o.Limits.SlowStart = 3, 100*time.Millisecond, -1
	})
	bad, taken := hangsUp(t)
	a, _ := two(g, bad, answers(t, "hello"))
	failed := 0
	for range 200 {
		if resp, _ := g.do("POST", "/m", ""); resp.StatusCode != 200 {
			failed++
		}
		if a.Out(time.Now()) {
			break
		}
	}
	if failed != 3 || g.proxy.Stats().Ejected != 1 {
		t.Errorf("%d requests failed, ejected %d times; want 3, once", failed, g.proxy.Stats().Ejected)
	}
	eventually(t, "tried again", func() bool {
		g.do("POST", "/m", "")
		return taken.Load() > 3
	})
}

// Where most instances fail, something else is wrong, and all are used.
func TestMostInstancesAreNeverOut(t *testing.T) {
	g := start(t)
	a, b := two(g, "http://a", "http://b")
	x, now := newExchange(g.proxy), time.Now()
	both := []*route.Instance{a, b}
	a.Failed(now, 1, time.Hour)
	if !x.avoids(a, both, now) || x.avoids(b, both, now) {
		t.Error("one of two is out, and not avoided")
	}
	b.Failed(now, 1, time.Hour)
	if x.avoids(a, both, now) || x.avoids(b, both, now) {
		t.Error("both are out, and avoided")
	}
}

func TestRequestWithoutAnswerGoesToAnotherInstanceWhereThatIsSafe(t *testing.T) {
	for name, tc := range map[string]struct {
		method, body string
		headers      []string
		repeated     bool
	}{
		"GET":                           {"GET", "", nil, true},
		"PUT with a body at hand":       {"PUT", "body", nil, true},
		"PUT with a body that streams":  {"PUT", strings.Repeat("x", 2*readAhead), nil, false},
		"POST":                          {"POST", "body", nil, false},
		"POST with an Idempotency-Key":  {"POST", "body", []string{"Idempotency-Key", `"7"`}, true},
		"PATCH, which may happen twice": {"PATCH", "", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, func(o *Options) { o.Limits.Failures = -1 })
			bad, taken := hangsUp(t)
			two(g, bad, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				_, _ = w.Write(b)
			}))
			for range 30 {
				before := taken.Load()
				resp, body := g.do(tc.method, "/m", tc.body, tc.headers...)
				hit := taken.Load() - before
				switch {
				case hit == 0 || tc.repeated:
					if resp.StatusCode != 200 || body != tc.body {
						t.Errorf("answer = %d with %d bytes, want 200 with %d", resp.StatusCode, len(body), len(tc.body))
					}
				case resp.StatusCode != http.StatusBadGateway:
					t.Errorf("answer = %d with %d bytes after %d tries, want 502", resp.StatusCode, len(body), hit)
				}
				if hit > 1 {
					t.Errorf("sent to the failing instance %d times", hit)
				}
				if taken.Load() == 5 {
					return // of ten that the budget has at first
				}
			}
		})
	}
}

func TestRetriesHaveABudget(t *testing.T) {
	g := start(t, func(o *Options) { o.Limits.Failures, o.Limits.Retries, o.Limits.RetryBudget = -1, 5, 20 })
	bad, taken := hangsUp(t)
	g.ready(g.module("m"), instance("a", "m", "1.0.0", bad))
	const requests = 100
	for range requests {
		if resp, _ := g.do("GET", "/m", ""); resp.StatusCode != http.StatusBadGateway {
			t.Fatalf("answer = %d, want 502", resp.StatusCode)
		}
	}
	// Ten at once, and a fifth of all that is sent, retries too.
	if got := taken.Load(); got <= requests || got > requests+10+(requests+40)/5 {
		t.Errorf("%d requests were sent %d times", requests, got)
	}
}

// counted is a connection that says when it is closed.
type counted struct {
	net.Conn
	closed func()
}

func (c *counted) Close() error {
	c.closed()
	return c.Conn.Close()
}

// One instance has no more connections than it may; who finds none waits for
// one.
func TestConnectionsToAnInstanceAreBounded(t *testing.T) {
	var open, most atomic.Int64
	g := start(t, func(o *Options) {
		o.Limits.Upstream = 2
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			nc, err := new(net.Dialer).DialContext(ctx, network, address)
			n := open.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			return &counted{nc, sync.OnceFunc(func() { open.Add(-1) })}, err
		}
	})
	goOn := make(chan struct{})
	a := instance("a", "m", "1.0.0", upstreamOf(t, func(_ http.ResponseWriter, r *http.Request) {
		<-goOn
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	g.ready(g.module("m"), a)
	var sent sync.WaitGroup
	for i := range 12 {
		method, body := "GET", ""
		if i%3 == 0 { // a body that streams wants a connection of its own
			method, body = "POST", strings.Repeat("x", 2*readAhead)
		}
		sent.Go(func() {
			if resp, _ := g.do(method, "/m", body); resp.StatusCode != 200 {
				t.Errorf("answer = %d, want 200", resp.StatusCode)
			}
		})
	}
	eventually(t, "all wait", func() bool { return a.Runs() == 12 })
	close(goOn)
	sent.Wait()
	if most.Load() != 2 {
		t.Errorf("%d connections at once, want 2", most.Load())
	}
}

func TestWhoFindsNoConnectionInTimeIsTold(t *testing.T) {
	release := make(chan struct{})
	g := start(t, func(o *Options) { o.Limits.Upstream, o.Limits.FirstByte = 1, 100*time.Millisecond })
	// An event stream takes the one connection.
	a := instance("a", "m", "1.0.0", upstreamOf(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		<-release
	}))
	defer close(release)
	g.ready(g.module("m"), a)
	_, r := g.raw("GET /m HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, err := http.ReadResponse(r, nil); err != nil {
		t.Fatal(err)
	}
	resp, body := g.do("GET", "/m", "")
	if resp.StatusCode != 503 || !strings.Contains(resp.Header.Get("Proxy-Status"), "connection_limit_reached") || resp.Header.Get("Retry-After") == "" {
		t.Errorf("answer = %d %v %s", resp.StatusCode, resp.Header, body)
	}
	eventually(t, "out of the queue", func() bool { return a.Runs() == 1 })
}

// Trace context is the client's or its module's: the gateway passes it on, to
// whatever instance in the end answers, and begins none (W3C Trace Context).
func TestTraceContextIsPassedOn(t *testing.T) {
	const parent, state = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "vendor=1,other=2"
	g := start(t)
	m := g.module("m")
	g.away(m, message.ReasonUpdating, time.Minute)
	good := upstreamOf(t, headers("Traceparent", "Tracestate", "Baggage"))
	bad, _ := hangsUp(t)
	go func() {
		eventually(t, "parked", func() bool { return g.room.Parked("m").Parked == 1 })
		g.ready(m, instance("a", "m", "1.0.0", bad), instance("b", "m", "1.0.0", good))
	}()
	want := "Traceparent=" + parent + "\nTracestate=" + state + "\nBaggage=user=7\n"
	for range 8 {
		if _, body := g.do("GET", "/m", "", "traceparent", parent, "tracestate", state, "baggage", "user=7"); body != want {
			t.Errorf("upstream got %q, want %q", body, want)
		}
	}
	if _, body := g.do("GET", "/m", ""); body != "Traceparent=\nTracestate=\nBaggage=\n" {
		t.Errorf("upstream got %q, want no trace that the client did not begin", body)
	}
}
