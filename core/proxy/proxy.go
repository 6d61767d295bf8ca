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
// It is the only importer of fasthttp, which parses nothing that others wrote:
// a client's heads and chunks are read, checked and framed anew before it
// (intake.go), and every other request is refused before routing; an upstream's
// answer is read and written past it (reply.go, respond.go). What a request
// needs lives in an exchange, from the first octet of its head to the
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
	"sync/atomic"

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

	// Settings are those to begin with.
	Settings

	// Watcher notices clients that leave while they are parked (A6), and is
	// its maker's to close. Nil: one of the proxy's own.
	Watcher *park.Watcher

	// Streams is told of streams, and by others when they must end (V8). Nil:
	// they never must.
	Streams *Streams

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

	TLS func() *tls.Config // for https upstreams, asked for each connection; nil: the system's roots

	Log *slog.Logger // for what nobody is left to be told; nil: slog.Default
}

// Proxy serves the data plane. Create it with New.
type Proxy struct {
	Options      // but for Settings, which are in terms
	closeWatcher func() error

	terms    atomic.Pointer[terms]
	server   *fasthttp.Server
	h2       h2Servers
	stopping atomic.Bool // answers end their connections
	stats    counters

	exchanges  sync.Pool  // of *exchange
	signers    *sync.Pool // of runs
	answerings sync.Pool  // of *answering
	adapteds   sync.Pool  // of *adapted
	queries    sync.Pool  // of *fallback.Query
	buffers    sync.Pool  // of *[]byte, for a head and 64 KiB of a body
	heads      sync.Pool  // of *[]byte, with room for a head
	upstreams  upstreams
	clients    clients
}

// New returns a proxy that owns goroutines until Shutdown.
func New(o Options) (*Proxy, error) {
	switch {
	case o.Live == nil || o.Room == nil:
		return nil, errors.New("create proxy: Options.Live and Options.Room are required")
	case len(o.RunKey) == 0:
		return nil, errors.New("create proxy: Options.RunKey is required")
	}
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
	t := o.Settings.terms()
	o.Settings = Settings{}
	p := &Proxy{Options: o, closeWatcher: func() error { return nil }}
	p.terms.Store(t)
	if o.Watcher == nil {
		w, err := park.NewWatcher()
		if err != nil {
			return nil, fmt.Errorf("create proxy: %w", err)
		}
		p.Watcher, p.closeWatcher = w, w.Close
	}
	p.signers = newSigners(o.RunKey)
	p.exchanges.New = func() any { return newExchange(p) }
	p.answerings.New = func() any { return new(answering) }
	p.queries.New = func() any { return new(fallback.Query) }
	p.adapteds.New = func() any { return new(adapted) }
	p.buffers.New = func() any { b := make([]byte, 64<<10+p.terms.Load().Head); return &b }
	p.heads.New = func() any { b := make([]byte, 0, p.terms.Load().Head); return &b }
	p.server = p.newServer()
	p.h2.renew(p, t)
	p.upstreams.open(p)
	return p, nil
}
