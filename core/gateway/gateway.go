// Package gateway is the composition root: it opens every part in order,
// starts and joins every goroutine, and closes in the order that keeps the
// promises: processes first, then requests, then what they stand on.
//
// It decides order and ownership, nothing else.
package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/api"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/control"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/notify"
	"github.com/modgate/modgate/core/park"
	"github.com/modgate/modgate/core/probe"
	"github.com/modgate/modgate/core/proxy"
	"github.com/modgate/modgate/core/route"
	"github.com/modgate/modgate/core/store"
	"github.com/modgate/modgate/core/store/bolt"
	"github.com/modgate/modgate/core/voice"
	"github.com/modgate/modgate/plugins"
	"github.com/modgate/modgate/policies"
)

// A call has so long to send its head, and a kept connection to be used again.
const (
	callHead = 10 * time.Second
	callIdle = 75 * time.Second
)

// lockWait is how long another gateway may take to leave the data directory.
const lockWait = 5 * time.Second

// Options are what a gateway is opened with.
type Options struct {
	Config  *config.Config
	Reload  func() (*config.Config, any) // reads the configuration again: it, or diagnostics
	Log     *slog.Logger
	Version string

	wires wires
}

// wires connect the gateway with others where there are no sockets: in tests
// with virtual time. A nil field is the real thing.
type wires struct {
	listen  func(data, control string) (net.Listener, net.Listener, error)
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	watcher *park.Watcher // of clients that leave
	egress  func(network, address string) (net.Listener, error)
}

// Gateway is a running gateway. Open makes one.
type Gateway struct {
	o          Options
	log        *slog.Logger
	data, ctrl net.Listener
	adminToken string // path of the file
	keys       atomic.Pointer[keys]

	store     store.Store
	policies  *policies.Engine
	live      route.Live
	adapters  adapter.Slots
	plugins   atomic.Pointer[plugins.Folder] // nil: there is none yet
	room      *park.Room
	streams   proxy.Streams
	alerts    *alert.Desk
	sinks     sinks // guarded by reload
	notices   *notify.Post
	sockets   *probe.Sockets
	processes *probe.Supervisor
	control   *control.Control
	voices    atomic.Pointer[voice.Voices] // set once control is open
	proxy     *proxy.Proxy
	api       *http.Server
	feed      api.Feed

	serving sync.WaitGroup
	failed  chan error // holds one: why serving ended
	closers []func()   // in order of opening

	calls       *bounded       // the control listener, as it is served
	reload      sync.Mutex     // held by Reload and Plan, over all that they lead to
	config      *config.Config // in force; guarded by reload, as below
	pending     []string       // settings that wait for the next start
	policyFiles uint64         // as they were when they were last read

	mu      sync.Mutex
	passing map[string]map[string]bool // keys of alerts by the modules whose being ready ends them; guarded by mu
}

// Open makes the gateway ready: every record is read, every promise in force,
// both sockets bound. Nobody is answered before Serve (G3). The caller must
// Close it.
func Open(o Options) (_ *Gateway, err error) {
	g := &Gateway{o: o, log: o.Log, failed: make(chan error, 1)}
	defer func() {
		if err != nil {
			g.closeAll()
		}
	}()
	for _, open := range []func() error{g.openState, g.openDelivery, g.openPolicies, g.openKeys, g.openPlugins, g.openControl, g.openFollower, g.openVoices, g.openListeners, g.openFronts} {
		if err := open(); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// openState opens the data directory: secrets and records.
func (g *Gateway) openState() error {
	cfg := *g.o.Config
	dir := cfg.Gateway.DataDir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	g.adminToken = filepath.Join(dir, adminTokenFile)
	if err := withJoinSecret(&cfg, dir); err != nil {
		return err
	}
	g.config = &cfg
	s, err := bolt.Open(filepath.Join(dir, "modgate.db"), lockWait)
	if err != nil {
		return err
	}
	g.store = s // an interface: one of several engines
	g.onClose(func() { g.closing("the store", s.Close()) })
	return nil
}

// openDelivery opens whatever carries words: alerts, notices, sockets tried
// again, processes.
func (g *Gateway) openDelivery() error {
	g.sinks.log = g.log
	g.onClose(func() { g.sinks.close() })
	g.alerts = alert.Open(alert.Options{Sinks: g.sinks.configure(g.config.Sinks), Log: g.log})
	g.onClose(g.alerts.Close)
	g.notices = notify.Open(notify.Options{
		Told:    func(n message.Notice) { g.control.Told(n) },
		Overdue: g.overdue,
		Settled: func(w notify.Webhook) { g.alerts.Clear(webhookKey(w)) },
	})
	g.onClose(g.notices.Close)
	g.sockets = probe.OpenSockets(probe.SocketOptions{Dial: g.o.wires.dial})
	g.onClose(g.sockets.Close)
	g.room = park.NewRoom(parking(g.config))
	g.onClose(g.room.Close)
	return nil
}

func (g *Gateway) openControl() (err error) {
	key, err := runKey(g.store)
	if err != nil {
		return err
	}
	g.control, err = control.Open(control.Options{
		Store: g.store, Live: &g.live, Config: g.config, RunKey: key, Log: g.log,
		Decide: g.policies.Decide, Plan: g.plan, Alerts: g.policies.Incidents, Call: g.called,
		Adapters: &g.adapters,
		Release: func(m *route.Module, turn uint64, rate int) {
			g.room.Release(m.Name, turn, rate)
			if m.State().Availability == message.Ready {
				g.opened(m.Name)
			}
		},
		Recall:     func(m *route.Module, edition uint64) { g.room.Recall(m.Name, edition) },
		Review:     func(m *route.Module, edition uint64) { g.room.Review(m.Name, edition) },
		Parked:     g.waiting,
		EndStreams: g.streams.End, AdmitStreams: g.streams.Admit,
		Tell:    g.tell,
		Forget:  g.notices.Forget,
		Attach:  func(w control.Webhook) { g.notices.Attach(notify.Webhook(w)) },
		Raise:   g.raise,
		Resolve: g.alerts.Clear,
		Reach:   g.sockets.Watch,
		Unreach: g.sockets.Stop,
		Observe: g.observe,
	})
	if err != nil {
		return err
	}
	g.onClose(g.control.Close)
	g.proxy, err = proxy.New(proxy.Options{
		Live: &g.live, Room: g.room, Streams: &g.streams, RunKey: key, Log: g.log, Settings: settings(g.config, g.keys.Load()),
		Unreachable: g.control.Unreachable, Announce: g.announce, Cycle: g.cycle, Astray: g.astray, Lacking: g.lacking, Dial: g.o.wires.dial, Watcher: g.o.wires.watcher,
		TLS: g.upstreamTLS,
	})
	return err
}

// openVoices lets whoever is declared in full be spoken for.
func (g *Gateway) openVoices() error {
	o := voice.Options{
		Control: g.control, Live: &g.live, Store: g.store, Alerts: g.alerts, Adapters: &g.adapters, Log: g.log,
		Client: probe.NewClient(probe.ClientOptions{Dial: g.o.wires.dial, TLS: g.upstreamTLS}),
		Egress: g.proxy.ServeEgress, Listen: g.o.wires.egress,
	}
	v, err := voice.Open(o)
	if err != nil {
		return err
	}
	g.onClose(v.Close)
	g.voices.Store(v)
	return v.Declare(g.config)
}

// tell passes on that a notice is owed, to whoever brings it.
func (g *Gateway) tell(n message.Notice) {
	g.notices.Put(n)
	if v := g.voices.Load(); v != nil {
		v.Tell(n.Receiver)
	}
}

// observe passes on that an event was saved.
func (g *Gateway) observe(h control.Happening) {
	g.feed.Observe(h)
	if v := g.voices.Load(); v != nil {
		v.Observe(h.Module)
	}
}

func (g *Gateway) openListeners() (err error) {
	listen := listeners
	if g.o.wires.listen != nil {
		listen = g.o.wires.listen
	}
	g.data, g.ctrl, err = listen(g.config.Gateway.Listen, g.config.Gateway.Control.Listen)
	if err != nil {
		return err
	}
	g.onClose(func() {
		g.data.Close() //nolint:errcheck // closed by Close already, unless Open failed
		g.ctrl.Close() //nolint:errcheck // likewise
	})
	return nil
}

func (g *Gateway) openFronts() error {
	token, err := secretFile(g.config.Gateway.DataDir, adminTokenFile)
	if err != nil {
		return err
	}
	g.processes, err = g.openProcesses()
	if err != nil {
		return err
	}
	handler := api.New(api.Options{
		Control: g.control, Notices: g.notices, Alerts: g.alerts, Processes: g.processes, Feed: &g.feed,
		AdminToken: hash(token), Open: loopback(g.ctrl), Version: g.o.Version, Log: g.log,
		Parked: g.parked, Stats: g.proxy.Stats, Plugins: g.pluginViews, Policies: g.policyStats,
		Ready:  func() error { return nil },
		Reload: g.Reload,
		Plan:   g.Plan, Pending: g.Pending,
	})
	calls, end := context.WithCancel(context.Background())
	g.api = &http.Server{
		BaseContext: func(net.Listener) context.Context { return calls },
		Handler:     handler, ReadHeaderTimeout: callHead, IdleTimeout: callIdle,
		MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
	g.calls = newBounded(g.ctrl, g.config.Gateway.Limits.Connections, func() *tls.Config { return g.keys.Load().controlTLS })
	g.api.RegisterOnShutdown(end) // answers calls that are held, ends streams
	return nil
}

// Serve lets requests in, then starts the processes, and returns when ctx
// ends or a front fails. It does not close.
func (g *Gateway) Serve(ctx context.Context) error {
	g.serving.Go(func() { g.ended("data", g.proxy.Serve(g.data)) })
	g.voices.Load().Serve()
	g.serving.Go(func() { g.ended("control", g.api.Serve(g.calls)) })
	g.log.Info("modgate is ready", "version", g.o.Version, "data", g.data.Addr().String(), "control", g.ctrl.Addr().String(), "admin_token_file", g.adminToken)
	g.notices.Deliver(g.control.Owed)
	g.control.Begin()
	if err := g.startProcesses(); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-g.failed:
		return err
	}
}

// ended notes that a front stopped serving; after Close that is no fault.
func (g *Gateway) ended(front string, err error) {
	if err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		select {
		case g.failed <- fmt.Errorf("serve the %s listener: %w", front, err):
		default:
		}
	}
}

// Close stops within the configured bound, and a little more: processes say
// DISCONNECT and exit; requests end, parked ones are answered DELAY; state is
// on disk already.
func (g *Gateway) Close() error {
	g.reload.Lock()
	limit := g.config.Gateway.Timeouts.Shutdown
	g.reload.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	g.processes.Close()
	var errs []error
	if err := g.proxy.Shutdown(ctx); err != nil {
		errs = append(errs, fmt.Errorf("end the requests in flight: %w", err))
	}
	g.notices.Close() // ends the streams, which would hold the API open
	if err := g.api.Shutdown(ctx); err != nil {
		g.api.Close() //nolint:errcheck // the bound counts
	}
	// A front that begins to serve only now, after a stop at the very start,
	// must find its listener closed.
	g.data.Close() //nolint:errcheck // closed by its server already
	g.ctrl.Close() //nolint:errcheck // likewise
	g.serving.Wait()
	g.closeAll()
	return errors.Join(errs...)
}

func (g *Gateway) onClose(f func()) { g.closers = append(g.closers, f) }

func (g *Gateway) closeAll() {
	for i := len(g.closers) - 1; i >= 0; i-- {
		g.closers[i]()
	}
	g.closers = nil
}

func (g *Gateway) closing(what string, err error) {
	if err != nil {
		g.log.Error("close "+what, "cause", err)
	}
}

// Addresses returns where the gateway listens.
func (g *Gateway) Addresses() (data, control string) {
	return g.data.Addr().String(), g.ctrl.Addr().String()
}

// AdminTokenFile returns the path of the administrator's token.
func (g *Gateway) AdminTokenFile() string { return g.adminToken }

func (g *Gateway) parked(module string) (int, time.Duration) {
	c := g.room.Parked(module)
	return c.Parked, c.Longest
}
