package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/store"
)

// move is what happens to a module: one event, or several in a row.
type move struct {
	module string
	events []lifecycle.Event
}

// step is a move on its way through machine and store.
type step struct {
	e      *entry
	events []lifecycle.Event

	next    lifecycle.Record // what the record is in the end
	effects []lifecycle.Effect
	history []Happening // an entry for each event that changed something
	watched bool        // by policies, as it is next (A2)
	stands  bool        // an event was taken, and what it led to is saved
	err     error       // why not, or why one of the others was refused
}

// apply takes one event through machine and store, and performs its effects.
// An error means that nothing changed: the machine refused it, or it could
// not be saved.
func (c *Control) apply(name string, ev lifecycle.Event) (*lifecycle.Record, error) {
	s := c.applyAll([]move{{name, []lifecycle.Event{ev}}})[0]
	return &s.next, s.err
}

// applyAll is apply for what happens to as many modules, each by itself: one of
// which an event is refused, or cannot be saved, leaves the others alone. What
// they save shares the engine's transactions, and requests see one new picture
// of all.
func (c *Control) applyAll(moves []move) []*step {
	steps := make([]*step, len(moves))
	for i, m := range moves {
		steps[i] = &step{e: c.entry(m.module), events: m.events}
	}
	// In order of names: nobody waits for who waits for him.
	for _, s := range slices.SortedFunc(slices.Values(steps), func(a, b *step) int { return strings.Compare(a.e.name, b.e.name) }) {
		s.e.stepping.Lock()
		defer s.e.stepping.Unlock()
	}
	together(steps, c.advance)
	if standing := slices.DeleteFunc(slices.Clone(steps), func(s *step) bool { return !s.stands }); len(standing) > 0 {
		c.perform(standing)
	}
	for _, s := range steps {
		for _, h := range s.history {
			c.o.Observe(h)
		}
	}
	return steps
}

// together calls f for all at the same time.
func together[T any](all []T, f func(T)) {
	if len(all) == 1 {
		f(all[0])
		return
	}
	var calls sync.WaitGroup
	for _, one := range all {
		calls.Go(func() { f(one) })
	}
	calls.Wait()
}

// failed returns the errors of steps, each with what was tried.
func failed(what string, steps []*step) error {
	var errs []error
	for _, s := range steps {
		if s.err != nil {
			errs = append(errs, fmt.Errorf("%s %s: %w", what, s.e.name, s.err))
		}
	}
	return errors.Join(errs...)
}

// advance takes s through machine and store.
func (c *Control) advance(s *step) {
	events := make([]lifecycle.Event, len(s.events))
	for i, ev := range s.events {
		events[i] = c.weigh(s.e.name, ev)
	}
	for {
		before, env := c.present(s.e)
		text := c.take(s, before, env, events)
		if s.stands {
			err := c.save(s.e, text, s.history)
			if errors.Is(err, store.ErrConflict) {
				if err = c.reload(s.e); err == nil {
					continue // another gateway was faster
				}
			}
			if err != nil {
				s.next, s.history, s.stands = *before, nil, false
				s.err = fmt.Errorf("save module %s: %w", s.e.name, err)
			}
		}
		if s.stands {
			s.watched = c.watched(&s.next, env.Now) // without mu: policies take their time
		}
		return
	}
}

// take takes events through the machine, until one is refused, and returns the
// JSON form of the record that they lead to.
func (c *Control) take(s *step, before *lifecycle.Record, env lifecycle.Env, events []lifecycle.Event) (text string) {
	s.next, s.effects, s.history, s.stands = *before, nil, nil, false
	text = s.e.stored.record
	for _, ev := range events {
		next, effects, err := lifecycle.Step(s.next, env, ev)
		var is []byte
		if err == nil {
			is, err = json.Marshal(&next)
		}
		if s.err = err; err != nil {
			return text
		}
		if was := text; string(is) != was {
			text = string(is)
			s.history = append(s.history, happening(env.Now, ev, &s.next, &next, effects))
		}
		s.next, s.stands = next, true
		s.effects = append(s.effects, effects...)
	}
	return text
}

func (c *Control) present(e *entry) (*lifecycle.Record, lifecycle.Env) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.config.Module(e.name)
	return e.record, lifecycle.Env{Now: c.now(), Settings: m.Lifecycle, Decide: c.decider(e.name)}
}

// perform does what the steps asked for, in order: requests see the new
// picture before anyone is woken or told.
func (c *Control) perform(steps []*step) {
	after := c.show(steps)
	together(steps, c.follow)
	for _, f := range after.lost {
		c.o.Recall(f.route, f.route.State().Edition)
	}
	for _, n := range after.due {
		c.o.Tell(n)
	}
	for _, key := range after.over {
		c.o.Resolve(key)
	}
	c.queue.wakeUp()
}

// show makes what the steps led to the present, and publishes what of it is to
// be seen.
func (c *Control) show(steps []*step) aftermath {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.o.Live.Load().Modules
	var news []*step
	for _, s := range steps {
		s.e.record = &s.next
		c.view.Set(s.e.record)
		if s.published() || seen[s.e.name] == nil { // else it is a seq, an outcome: no picture
			news = append(news, s)
		}
	}
	if news == nil {
		return aftermath{}
	}
	return c.install(news)
}

// published reports whether s shows another picture of its module.
func (s *step) published() bool {
	return slices.Contains(s.effects, lifecycle.Effect(lifecycle.Publish{}))
}

// follow does what s asked for besides.
func (c *Control) follow(s *step) {
	released := false
	for _, effect := range s.effects {
		switch effect := effect.(type) {
		case lifecycle.Publish: // it is shown
		case lifecycle.Release:
			released = true
			c.o.Release(s.e.route, effect.Turn, c.rate(s.e, s.next))
		case lifecycle.Alert:
			c.o.Raise(s.e.name, effect)
		case lifecycle.Resolve:
			c.o.Resolve(effect.Key)
		}
	}
	if s.published() && !released {
		c.review(s.e)
	}
}
