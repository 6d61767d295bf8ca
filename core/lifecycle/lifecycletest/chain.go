package lifecycletest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
	"github.com/modgate/modgate/core/requirement"
)

// Platform is a few modules of one process each that require one another. A
// module's life does not depend on its requirements (D4), so each has a clock
// of its own; what depends is who is owed which notice.
type Platform struct {
	Name     string
	Requires []string // of module 'a' what it requires, of 'b', and so on; "" nothing
	Happens  []string // what may happen to it, beside that it registers
}

// Platforms returns those that are closed on every test run.
func Platforms() []Platform {
	return []Platform{
		{"a chain of three", []string{"b", "c", ""}, []string{"resume", "resume lost", "update resume lost tick"}},
		{"a cycle of two", []string{"b", "a"}, []string{"update resume tick", "resume lost tick"}},
	}
}

// life is one module with its clock, and what its process was told.
type life struct {
	now    time.Time
	record lifecycle.Record
	told   requirement.Told // of its requirement
}

type platformState struct {
	lives []life
	from  int
	move  string
}

// walk is a platform under exploration.
type walk struct {
	Platform
	seen   map[string]bool
	states []platformState
	steps  int
}

// Explore closes the platform as World.Explore does a world: whatever happens,
// in any order, who requires a module is owed what is true and differs from
// what it was told, by the change of that module alone.
func (p Platform) Explore(limit int) (Figures, error) {
	w := &walk{Platform: p, seen: map[string]bool{}}
	start := platformState{from: -1}
	for n := range p.Requires {
		start.lives = append(start.lives, life{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), record: lifecycle.Record{Module: p.name(n)}})
	}
	w.add(start)
	for n := 0; n < len(w.states); n++ {
		if len(w.states) > limit {
			return Figures{}, fmt.Errorf("%s: more than %d states", p.Name, limit)
		}
		if err := w.expand(n); err != nil {
			var way []string
			for k := n; k > 0; k = w.states[k].from {
				way = append(way, w.states[k].move)
			}
			slices.Reverse(way)
			return Figures{}, fmt.Errorf("%s: %w\nafter\n  %s", p.Name, err, strings.Join(way, "\n  "))
		}
		w.states[n].lives = nil
	}
	return Figures{States: len(w.states), Steps: w.steps}, nil
}

func (p Platform) name(n int) string { return string(rune('a' + n)) }

func (p Platform) needs(n int) []module.Requirement {
	if p.Requires[n] == "" {
		return nil
	}
	return []module.Requirement{{ID: p.Requires[n], Range: ">= 1"}}
}

func (p Platform) settings() config.Lifecycle { return brief() }

func (w *walk) add(s platformState) {
	var b strings.Builder
	for n := range s.lives {
		l := &s.lives[n]
		b.WriteString(string(keyOf(lifecycle.Env{Now: l.now, Settings: w.settings()}, &l.record)))
		current, until := false, false
		for k := range s.lives {
			if o := &s.lives[k]; o.record.Module == l.told.Module {
				current, until = o.record.Turn == l.told.Turn, o.record.Absence.Until.Equal(l.told.Until)
			}
		}
		fmt.Fprintf(&b, "|%s %d %s %v %v|", l.told.Module, l.told.Kind, l.told.Found, current, until)
	}
	if k := b.String(); !w.seen[k] {
		w.seen[k] = true
		w.states = append(w.states, s)
	}
}

// view returns the present picture of all modules.
func (s *platformState) view() *requirement.View {
	v := &requirement.View{}
	for n := range s.lives {
		v.Set(&s.lives[n].record)
	}
	return v
}

// expand lets everything happen that may happen in state n.
func (w *walk) expand(n int) error {
	s := w.states[n]
	view := s.view()
	for k := range s.lives {
		if err := w.tell(n, k, view); err != nil {
			return err
		}
		for _, ev := range w.events(k, &s.lives[k]) {
			if err := w.take(n, k, ev, view); err != nil {
				return fmt.Errorf("%s: %T: %w", w.name(k), ev, err)
			}
		}
	}
	return nil
}

// events lists what may happen to the process of a module, and to its clock.
func (w *walk) events(k int, l *life) []lifecycle.Event {
	id := l.record.Module + "1"
	_, i := l.record.Find(id)
	if i == nil {
		return []lifecycle.Event{registration(&l.record, id, "1.0.0")}
	}
	var events []lifecycle.Event
	for what := range strings.FieldsSeq(w.Happens[k]) {
		a := message.Announcement{Seq: i.Seq + 1}
		switch {
		case what == "tick":
			events = append(events, lifecycle.Tick{})
		case what == "lost":
			events = append(events, lifecycle.Lost{Instance: id, Reason: message.ReasonLost})
		case a.Type.UnmarshalText([]byte(what)) == nil:
			events = append(events, lifecycle.Announced{Instance: id, Announcement: a})
		}
	}
	return events
}

// take lets ev happen to module k, and holds who is owed what against it.
func (w *walk) take(n, k int, ev lifecycle.Event, before *requirement.View) error {
	s := w.states[n]
	next := platformState{lives: slices.Clone(s.lives), from: n, move: fmt.Sprintf("%s: %T", w.name(k), ev)}
	l := &next.lives[k]
	if at, due := l.record.Deadline(); due && ev == (lifecycle.Tick{}) {
		l.now = latest(at, l.now)
	}
	if reg, is := ev.(lifecycle.Registered); is {
		reg.Requires = w.needs(k)
		ev = reg
	}
	env := lifecycle.Env{Now: l.now, Settings: w.settings(), Decide: func(fallback.Query) fallback.Decision { return fallback.Decision{} }}
	after, _, refused := lifecycle.Step(l.record, env, ev)
	w.steps++
	if refused != nil {
		return nil
	}
	l.record = after
	view := next.view()
	if _, is := ev.(lifecycle.Registered); is && w.Requires[k] != "" { // it was answered how they stand (D1)
		l.told = view.Baseline(w.needs(k))[w.Requires[k]]
	}
	for other := range next.lives {
		owed := w.due(view, &next, other, w.name(k))
		if len(owed) > 0 && other != k && w.Requires[other] != w.name(k) {
			return fmt.Errorf("%s is owed %v, and does not require it", w.name(other), owed)
		}
		was := w.due(before, &s, other, w.Requires[other])
		is := w.due(view, &next, other, w.Requires[other])
		if len(was) == 0 && len(is) > 0 && len(owed) == 0 {
			return fmt.Errorf("%s is owed %v, and the change did not show it", w.name(other), is)
		}
	}
	w.add(next)
	return nil
}

// due returns what the process of module k is owed about its requirement
// after a change of the named module.
func (w *walk) due(view *requirement.View, s *platformState, k int, changed string) (owed []message.Notice) {
	l := &s.lives[k]
	v, i := l.record.Find(l.record.Module + "1")
	if i == nil || changed == "" {
		return nil
	}
	for _, n := range view.Due(l.now, changed, &l.record, v, i, requirement.Cursor{w.Requires[k]: l.told}) {
		if n.Subject == w.Requires[k] {
			owed = append(owed, n)
		}
	}
	return owed
}

// tell tells the process of module k what it is owed: it must be true, one
// notice, and then nothing is owed any more (D2, N1).
func (w *walk) tell(n, k int, view *requirement.View) error {
	s := w.states[n]
	owed := w.due(view, &s, k, w.Requires[k])
	if len(owed) > 1 {
		return fmt.Errorf("%s is owed %v", w.name(k), owed)
	}
	known := s.lives[k].told
	if len(owed) == 1 {
		next := platformState{lives: slices.Clone(s.lives), from: n, move: "tell " + w.name(k)}
		c := requirement.Cursor{}
		c.Note(owed[0])
		known = c[w.Requires[k]]
		next.lives[k].told = known
		if again := w.due(view, &next, k, w.Requires[k]); len(again) > 0 {
			return fmt.Errorf("%s was told %v, and is owed %v", w.name(k), owed, again)
		}
		w.add(next)
	}
	return w.knows(&s, k, known)
}

// knows holds what the process of module k believes, when it was told all,
// against what is true: met if and only if the module serves.
func (w *walk) knows(s *platformState, k int, known requirement.Told) error {
	_, i := s.lives[k].record.Find(w.name(k) + "1")
	if w.Requires[k] == "" || i == nil || i.Phase == message.Out {
		return nil
	}
	target := &s.lives[w.Requires[k][0]-'a'].record
	believes := known.Kind
	if believes == 0 {
		believes = message.NoticeResume
	}
	want := message.NoticeDelay
	switch target.Availability() {
	case message.Ready:
		want = message.NoticeResume
	case message.Missing, message.Unknown:
		want = message.NoticeMissing
	case message.Delayed:
	}
	if believes != want {
		return fmt.Errorf("%s believes %s about %s, which is %s", w.name(k), believes, target.Module, target.Availability())
	}
	return nil
}
