package proxy

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
	"github.com/modgate/modgate/core/park"
	"github.com/modgate/modgate/core/route"
)

func TestMain(m *testing.M) {
	// fasthttp starts its clock on first use; outside of every bubble, please.
	_ = new(fasthttp.ResponseHeader).Header()
	m.Run()
}

// gate is a proxy under test with its platform: modules by name, each with
// the path /name and all below.
type gate struct {
	t       testing.TB
	proxy   *Proxy
	room    *park.Room
	live    *route.Live
	gen     route.Generation
	address string                         // of a real socket, or
	memory  *fasthttputil.InmemoryListener // in a bubble
	turn    uint64
	down    atomic.Bool // the test shuts it down itself

	unreachable atomic.Int64
	cycles      atomic.Int64
}

// start returns a running gateway on a real socket.
func start(t testing.TB, adjust ...func(*Options)) *gate {
	t.Helper()
	g := prepare(t, adjust...)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.address = ln.Addr().String()
	g.serve(ln)
	return g
}

// bubble returns a gateway for a synctest bubble: in memory, with virtual
// time, and without a watcher, which waits for real sockets.
func bubble(t testing.TB, adjust ...func(*Options)) *gate {
	t.Helper()
	g := prepare(t, append(adjust, func(o *Options) { o.Watcher = new(park.Watcher) })...)
	g.memory = fasthttputil.NewInmemoryListener()
	g.serve(g.memory)
	return g
}

func (g *gate) serve(ln net.Listener) {
	t := g.t
	var served sync.WaitGroup
	served.Go(func() {
		if err := g.proxy.Serve(ln); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if !g.down.Load() {
			if err := g.proxy.Shutdown(ctx); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
		}
		ln.Close() // of a test that was over before it was served
		served.Wait()
		if g.memory != nil {
			time.Sleep(time.Minute) // virtual: for fasthttp's worker pool to notice
		}
	})
}

func prepare(t testing.TB, adjust ...func(*Options)) *gate {
	t.Helper()
	g := &gate{t: t, room: park.NewRoom(park.Limits{}), live: new(route.Live)}
	g.gen = route.Generation{
		Table: new(route.Table), Modules: map[string]*route.Module{}, Callers: map[route.TokenHash]*route.Caller{},
	}
	g.live.Store(&g.gen)
	o := Options{
		Live: g.live, Room: g.room, RunKey: []byte("run key"),
		Log:         slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
		Unreachable: func(*route.Instance) { g.unreachable.Add(1) },
		Cycle:       func(_, _ string) { g.cycles.Add(1) },
	}
	for _, f := range adjust {
		f(&o)
	}
	var err error
	if g.proxy, err = New(o); err != nil {
		t.Fatal(err)
	}
	return g
}

// publish makes change in a copy of the generation and publishes it.
func (g *gate) publish(change func(*route.Generation)) {
	next := route.Generation{
		Table: g.gen.Table, Modules: map[string]*route.Module{}, Callers: map[route.TokenHash]*route.Caller{},
		StartingUntil: g.gen.StartingUntil,
	}
	for k, v := range g.gen.Modules {
		next.Modules[k] = v
	}
	for k, v := range g.gen.Callers {
		next.Callers[k] = v
	}
	change(&next)
	g.gen = next
	g.live.Store(&next)
}

// module adds a module, of which nothing is known yet, with its routes.
func (g *gate) module(name string, entries ...route.Entry) *route.Module {
	g.t.Helper()
	m := route.NewModule(name)
	if entries == nil {
		entries = []route.Entry{{Path: "/" + name}, {Path: "/" + name + "/{rest}"}}
	}
	g.publish(func(gen *route.Generation) {
		table, err := gen.Table.With(m, entries)
		if err != nil {
			g.t.Fatal(err)
		}
		gen.Table, gen.Modules[name] = table, m
	})
	return m
}

// set publishes a state of m and releases who waits for it.
func (g *gate) set(m *route.Module, st route.State) *route.State {
	g.turn++
	st.Turn = g.turn
	if st.Epoch == 0 {
		st.Epoch = 7
	}
	m.SetState(&st)
	rate := 0
	if st.Availability == message.Ready {
		rate = 20_000
	}
	g.room.Release(m.Name, st.Turn, rate)
	return &st
}

// ready makes m ready by the instances.
func (g *gate) ready(m *route.Module, instances ...*route.Instance) {
	g.set(m, route.State{Availability: message.Ready, Serving: version(instances...)})
}

// away makes m delayed for ttl.
func (g *gate) away(m *route.Module, why message.Reason, ttl time.Duration) *route.State {
	return g.set(m, route.State{
		Availability: message.Delayed, Reason: why, Since: time.Now(), Until: time.Now().Add(ttl),
	})
}

func version(instances ...*route.Instance) *route.Version {
	return &route.Version{Version: module.MustVersion(instances[0].Version), Instances: instances}
}

func instance(id, mod, v, upstream string) *route.Instance {
	return route.NewInstance(id, mod, v, upstream, func(*route.Instance, uint64) {})
}

// caller registers i's token and returns it.
func (g *gate) caller(i *route.Instance) (string, *route.Caller) {
	token := "token-of-" + i.ID
	c := &route.Caller{Instance: i}
	g.publish(func(gen *route.Generation) { gen.Callers[sha256.Sum256([]byte(token))] = c })
	return token, c
}

// upstreamOf serves h at an address of its own.
func upstreamOf(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// answers makes an upstream that says text.
func answers(t *testing.T, text string) string {
	t.Helper()
	return upstreamOf(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
}

// do sends a request and returns the answer with its body read.
func (g *gate) do(method, path, body string, headers ...string) (*http.Response, string) {
	g.t.Helper()
	req, err := http.NewRequest(method, "http://"+g.address+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		g.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatalf("%s %s: read body: %v", method, path, err)
	}
	return resp, string(b)
}

// raw sends bytes on a connection of its own.
func (g *gate) raw(text string) (net.Conn, *bufio.Reader) {
	g.t.Helper()
	c, err := g.dial()
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		g.t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

func (g *gate) dial() (net.Conn, error) {
	if g.memory != nil {
		return g.memory.Dial()
	}
	c, err := net.Dial("tcp", g.address)
	if err == nil {
		err = c.SetDeadline(time.Now().Add(10 * time.Second))
	}
	return c, err
}

// eventually waits for a condition of another goroutine.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// wantClosed reads the rest of an answer and wants the connection's end.
func wantClosed(t *testing.T, c net.Conn, resp *http.Response) {
	t.Helper()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Errorf("read body: %v", err)
	}
	if n, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("read after the answer = %d, %v; want the connection closed", n, err)
	}
}
