package control

import (
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// What policies are asked on transitions, and what they are told.

// decider returns what answers the machine's questions about the module: the
// policies, told what a record does not hold. It takes mu.
func (c *Control) decider(name string) fallback.Decide {
	return func(q fallback.Query) fallback.Decision {
		c.mu.Lock()
		q.Target.Losses = c.lossesOf(name, q.Now)
		if q.Entrypoint == fallback.Update {
			q.Platform.Updating = c.updating(name)
		}
		c.mu.Unlock()
		return c.o.Decide(q)
	}
}

// updating counts the other modules with a granted UPDATE. The caller holds mu.
func (c *Control) updating(name string) (n int) {
	for _, e := range c.modules {
		if g := &e.record.Grant; e.name != name && !g.IsZero() && g.Lost == message.NoReason {
			n++
		}
	}
	return n
}

// watched reports whether policies want to see the requests to a module that
// is ready (A2).
func (c *Control) watched(r *lifecycle.Record, now time.Time) bool {
	if r.Serving() == nil {
		return false
	}
	return c.o.Decide(fallback.Query{Entrypoint: fallback.Watch, Now: now, Target: r.Target(now)}).Watch
}

// plan returns what policies say of requests to e's module in the state s. The
// caller holds mu.
func (c *Control) plan(e *entry, s *route.State, now time.Time) fallback.Plan {
	if c.o.Plan == nil || s.Availability == message.Unknown {
		return nil
	}
	t := e.record.Target(now)
	t.Losses = c.lossesOf(e.name, now)
	if s.Older != nil {
		t.Older = s.Older.Version.String()
	}
	return c.o.Plan(t)
}

// review has those asked about again who are parked at e's module, now that
// its state is another.
func (c *Control) review(e *entry) {
	if st := e.route.State(); st.Availability != message.Ready {
		c.o.Review(e.route, st.Edition)
	}
}

// Reconsider asks again what was asked under other policies: which modules that
// are ready are watched, who may stay parked, and what administrators must be
// told of. What was decided on transitions stays decided.
func (c *Control) Reconsider() {
	c.mu.Lock()
	all := make([]*entry, 0, len(c.modules))
	for _, e := range c.modules {
		all = append(all, e)
	}
	c.mu.Unlock()
	for _, e := range all {
		c.reconsider(e)
	}
}

func (c *Control) reconsider(e *entry) {
	e.stepping.Lock()
	defer e.stepping.Unlock()
	now := c.now()
	watched := c.watched(e.record, now) // nobody else replaces it while stepping is held
	c.mu.Lock()
	e.route.SetState(c.state(e, now, watched))
	c.alert(e)
	c.mu.Unlock()
	c.review(e)
}

// rate returns how fast those who are parked may go to e's module, as the
// policy says; 0, all at once, if they cannot go there anyway (A5).
func (c *Control) rate(e *entry, r lifecycle.Record) int {
	s := r.Serving()
	if s == nil {
		return 0
	}
	c.mu.Lock()
	release := c.config.Module(e.name).Release
	c.mu.Unlock()
	now := c.now()
	d := c.o.Decide(fallback.Query{Entrypoint: fallback.Resume, Now: now, Target: r.Target(now), Parked: c.o.Parked(e.route)})
	return release.Clamp(d.Rate)
}
