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

// install makes the records of the steps' modules their picture: for requests,
// dependents and whoever waits. It returns what has to follow. The caller holds
// mu.
func (c *Control) install(steps []*step) aftermath {
	now := c.now()
	callers := false
	for _, s := range steps {
		callers = c.match(s.e, now) || callers
	}
	for _, s := range steps {
		c.admit(s.e) // before the state: who reads it must get in
		s.e.route.SetState(c.state(s.e, now, s.watched))
		c.bar(s.e) // after it: who was late looks again
	}
	after := aftermath{lost: c.regenerate(steps, callers)}
	c.inform(steps)
	for _, s := range steps {
		close(s.e.changed)
		s.e.changed = make(chan struct{})
		c.alert(s.e)
		after.due = append(after.due, c.due(s.e, now)...)
	}
	after.due = once(after.due)
	c.owe(after.due, now)
	for _, s := range steps {
		after.over = append(append(after.over, c.reckon(s.e, now)...), c.forgive(s.e)...)
	}
	return after
}

// aftermath is what follows from a new picture of modules.
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
func (c *Control) regenerate(steps []*step, callers bool) (lost []*entry) {
	old := c.o.Live.Load()
	g := *old
	g.Modules = c.known(steps, old.Modules)
	if callers {
		g.Callers = make(map[route.TokenHash]*route.Caller, len(c.instances))
		for _, p := range c.instances {
			g.Callers[p.token] = p.caller
		}
	}
	for _, s := range steps {
		if old.Modules[s.e.name] == nil || !c.settledRoutes(s.e) {
			var more []*entry
			g.Table, more = c.allot(g.Table, s.e)
			lost = append(lost, more...)
		}
	}
	g.StartingUntil = c.startingUntil()
	if len(g.Modules) != len(old.Modules) || callers || g.Table != old.Table || !g.StartingUntil.Equal(old.StartingUntil) {
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

// known returns modules with those of the steps, whose names are never taken
// out again.
func (c *Control) known(steps []*step, modules map[string]*route.Module) map[string]*route.Module {
	cloned := false
	for _, s := range steps {
		if modules[s.e.name] != nil {
			continue
		}
		if !cloned {
			modules, cloned = maps.Clone(modules), true
		}
		modules[s.e.name] = s.e.route
	}
	return modules
}

// startingUntil is G3's deadline, while a configured module has never
// registered.
func (c *Control) startingUntil() time.Time {
	var until time.Time
	for i := range c.config.Modules {
		m := &c.config.Modules[i]
		if e := c.modules[m.Name]; e == nil || len(e.record.Versions) == 0 {
			if u := c.started.Add(m.StartTTL); u.After(until) {
				until = u
			}
		}
	}
	return until
}
