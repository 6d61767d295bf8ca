package control

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/requirement"
	"github.com/modgate/modgate/core/route"
)

// process is one registered instance as the data plane sees it.
type process struct {
	module string
	route  *route.Instance
	caller *route.Caller
	token  route.TokenHash
	lease  time.Duration
	expiry time.Time          // of the lease; guarded by Control.mu
	told   requirement.Cursor // nil until it has one; guarded by Control.mu

	// phantom stands for the runs of before a restart, which nobody counts
	// any more (G6): a run that never ends, so that no drain is reported.
	phantom bool // guarded by Control.mu
}

// install makes next the module's picture: for requests, dependents and
// whoever waits. It returns the notices that are due now, and the incidents
// that are over.
func (c *Control) install(e *entry, next lifecycle.Record) ([]message.Notice, []string) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	e.record = &next
	c.view.Set(e.record)
	callers := c.match(e, now)
	c.admit(e) // before the state: who reads it must get in
	e.route.SetState(c.state(e, now))
	c.bar(e) // after it: who was late looks again
	c.regenerate(e, callers)
	c.inform(e)
	close(e.changed)
	e.changed = make(chan struct{})
	return c.due(e, now), c.reckon(e, now)
}

// match makes a process for every instance that registered and lets go those
// that are gone. It reports whether the set of tokens changed.
func (c *Control) match(e *entry, now time.Time) (changed bool) {
	gone := map[string]*process{}
	for id, p := range c.instances {
		if p.module == e.name {
			gone[id] = p
		}
	}
	for i := range e.record.Versions {
		v := &e.record.Versions[i]
		for j := range v.Instances {
			in := &v.Instances[j]
			p := gone[in.ID]
			if p == nil || p.token != route.TokenHash(in.Token) {
				p = c.newProcess(e.name, v, in, now)
				changed = true
			}
			delete(gone, in.ID)
			c.watch(in, p)
		}
	}
	for id, p := range gone {
		if c.instances[id] == p {
			delete(c.instances, id)
			c.o.Forget(id)
			c.o.Unreach(id)
		}
		p.route.Close()
		c.queue.mark(id)
	}
	return changed || len(gone) > 0
}

func (c *Control) newProcess(name string, v *lifecycle.Version, in *lifecycle.Instance, now time.Time) *process {
	if old := c.instances[in.ID]; old != nil {
		old.route.Close()
		c.o.Forget(in.ID)
	}
	p := &process{module: name, token: route.TokenHash(in.Token), lease: in.Lease}
	p.route = route.NewInstance(in.ID, name, v.Version.String(), in.Upstream, func(i *route.Instance, turn uint64) {
		c.queue.add(name, lifecycle.Drained{Instance: i.ID, Turn: turn})
	})
	p.route.Close()
	p.caller = &route.Caller{Instance: p.route, OnDelay: in.OnDelay}
	if c.config.Module(name).OnDelay == message.Reply {
		p.caller.OnDelay = message.Reply // A8: operators may turn park into reply
	}
	p.expiry = c.leaseEnd(now, p.lease)
	c.instances[in.ID] = p
	return p
}

// watch tries the socket of an instance that refuses connections (L6).
func (c *Control) watch(in *lifecycle.Instance, p *process) {
	if !in.Socket {
		c.o.Unreach(in.ID)
		return
	}
	id, name := in.ID, p.module
	c.o.Reach(id, in.Upstream, func() {
		p.route.Reached()
		c.queue.add(name, lifecycle.Reachable{Instance: id})
	})
}

// admit opens the instances that take requests from now on.
func (c *Control) admit(e *entry) {
	for i := range e.record.Versions {
		for _, in := range e.record.Versions[i].Instances {
			p := c.instances[in.ID]
			p.caller.SetFenced(!in.Opens())
			p.haunt(in.Uncounted)
			if in.Phase == message.Serving || in.Phase == message.Updating {
				p.route.Open()
			}
		}
	}
}

// haunt makes the runs of before a restart count as one, or no longer.
func (p *process) haunt(yes bool) {
	switch {
	case yes && !p.phantom:
		p.route.Open()
		p.phantom = p.route.Enter()
	case !yes && p.phantom:
		p.phantom = false
		p.route.Leave()
	}
}

// runs is the number of runs in flight that are known.
func (p *process) runs() int64 {
	n := p.route.Runs()
	if p.phantom {
		n--
	}
	return n
}

// bar closes those that take none, and lets the others finish (V2, U2). A
// drain whose runs were lost count of is not reported (G6).
func (c *Control) bar(e *entry) {
	older := e.route.State().Older
	for i := range e.record.Versions {
		for _, in := range e.record.Versions[i].Instances {
			p := c.instances[in.ID]
			switch in.Phase {
			case message.Serving, message.Updating:
			case message.Draining, message.Waiting:
				if in.Drained {
					p.route.Close()
				} else {
					p.route.Drain(in.DrainTurn)
				}
			case message.Starting, message.Idle, message.Fenced, message.Out:
				if older == nil || !slices.Contains(older.Instances, p.route) {
					p.route.Close()
				}
			}
		}
	}
}

// state is what a request needs to know of e's module.
func (c *Control) state(e *entry, now time.Time) *route.State {
	r := e.record
	s := &route.State{
		Availability: r.Availability(), Reason: r.Reason(), Turn: r.Turn, Epoch: r.Epoch, Since: r.Absence.Since,
		Identified: c.config.Module(e.name).Callers == config.Identified,
	}
	for i := range r.Versions {
		v := &r.Versions[i]
		if own := c.version(v, message.Draining, message.Waiting); own != nil {
			own.DrainedAt, own.Sunset = v.Drain.Since, v.Drain.Until
			s.Own = append(s.Own, own)
		}
	}
	if v := r.Serving(); v != nil {
		s.Serving = c.version(v, message.Serving)
		return s
	}
	if s.Availability == message.Delayed {
		s.Until = r.Absence.Until
	}
	if p := c.instances[r.Grant.Instance]; p != nil && r.Grant.Lost == message.NoReason {
		s.Holder = p.route
	}
	s.Older = c.older(r)
	s.Decision = c.o.Decide(fallback.Query{Entrypoint: fallback.Request, Target: target(r, now)})
	return s
}

// version returns v with its instances of those phases, or nil without any.
func (c *Control) version(v *lifecycle.Version, phases ...message.Phase) *route.Version {
	out := &route.Version{Version: v.Version}
	for _, in := range v.Instances {
		if slices.Contains(phases, in.Phase) && !(in.Drained && in.Phase != message.Serving) {
			out.Instances = append(out.Instances, c.instances[in.ID].route)
		}
	}
	if out.Instances == nil {
		return nil
	}
	return out
}

// older returns the version that a fallback may use: the highest idle one,
// which is neither below the floor nor draining (A3).
func (c *Control) older(r *lifecycle.Record) *route.Version {
	for i := len(r.Versions) - 1; i >= 0; i-- {
		v := &r.Versions[i]
		if v.Version.Less(r.Floor) {
			return nil
		}
		if o := c.version(v, message.Idle); o != nil {
			for _, in := range o.Instances {
				in.Open()
			}
			return o
		}
	}
	return nil
}

func target(r *lifecycle.Record, now time.Time) fallback.Target {
	t := fallback.Target{Module: r.Module, State: r.Availability(), Reason: r.Absence.Reason, Since: r.Absence.Since}
	t.Absent = max(0, now.Sub(r.Absence.Since))
	if v := r.Owner(); v != nil {
		t.Version = v.Version.String()
	}
	t.TTLLeft = max(0, r.Absence.Until.Sub(now))
	return t
}

// regenerate publishes a generation if topology or tokens changed.
func (c *Control) regenerate(e *entry, callers bool) {
	old := c.o.Live.Load()
	g := *old
	known := old.Modules[e.name] != nil
	if !known {
		g.Modules = maps.Clone(old.Modules)
		g.Modules[e.name] = e.route
	}
	if callers {
		g.Callers = make(map[route.TokenHash]*route.Caller, len(c.instances))
		for _, p := range c.instances {
			g.Callers[p.token] = p.caller
		}
	}
	live, removed := c.routes(e)
	rerouted := !known || !slices.EqualFunc(live, e.live, sameRoute) || len(removed) != len(e.removed)
	if rerouted {
		table, evicted, err := fit(g.Table, e.route, entries(e.route, live, removed))
		for _, m := range evicted {
			c.modules[m.Name].live, c.modules[m.Name].removed = nil, nil
		}
		if err != nil {
			c.o.Raise(e.name, lifecycle.Alert{Key: "routes/" + e.name, Critical: true, Summary: err.Error()})
		} else {
			g.Table, e.live, e.removed = table, live, removed
		}
	}
	starting := c.startingUntil()
	if !known || callers || rerouted || !starting.Equal(old.StartingUntil) {
		g.StartingUntil = starting
		c.o.Live.Store(&g)
	}
}

// routes are those of the record, or, of a module that never registered, the
// paths that the configuration gives it (G3).
func (c *Control) routes(e *entry) ([]message.Route, []lifecycle.Removed) {
	if len(e.record.Versions) > 0 {
		return e.record.Routes()
	}
	var live []message.Route
	for _, p := range c.config.Module(e.name).Paths {
		live = append(live, message.Route{Path: p})
	}
	return live, nil
}

func sameRoute(a, b message.Route) bool {
	return a.Path == b.Path && a.Interface == b.Interface && slices.Equal(a.Methods, b.Methods)
}

func entries(m *route.Module, live []message.Route, removed []lifecycle.Removed) []route.Entry {
	var out []route.Entry
	add := func(r message.Route, in string) {
		out = append(out, route.Entry{Methods: r.Methods, Path: r.Path, Interface: r.Interface, RemovedIn: in})
	}
	for _, r := range live {
		add(r, "")
	}
	for _, r := range removed {
		add(r.Route, r.In.String())
	}
	return out
}

// fit gives m its routes in t. A module that is missing must make way for
// another's (V9); those that did are returned.
func fit(t *route.Table, m *route.Module, routes []route.Entry) (_ *route.Table, evicted []*route.Module, _ error) {
	for {
		next, err := t.With(m, routes)
		var conflict *route.ConflictError
		if !errors.As(err, &conflict) || conflict.With.State().Availability != message.Missing {
			return next, evicted, err
		}
		if t, err = t.With(conflict.With, nil); err != nil {
			return nil, nil, err
		}
		evicted = append(evicted, conflict.With)
	}
}

// startingUntil is G3's deadline, while a configured module has never
// registered.
func (c *Control) startingUntil() time.Time {
	var until time.Time
	for _, m := range c.config.Modules {
		if e := c.modules[m.Name]; e == nil || len(e.record.Versions) == 0 {
			if u := c.started.Add(m.StartTTL); u.After(until) {
				until = u
			}
		}
	}
	return until
}
