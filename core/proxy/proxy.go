// Package proxy is the request path: it takes a request from a client, finds
// the instance that it is for, and relays request and answer. Where there is
// none it parks the request, or answers DELAY, MISSING or a fallback itself.
//
// It decides who a caller is (I1), which instance gets a request, when a
// request waits, and what is relayed. It never decides whether a module is
// ready: it reads that from the published state, once per look. A request to
// a ready module meets no lock of the lifecycle, no policy and no allocation
// of ours (A2).
//
// It is the only importer of fasthttp, which parses nothing that a client
// wrote: heads and chunks are read, checked and framed anew before it
// (intake.go), and every other request is refused before routing. What a
// request needs lives in an exchange, from the first octet of its head to the
// last of its answer.
package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/park"
	"github.com/modgate/modgate/core/route"
)

// Options say what a Proxy works with.
type Options struct {
	Live   *route.Live // required; holds a generation before Serve (G3)
	Room   *park.Room  // required; closed by Shutdown
	RunKey []byte      // required; signs Modgate-Run (U11); survives restarts (G6)
	Limits Limits

	// Watcher notices clients that leave while they are parked (A6), and is
	// its maker's to close. Nil: one of the proxy's own.
	Watcher *park.Watcher

	// Origins may read the gateway's own answers with credentials (3.2).
	Origins []string

	// Streams is told of streams, and by others when they must end (V8). Nil:
	// they never must.
	Streams *Streams

	// Tenant names the header that tells policies the tenant; empty: none does.
	Tenant string

	// Astray is told that a decision sends a request to a module that there is
	// not, or that does not take this caller's (A3, I1). It is told every time.
	Astray func(module string, d *fallback.Decision, why string)

	// Lacking is told that a decision sends a request for the module from to the
	// module to, which is not ready (A3). It is told every time.
	Lacking func(from, to *route.Module)

	// Unreachable is told, once per loss, that an instance refuses
	// connections (L6). When it returns, the module's State says so.
	Unreachable func(*route.Instance)

	// Announce is told what a request of a module that speaks another dialect
	// means (L4), before the module has its answer. Nil: nothing is asked.
	Announce func(who *route.Caller, what []message.Announcement) error

	// Cycle is told that a request of the module from to the module to would
	// have waited for itself (U11). It is told every time.
	Cycle func(from, to string)

	// Dial connects to upstreams; nil: net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	ServerTLS *tls.Config        // of the listeners; nil: clear text
	TLS       func() *tls.Config // for https upstreams, asked for each connection; nil: the system's roots

	Log *slog.Logger // for what nobody is left to be told; nil: slog.Default
}

// Limits bound what clients and upstreams may make the gateway hold or wait
// for. A zero field is its default.
type Limits struct {
	Head        int   // bytes of a request's line and headers, and of an answer's, 16 KiB; more is 431, or 502
	Body        int64 // bytes of a request's body, 1 GiB; more is 413
	Connections int   // of clients at once, 10,000
	Streams     int   // of one HTTP/2 connection at once, 250
	Upstream    int   // connections to one instance at once, 1,000; more requests wait for one

	Connect   time.Duration // an upstream to accept, 2 s
	FirstByte time.Duration // an upstream to begin its answer, 1 min; then 504
	Idle      time.Duration // a kept connection to be used again, and a body to go on, 75 s
	Stream    time.Duration // an upgraded connection or event stream to go on, 1 h
	ReadHead  time.Duration // a client to send its head, 10 s; then 408
	Wait      time.Duration // a request to be parked where no deadline is known, 30 s
	Request   time.Duration // a request to be answered whole, event streams apart, 1 h; negative: no end

	SlowStart   time.Duration // for an instance to get its whole share, 10 s; negative: at once
	Failures    int           // in a row after which an instance is out, 5; negative: never
	Ejection    time.Duration // for which it is out at first, 5 s
	Retries     int           // of one request that had no answer, where that is safe, 1; negative: none
	RetryBudget int           // retries for a hundred requests to an instance, 20
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.Head, 16<<10)
	setDefault(&l.Body, 1<<30)
	setDefault(&l.Connections, 10_000)
	setDefault(&l.Connect, 2*time.Second)
	setDefault(&l.FirstByte, time.Minute)
	setDefault(&l.Idle, 75*time.Second)
	setDefault(&l.Stream, time.Hour)
	setDefault(&l.ReadHead, 10*time.Second)
	setDefault(&l.Wait, 30*time.Second)
	setDefault(&l.Streams, 250)
	setDefault(&l.Upstream, 1000)
	setDefault(&l.Request, time.Hour)
	setDefault(&l.SlowStart, 10*time.Second)
	setDefault(&l.Failures, 5)
	setDefault(&l.Ejection, 5*time.Second)
	setDefault(&l.Retries, 1)
	setDefault(&l.RetryBudget, 20)
	return l
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Proxy serves the data plane. Create it with New.
type Proxy struct {
	Options
	closeWatcher func() error

	origins map[string]bool
	server  *fasthttp.Server
	h2      h2Server
	stats   counters

	exchanges sync.Pool  // of *exchange
	signers   *sync.Pool // of runs
	adapteds  sync.Pool  // of *adapted
	queries   sync.Pool  // of *fallback.Query
	buffers   sync.Pool  // of *[]byte, for bodies
	heads     sync.Pool  // of *[]byte, with room for a head
	upstreams upstreams
	clients   clients
}

// New returns a proxy that owns goroutines until Shutdown.
func New(o Options) (*Proxy, error) {
	switch {
	case o.Live == nil || o.Room == nil:
		return nil, errors.New("create proxy: Options.Live and Options.Room are required")
	case len(o.RunKey) == 0:
		return nil, errors.New("create proxy: Options.RunKey is required")
	}
	o.Limits = o.Limits.withDefaults()
	setDefault(&o.Log, slog.Default())
	if o.Streams == nil {
		o.Streams = new(Streams)
	}
	if o.Unreachable == nil {
		o.Unreachable = func(*route.Instance) {}
	}
	if o.Astray == nil {
		o.Astray = func(string, *fallback.Decision, string) {}
	}
	if o.Lacking == nil {
		o.Lacking = func(_, _ *route.Module) {}
	}
	if o.Cycle == nil {
		o.Cycle = func(string, string) {}
	}
	if o.TLS == nil {
		o.TLS = func() *tls.Config { return new(tls.Config) }
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	p := &Proxy{Options: o, closeWatcher: func() error { return nil }, origins: make(map[string]bool)}
	if o.Watcher == nil {
		w, err := park.NewWatcher()
		if err != nil {
			return nil, fmt.Errorf("create proxy: %w", err)
		}
		p.Watcher, p.closeWatcher = w, w.Close
	}
	for _, origin := range o.Origins {
		p.origins[origin] = true
	}
	p.signers = newSigners(o.RunKey)
	p.exchanges.New = func() any { return newExchange(p) }
	p.queries.New = func() any { return new(fallback.Query) }
	p.adapteds.New = func() any { return new(adapted) }
	p.buffers.New = func() any { b := make([]byte, 64<<10); return &b }
	p.heads.New = func() any { b := make([]byte, 0, o.Limits.Head); return &b }
	p.server = p.newServer()
	p.openH2()
	p.upstreams.open(p)
	return p, nil
}
