package lifecycletest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// World is a module in which few things can happen, but in any order: small
// enough that all that can come of it is finitely much.
type World struct {
	Name      string
	Seats     []Seat
	Settings  config.Lifecycle
	Update    []fallback.Decision // what the policy may answer to an UPDATE; nothing: go ahead
	Absence   []fallback.Decision // what it may answer to an absence
	Sockets   bool                // connections may be refused (L6)
	Restart   time.Duration       // the gateway may restart, and settles so long (G6)
	Unhealthy bool                // probes may fail (L2)
	Flapping  bool                // who is lost may be held out for a second (L5)
	Overrides bool                // administrators may say anything at any time (O1)
	Gateways  []string            // several, each with a picture and runs of its own (G4)
}

// Seat is an instance id and the versions that may register under it.
type Seat struct {
	ID       string
	Versions []string
}

// state is a record that was reached, and how.
type state struct {
	now    time.Time
	record lifecycle.Record
	planes planes
	from   int
	move   move
}

// explorer walks a world breadth first.
type explorer struct {
	World
	limit  int
	seen   map[key]bool
	states []state
	Figures
}

// Explore closes the world: it takes every step from every state that can be
// reached, and checks every law on each. The error tells the shortest way to
// what breaks one. It gives up when there are more than limit states.
func (w World) Explore(limit int) (Figures, error) {
	x := &explorer{World: w, limit: limit, seen: map[key]bool{}}
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	x.add(state{now: start, record: lifecycle.Record{Module: "m"}, planes: make(planes, len(w.Gateways)), from: -1})
	for n := 0; n < len(x.states); n++ {
		if len(x.states) > limit {
			return x.Figures, fmt.Errorf("%s: more than %d states", w.Name, limit)
		}
		if err := x.expand(n); err != nil {
			return x.Figures, fmt.Errorf("%s: %w\nafter%s", w.Name, err, x.way(n))
		}
		x.states[n].record, x.states[n].planes = lifecycle.Record{}, nil
	}
	return x.Figures, nil
}

// add enters a state, unless one that has the same future is there.
func (x *explorer) add(s state) {
	k := keyOf(lifecycle.Env{Now: s.now, Settings: x.Settings}, &s.record) + s.planes.key(x.World, &s.record)
	if !x.seen[k] {
		x.seen[k] = true
		x.states = append(x.states, s)
		x.States++
	}
}

// way tells how state n was reached.
func (x *explorer) way(n int) string {
	var moves []string
	for ; n > 0; n = x.states[n].from {
		moves = append(moves, x.states[n].move.String())
	}
	slices.Reverse(moves)
	return "\n  " + strings.Join(moves, "\n  ")
}

// someStates is how many states there are to one whose JSON form is checked:
// that depends on which fields are set, not on how they go together.
const someStates = 8

// expand takes every step from state n.
func (x *explorer) expand(n int) error {
	s := x.states[n]
	env := lifecycle.Env{Now: s.now, Settings: x.Settings, Nodes: x.Gateways, Decide: func(fallback.Query) fallback.Decision { return fallback.Decision{} }}
	if err := errors.Join(CheckState(env, &s.record), CheckTicks(env, &s.record)); err != nil {
		return err
	}
	if n%someStates == 0 {
		if err := CheckValue(&s.record); err != nil {
			return err
		}
	}
	if err := x.answers(env, s.record); err != nil {
		return err
	}
	for _, next := range s.planes.moves(x.World, &s.record) {
		next.now, next.record, next.from = s.now, s.record, n
		x.add(next)
	}
	untouched := bare(s.record)
	for _, m := range x.moves(s) {
		if err := x.take(n, m); err != nil {
			return fmt.Errorf("%s: %w", m, err)
		}
	}
	if !reflect.DeepEqual(bare(s.record), untouched) {
		return fmt.Errorf("a step changed its argument:\n%+v\n%+v", untouched, s.record)
	}
	return nil
}

// move is something that may happen: an event, after some time.
type move struct {
	event lifecycle.Event
	at    time.Time
	name  []any // words
}

func (m move) String() string { return strings.TrimSuffix(fmt.Sprintln(m.name...), "\n") }

// moves lists what may happen in s.
func (x *explorer) moves(s state) []move {
	var ms []move
	add := func(ev lifecycle.Event, words ...any) {
		ms = append(ms, move{ev, s.now, words})
	}
	if at, due := s.record.Deadline(); due {
		ms = append(ms, move{lifecycle.Tick{}, latest(at, s.now), []any{"tick at the deadline"}})
	}
	ms = append(ms, move{lifecycle.Tick{}, s.now.Add(time.Hour), []any{"tick an hour later"}})
	if s.record.Availability() == message.Unknown {
		add(lifecycle.Configured{Since: s.now.Add(x.Restart)}, "configured")
	}
	if x.Restart > 0 {
		add(lifecycle.Restarted{Settled: s.now.Add(x.Restart)}, "restart")
	}
	if x.Overrides {
		for _, o := range x.overrides() {
			add(lifecycle.Overridden{Override: o}, "override", o.Type, o.Instance, o.Version, o.AcceptDataLoss)
		}
	}
	for _, seat := range x.Seats {
		for _, v := range seat.Versions {
			add(registration(&s.record, seat.ID, v), "register", seat.ID, v)
		}
		_, i := s.record.Find(seat.ID)
		if i == nil {
			continue
		}
		for _, verb := range []message.Verb{message.Update, message.Resume, message.Disconnect} {
			a := message.Announcement{Type: verb, Seq: i.Seq + 1}
			add(lifecycle.Announced{Instance: i.ID, Announcement: a}, verb, i.ID)
		}
		add(lifecycle.Lost{Instance: i.ID, Reason: message.ReasonLost}, "lost", i.ID)
		if x.Flapping {
			add(lifecycle.Lost{Instance: i.ID, Reason: message.ReasonLost, Hold: time.Second}, "lost", i.ID, "once more")
		}
		if x.Unhealthy {
			add(lifecycle.Lost{Instance: i.ID, Reason: message.ReasonUnhealthy}, "unhealthy", i.ID)
			add(lifecycle.Healthy{Instance: i.ID}, "healthy", i.ID)
		}
		if x.Sockets {
			add(lifecycle.Unreachable{Instance: i.ID}, "unreachable", i.ID)
			add(lifecycle.Reachable{Instance: i.ID}, "reachable", i.ID)
		}
		if i.DrainTurn > 0 && len(x.Gateways) == 0 {
			add(lifecycle.Drained{Instance: i.ID, Turn: i.DrainTurn}, "drained", i.ID)
			add(lifecycle.Drained{Instance: i.ID, Turn: i.DrainTurn - 1}, "drained", i.ID, "of before")
		}
	}
	for _, d := range s.planes.reports(x.World, &s.record) {
		add(d, "drained", d.Instance, "at", d.Node)
	}
	return ms
}

// registration is one with a token of its own.
func registration(r *lifecycle.Record, id, version string) lifecycle.Registered {
	return lifecycle.Registered{Version: module.MustVersion(version), Instance: lifecycle.Instance{
		ID: id, Token: fmt.Appendf(nil, "%s/%d/%d", id, r.Epoch, r.Turn),
	}}
}

// take takes a move from state n, once for everything that the policy may
// say.
func (x *explorer) take(n int, m move) error {
	s := x.states[n]
	var asked []fallback.Entrypoint
	var about fallback.Entrypoint
	var says fallback.Decision
	env := lifecycle.Env{Now: m.at, Settings: x.Settings, Nodes: x.Gateways, Decide: func(q fallback.Query) fallback.Decision {
		asked = append(asked, q.Entrypoint)
		if q.Entrypoint != about {
			return fallback.Decision{}
		}
		return says
	}}
	step := func() error {
		x.Steps++
		after, _, refused, err := Step(s.record, env, m.event)
		if err == nil && refused == nil {
			x.count(&s.record, &after)
			err = s.planes.finished(env, &s.record, m.event, &after)
			x.add(state{m.at, after, s.planes.after(x.World, &after), n, m})
		}
		return err
	}
	if err := step(); err != nil {
		return err
	}
	open := asked
	for _, about = range []fallback.Entrypoint{fallback.Update, fallback.Absence} {
		if !slices.Contains(open, about) {
			continue
		}
		for _, says = range x.answersTo(about) {
			if err := step(); err != nil {
				return fmt.Errorf("%s is answered %+v: %w", about, says, err)
			}
		}
	}
	return nil
}

// answersTo lists what the policy may answer, beside nothing.
func (w World) answersTo(e fallback.Entrypoint) []fallback.Decision {
	if e == fallback.Update {
		return w.Update
	}
	return w.Absence
}

// count notes who changed phase, other than by registering anew.
func (x *explorer) count(a, b *lifecycle.Record) {
	for was := range everyone(a) {
		if _, is := b.Find(was.i.ID); is != nil && slices.Equal(is.Token, was.i.Token) {
			x.Changes[was.i.Phase][is.Phase] = true
		}
	}
}

// patience is how many Ticks may pass until everyone who waits is answered.
const patience = 16

// answers checks that time alone brings an answer to everyone who waits: the
// UPDATE in front is granted, a lost grant goes to who asked, who is parked
// is served or told MISSING.
func (x *explorer) answers(env lifecycle.Env, r lifecycle.Record) error {
	for range patience {
		at, any := r.Deadline()
		if !any {
			break
		}
		env.Now = latest(at, env.Now)
		after, _, _, err := Step(r, env, lifecycle.Tick{})
		if err != nil {
			return fmt.Errorf("left alone: %w", err)
		}
		x.Ticks++
		r = after
	}
	s := scan(&r)
	_, ticking := r.Deadline()
	switch {
	case ticking:
		return fmt.Errorf("left alone, it ticks for ever")
	case s.candidate != nil:
		return fmt.Errorf("left alone, %s is never granted", s.candidate)
	case r.Availability() == message.Delayed:
		return fmt.Errorf("left alone, it is delayed for ever")
	}
	for _, a := range s.cast {
		if asks(a.i) && r.Grant.Lost != message.NoReason {
			return fmt.Errorf("left alone, %s never gets the lost grant", a)
		}
		if inUse(a.i) && a.i.Phase != message.Serving {
			return fmt.Errorf("left alone, %s never finishes", a)
		}
	}
	return nil
}
