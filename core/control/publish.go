package control

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// install makes next the module's picture: for requests, dependents and
// whoever waits. It returns the notices that are due now, and the incidents
// that are over.
func (c *Control) install(e *entry, next lifecycle.Record) ([]message.Notice, []string) {
	now := c.now()
	watched := c.watched(&next, now) // without the lock: policies take their time
	c.mu.Lock()
	defer c.mu.Unlock()
	e.record = &next
	c.view.Set(e.record)
	callers := c.match(e, now)
	c.admit(e) // before the state: who reads it must get in
	e.route.SetState(c.state(e, now, watched))
	c.bar(e) // after it: who was late looks again
	c.regenerate(e, callers)
	c.inform(e)
	close(e.changed)
	e.changed = make(chan struct{})
	c.alert(e)
	due := c.due(e, now)
	c.owe(due, now)
	return due, append(c.reckon(e, now), c.forgive(e)...)
}

// state is what a request needs to know of e's module.
func (c *Control) state(e *entry, now time.Time, watched bool) *route.State {
	r := e.record
	c.edition++
	s := &route.State{
		Edition:      c.edition,
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
		if s.Watched = watched; watched {
			s.Plan = c.plan(e, s, now)
		}
		return s
	}
	if s.Availability == message.Delayed {
		s.Until = c.until(r.Absence.Until)
	}
	if p := c.instances[r.Grant.Instance]; p != nil && r.Grant.Lost == message.NoReason {
		s.Holder = p.route
	}
	s.Older = c.older(r)
	s.Plan = c.plan(e, s, now)
	return s
}

// version returns v with its instances of those phases, or nil without any.
func (c *Control) version(v *lifecycle.Version, phases ...message.Phase) *route.Version {
	out := &route.Version{Version: v.Version}
	for _, in := range v.Instances {
		if slices.Contains(phases, in.Phase) && (!in.Drained || in.Phase == message.Serving) {
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
			c.o.Resolve("routes/" + e.name)
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
