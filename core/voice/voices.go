// Package voice speaks for instances that know nothing of the protocol
// (lifecycle.md L4): those of versions that the configuration declares in full.
// It registers them, renews their leases, says RESUME when they turn healthy,
// or UPDATE where that is wanted, tells them of the grant and of their notices
// through their module's adapter, and says DISCONNECT when they are declared no
// longer.
// What probes find of instances that speak for themselves it reports, too.
//
// It decides what a mute process would have to say, and when. What follows from
// that is the lifecycle's to decide, which hears nothing else from here than
// from anybody.
package voice

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/control"
	"github.com/modgate/modgate/core/probe"
	"github.com/modgate/modgate/core/route"
	"github.com/modgate/modgate/core/store"
)

// Options are what Voices work with.
type Options struct {
	Control  *control.Control
	Live     *route.Live
	Store    store.Store // remembers who was declared, over restarts
	Alerts   *alert.Desk
	Client   *probe.Client  // asks and tells instances
	Adapters *adapter.Slots // that speak the modules' dialects
	Log      *slog.Logger

	// Egress serves a data listener whose requests are those of caller, until
	// the listener is closed.
	Egress func(ln net.Listener, caller func() *route.Caller) error
	// Listen opens one; nil: net.Listen does.
	Listen func(network, address string) (net.Listener, error)
}

// Voices are those of all mute instances. Open makes them.
type Voices struct {
	o      Options
	health *probe.Health
	stop   context.CancelFunc
	ctx    context.Context
	wake   chan struct{} // holds one: look at everything
	done   sync.WaitGroup

	// declaring is held while a configuration is put in force.
	declaring sync.Mutex
	ledger    ledger // guarded by declaring
	serving   bool   // egress listeners are served; guarded by declaring

	mu      sync.Mutex
	cfg     *config.Config     // in force; guarded by mu, as below
	voices  map[string]*voice  // by instance id
	exits   map[string]*exit   // by address
	watched map[string]watch   // who speaks for itself, by instance id
	running map[string]process // by name: what is known of supervised processes

	touching sync.Mutex
	touched  map[string]bool // modules of which an event was saved; guarded by touching
}

// Open returns voices of nobody. What was declared before a restart is known.
func Open(o Options) (*Voices, error) {
	if o.Listen == nil {
		o.Listen = net.Listen
	}
	ctx, stop := context.WithCancel(context.Background())
	v := &Voices{
		o: o, ctx: ctx, stop: stop, wake: make(chan struct{}, 1), cfg: &config.Config{},
		voices: map[string]*voice{}, exits: map[string]*exit{}, watched: map[string]watch{}, running: map[string]process{}, touched: map[string]bool{},
	}
	var err error
	if v.ledger, err = openLedger(o.Store); err != nil {
		stop()
		return nil, err
	}
	v.health = probe.OpenHealth(probe.HealthOptions{
		Client: o.Client, Adapter: func(module string) adapter.Adapter { return o.Adapters.Of(module).Adapter() },
	})
	v.done.Go(v.tend)
	return v, nil
}

// Close lets all fall silent, without a word: a restart of the gateway is none
// of the modules'. Listeners that Serve was not called for are closed.
func (v *Voices) Close() {
	v.stop()
	v.health.Close()
	v.done.Wait()
	for _, voice := range v.all() {
		voice.end()
	}
	v.mu.Lock()
	exits := slices.Collect(maps.Values(v.exits))
	v.mu.Unlock()
	for _, e := range exits {
		e.close()
	}
}

// Observe is told that an event of the module was saved. It does not block.
func (v *Voices) Observe(module string) {
	v.touching.Lock()
	v.touched[module] = true
	v.touching.Unlock()
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// tend rouses the voices of a module whenever something happened to it, until
// the end.
func (v *Voices) tend() {
	for {
		select {
		case <-v.ctx.Done():
			return
		case <-v.wake:
		}
		v.touching.Lock()
		touched := v.touched
		v.touched = map[string]bool{}
		v.touching.Unlock()
		v.watch()
		for _, voice := range v.all() {
			if touched[voice.Module] {
				voice.rouse()
			}
		}
	}
}

// all returns the voices.
func (v *Voices) all() []*voice {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Collect(maps.Values(v.voices))
}

// of returns the voice of the instance that the supervised process is, or nil.
func (v *Voices) of(process string) *voice {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, voice := range v.voices {
		if voice.Process == process {
			return voice
		}
	}
	return nil
}

func (v *Voices) raise(key string, severity alert.Severity, module, format string, args ...any) {
	v.o.Alerts.Raise(alert.Alert{Key: key, Severity: severity, Module: module, Summary: fmt.Sprintf(format, args...)})
}
