// Package control takes what happens to modules through the store and the
// lifecycle's machine, one event of a module at a time, and performs the
// effects: it publishes routes and states, releases who is parked, hands out
// notices, raises alerts. It owns the one timer.
//
// It decides order and durability: an event counts when its record is saved,
// and is seen by requests before its answer is sent. It never decides what an
// event means; core/lifecycle does.
package control

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/requirement"
	"github.com/modgate/modgate/core/route"
	"github.com/modgate/modgate/core/store"
)

// The spaces of the store that control writes.
const (
	recordSpace = "modules" // module -> lifecycle.Record
	cursorSpace = "cursors" // instance -> requirement.Cursor
)

// Options are what a Control works with. Its functions must not block and
// must not call back into it.
type Options struct {
	Store  store.Store
	Live   *route.Live
	Config *config.Config
	Decide fallback.Decide
	Plan   func(fallback.Target) fallback.Plan      // for requests to a module in that state; nil: policies say nothing
	Alerts func(fallback.Query) []fallback.Incident // what the administrator must be told of; nil: nothing
	RunKey []byte                                   // of it the webhook secrets are derived
	Log    *slog.Logger

	Adapters *adapter.Slots // where a module's routes find its adapter; nil: none has one

	Release      func(m *route.Module, turn uint64, rate int) // wake who is parked; at most rate a second, or, for 0, at once (A5)
	Review       func(m *route.Module, edition uint64)        // ask again about who is parked
	Recall       func(m *route.Module, edition uint64)        // let who is parked look again: some of its routes went elsewhere
	Parked       func(m *route.Module) fallback.Parked        // who is
	EndStreams   func(*route.Instance)                        // and let none begin (V8)
	AdmitStreams func(*route.Instance)                        // from now on

	Tell    func(message.Notice)                          // hand to delivery
	Forget  func(instance string)                         // end delivery to it
	Attach  func(Webhook)                                 // deliver there, too
	Raise   func(module string, a lifecycle.Alert)        // open an incident
	Call    func(module, key string, i fallback.Incident) // open one that a policy calls for
	Resolve func(key string)                              // end one
	Reach   func(instance, upstream string, again func()) // try its socket until it connects (L6)
	Unreach func(instance string)                         // stop trying
	Observe func(Happening)                               // after each event that changed something
}

// Control holds the present picture of all modules. Open makes one.
type Control struct {
	o      Options
	config *config.Config // guarded by mu

	mu        sync.Mutex
	modules   map[string]*entry         // guarded by mu
	view      requirement.View          // guarded by mu
	instances map[string]*process       // by instance id; guarded by mu
	cursors   map[string]store.Revision // of stored cursors, by instance id; guarded by mu
	incidents map[string]*incident      // unmet requirements, by alert key; guarded by mu
	flapping  map[string]*losses        // by instance id; guarded by mu
	debts     map[string]*debt          // by instance id; guarded by mu
	edition   uint64                    // of the State published last; guarded by mu
	settled   time.Time                 // no lease expires before (G6)
	started   time.Time                 // with its monotonic reading

	queue   queue
	alarmed chan struct{} // holds one: a module's state changed
	begun   chan struct{} // closed by Begin
	done    sync.WaitGroup
	stop    context.CancelFunc
}

// entry is one module.
type entry struct {
	name string
	// stepping is held from reading the record until its effects are done:
	// one event of a module at a time. It is taken before Control.mu.
	stepping sync.Mutex

	// guarded by Control.mu
	record    *lifecycle.Record // immutable, replaced
	stored    stored
	trail     trail
	route     *route.Module
	routes    allotment
	processes map[string]*process // by instance id
	changed   chan struct{}       // closed by the next publication
	alarm     alarm
}

// Open reads all records, applies what a restart means to them (G6), and
// publishes the first generation. Then requests may be let in (G3).
func Open(o Options) (*Control, error) {
	now := time.Now()
	c := &Control{
		o: o, config: o.Config, modules: map[string]*entry{}, instances: map[string]*process{}, cursors: map[string]store.Revision{}, incidents: map[string]*incident{}, flapping: map[string]*losses{}, debts: map[string]*debt{},
		settled: now.Add(o.Config.Gateway.Settle), started: now,
	}
	c.queue.wake, c.alarmed, c.begun = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{})
	c.o.Live.Store(&route.Generation{Table: &route.Table{}, Modules: map[string]*route.Module{}, Callers: map[route.TokenHash]*route.Caller{}})
	if err := c.load(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.stop = cancel
	c.done.Go(func() { c.run(ctx) })
	if o.Alerts != nil {
		c.done.Go(func() { c.alarms(ctx) })
	}
	return c, nil
}

// Begin is told, once, that requests are let in: from now on policies are asked
// which incidents administrators must be told of. While a gateway opens, modules
// are in no trouble that lasts, and the first request would wait for the answers.
func (c *Control) Begin() { close(c.begun) }

// load brings every stored record, and every module that is configured, to
// life.
func (c *Control) load() error {
	cursors, err := c.loadCursors()
	if err != nil {
		return err
	}
	records, err := c.records()
	if err != nil {
		return err
	}
	for _, r := range records {
		e := c.entry(r.Module)
		e.record, e.stored, e.trail = &r.Record, r.stored, r.Trail
		c.view.Set(e.record)
	}
	back := c.behind(records)
	restarts := make([]move, len(records))
	for i, r := range records {
		restarts[i] = move{r.Module, []lifecycle.Event{lifecycle.Restarted{Settled: c.settled, Back: back[r.Started]}}}
	}
	// None is told anything before all are there.
	if err := failed("restart module", c.applyAll(restarts)); err != nil {
		return err
	}
	c.adopt(cursors)
	if err := c.configure(c.settled); err != nil {
		return err
	}
	c.tellAll()
	return nil
}

// configure makes the modules known that the configuration names; the
// absence of a new one counts from since (A7).
func (c *Control) configure(since time.Time) error {
	moves := make([]move, len(c.config.Modules))
	for i := range moves {
		moves[i] = move{c.config.Modules[i].Name, []lifecycle.Event{lifecycle.Configured{Since: since}}}
	}
	return failed("configure module", c.applyAll(moves))
}

// Reconfigure puts cfg in the place of the present configuration (C1). No
// registered version is dropped by it.
func (c *Control) Reconfigure(cfg *config.Config) error {
	former := c.setConfig(cfg)
	c.queue.wakeUp()
	if err := c.configure(c.now()); err != nil {
		c.setConfig(former)
		return err
	}
	c.Reconsider() // what requests see of a module says who may call it
	return nil
}

func (c *Control) setConfig(cfg *config.Config) (former *config.Config) {
	c.mu.Lock()
	defer c.mu.Unlock()
	former, c.config = c.config, cfg
	return former
}

// Close stops the timer and waits for what is under way. The store stays
// open; it belongs to who opened it.
func (c *Control) Close() {
	c.stop()
	c.done.Wait()
}

// entry returns the module's entry, which it makes if need be.
func (c *Control) entry(name string) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.modules[name]
	if e == nil {
		e = &entry{name: name, record: &lifecycle.Record{Module: name}, route: route.NewModule(name), changed: make(chan struct{})}
		e.route.Adapter = c.o.Adapters.Of(name)
		c.modules[name] = e
	}
	return e
}
