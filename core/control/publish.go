package control

import (
	"maps"
	"slices"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// install makes next the module's picture: for requests, dependents and
// whoever waits. It returns what has to follow.
func (c *Control) install(e *entry, next lifecycle.Record) aftermath {
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
	lost := c.regenerate(e, callers)
	c.inform(e)
	close(e.changed)
	e.changed = make(chan struct{})
	c.alert(e)
	due := c.due(e, now)
	c.owe(due, now)
	return aftermath{due, append(c.reckon(e, now), c.forgive(e)...), lost}
}

// aftermath is what follows from a new picture of a module.
type aftermath struct {
	due  []message.Notice
	over []string // incidents
	lost []*entry // of which routes went to another
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

// regenerate publishes a generation if topology or tokens changed. It returns
// the modules of which routes went to another.
func (c *Control) regenerate(e *entry, callers bool) []*entry {
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
	var lost []*entry
	rerouted := !known || !c.settledRoutes(e)
	if rerouted {
		g.Table, lost = c.allot(g.Table, e)
	}
	starting := c.startingUntil()
	if !known || callers || rerouted || !starting.Equal(old.StartingUntil) {
		g.StartingUntil = starting
		c.o.Live.Store(&g)
	}
	for _, f := range lost { // after the table: who parks by an older picture looks again
		st := *f.route.State()
		c.edition++
		st.Edition = c.edition
		f.route.SetState(&st)
	}
	return lost
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
