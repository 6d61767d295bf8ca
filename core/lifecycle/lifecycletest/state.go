// Package lifecycletest holds what every step of the lifecycle's machine must
// obey, the small worlds in which it is explored until they close, and the
// stories that show its rules. It is written from the rules, not from the
// machine, and looks at nothing but records and effects.
package lifecycletest

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
)

// CheckState returns the first law that r breaks as it stands at env.Now, or
// nil.
func CheckState(env lifecycle.Env, r *lifecycle.Record) error {
	s := scan(r)
	for _, law := range []func(lifecycle.Env, *lifecycle.Record, *scene) error{
		ordered, oneHolder, oneServer, aboveTheFloor, readyIffServed, grantedWhenFree, boundedDrain, boundedAbsence, tidy,
	} {
		if err := law(env, r, s); err != nil {
			return err
		}
	}
	return nil
}

// scene is a record seen as a flat list.
type scene struct {
	cast      []actor
	serving   []*lifecycle.Version // versions that serve, ascending
	candidate *actor               // the UPDATE in front, while none is granted
	contended bool                 // one waits or is granted
}

type actor struct {
	v *lifecycle.Version
	i *lifecycle.Instance
}

func (a actor) String() string {
	return fmt.Sprintf("%s (%s, %s)", a.i.ID, a.v.Version, a.i.Phase)
}

// everyone yields the instances of r, in order.
func everyone(r *lifecycle.Record) iter.Seq[actor] {
	return func(yield func(actor) bool) {
		for j := range r.Versions {
			v := &r.Versions[j]
			for k := range v.Instances {
				if !yield(actor{v, &v.Instances[k]}) {
					return
				}
			}
		}
	}
}

func scan(r *lifecycle.Record) *scene {
	s := &scene{contended: !r.Grant.IsZero()}
	for a := range everyone(r) {
		s.cast = append(s.cast, a)
		if a.i.Phase == message.Serving && !slices.Contains(s.serving, a.v) {
			s.serving = append(s.serving, a.v)
		}
		if r.Grant.IsZero() && asks(a.i) && (s.candidate == nil || before(*s.candidate, a)) {
			s.candidate = &a
		}
	}
	s.contended = s.contended || s.candidate != nil
	return s
}

// asks reports whether i's UPDATE waits for its grant.
func asks(i *lifecycle.Instance) bool { return !i.Ask.IsZero() && i.Ask.Deferred.IsZero() }

// before reports whether b's UPDATE goes before a's (U5): the higher, then
// the longer waiting.
func before(a, b actor) bool {
	if c := a.v.Version.Compare(b.v.Version); c != 0 {
		return c < 0
	}
	return b.i.Ask.Since.Before(a.i.Ask.Since)
}

// inUse reports whether runs may be in flight in i.
func inUse(i *lifecycle.Instance) bool {
	return i.Phase == message.Serving || (i.Phase == message.Draining || i.Phase == message.Waiting) && !i.Drained
}

// ordered: versions ascend, instances are sorted, an id is there once.
func ordered(_ lifecycle.Env, r *lifecycle.Record, s *scene) error {
	seen := map[string]bool{}
	for n, a := range s.cast {
		if seen[a.i.ID] {
			return fmt.Errorf("%s is there twice", a.i.ID)
		}
		seen[a.i.ID] = true
		if n > 0 && s.cast[n-1].v == a.v && s.cast[n-1].i.ID > a.i.ID {
			return fmt.Errorf("%s is out of order", a)
		}
	}
	if !slices.IsSortedFunc(r.Versions, func(a, b lifecycle.Version) int { return a.Version.Compare(b.Version) }) {
		return fmt.Errorf("versions are out of order")
	}
	return nil
}

// oneHolder: who updates is the one that the grant names, and while it does,
// nobody else has runs (U2, U9).
func oneHolder(_ lifecycle.Env, r *lifecycle.Record, s *scene) error {
	held := false
	for _, a := range s.cast {
		switch {
		case a.i.Phase != message.Updating:
			if !r.Grant.IsZero() && inUse(a.i) {
				return fmt.Errorf("%s is in use while %s is granted", a, r.Grant.Version)
			}
		case held, r.Grant.Instance != a.i.ID, !r.Grant.Version.Equal(a.v.Version), r.Grant.Lost != message.NoReason:
			return fmt.Errorf("%s updates; the grant is %s %s, lost %q", a, r.Grant.Version, r.Grant.Instance, r.Grant.Lost)
		default:
			held = true
		}
	}
	if !r.Grant.IsZero() && !held && r.Grant.Lost == message.NoReason {
		return fmt.Errorf("the holder of %s is not there, and not lost", r.Grant.Version)
	}
	return nil
}

// oneServer: at most one version serves (V1), none while an UPDATE waits or
// is granted (U2), and below it everything drains, is idle, fenced or gone
// (V2, V3).
func oneServer(_ lifecycle.Env, _ *lifecycle.Record, s *scene) error {
	switch {
	case len(s.serving) > 1:
		return fmt.Errorf("%s and %s serve", s.serving[0].Version, s.serving[1].Version)
	case len(s.serving) > 0 && s.contended:
		return fmt.Errorf("%s serves while an UPDATE waits or is granted", s.serving[0].Version)
	}
	for _, a := range s.cast {
		above := len(s.serving) > 0 && a.v.Version.Less(s.serving[0].Version)
		switch a.i.Phase {
		case message.Starting, message.Waiting, message.Updating, message.Out:
			if above {
				return fmt.Errorf("%s is below %s, which serves", a, s.serving[0].Version)
			}
		case message.Draining:
			if !above && !s.contended && a.i.Leaving.IsZero() {
				return fmt.Errorf("%s drains for nobody", a)
			}
		case message.Serving, message.Idle, message.Fenced:
		}
	}
	return nil
}

// aboveTheFloor: below the floor and above a promotion all is fenced (U8, V7,
// O1).
func aboveTheFloor(_ lifecycle.Env, r *lifecycle.Record, s *scene) error {
	for _, a := range s.cast {
		if a.v.Version.Less(r.Floor) && a.i.Phase != message.Fenced {
			return fmt.Errorf("%s is below the floor %s", a, r.Floor)
		}
		if up := r.Forced.Above; !up.IsZero() && up.Less(a.v.Version) && a.i.Phase != message.Fenced {
			return fmt.Errorf("%s is above %s, which was promoted", a, up)
		}
	}
	return nil
}

// readyIffServed: a module is ready iff a version serves (A1) and no
// administrator forbids it (O1), absent otherwise, from when it was first
// heard of (A7).
func readyIffServed(_ lifecycle.Env, r *lifecycle.Record, s *scene) error {
	want := message.Ready
	switch {
	case r.Forced.Missing && (len(s.cast) > 0 || !r.Absence.Since.IsZero()):
		want = message.Missing
	case len(s.serving) > 0:
	case r.Absence.Since.IsZero():
		want = message.Unknown
	case r.Absence.Expired:
		want = message.Missing
	default:
		want = message.Delayed
	}
	if got := r.Availability(); got != want {
		return fmt.Errorf("the module is %s, want %s", got, want)
	}
	if want == message.Unknown && len(s.cast) > 0 {
		return fmt.Errorf("the module is unknown, but %s registered", s.cast[0])
	}
	return nil
}

// grantedWhenFree: the UPDATE in front waits only for somebody (U1, U13): in
// use, or held by grace_min.
func grantedWhenFree(_ lifecycle.Env, r *lifecycle.Record, s *scene) error {
	if s.candidate == nil {
		return nil
	}
	if s.candidate.i.Phase != message.Waiting {
		return fmt.Errorf("%s is in front and does not wait", s.candidate)
	}
	for _, a := range s.cast {
		if a.i.ID != s.candidate.i.ID && (inUse(a.i) || a.i.Phase == message.Draining && !a.v.Drain.Least.IsZero()) {
			return nil
		}
	}
	return fmt.Errorf("%s waits for nobody", s.candidate)
}

// boundedDrain: whoever may finish its runs has an end to it (U2, V2, L1).
func boundedDrain(env lifecycle.Env, _ *lifecycle.Record, s *scene) error {
	for _, a := range s.cast {
		ends := !a.v.Drain.Until.IsZero() || !a.i.Leaving.IsZero()
		front := s.candidate != nil && a.i == s.candidate.i
		if a.i.Phase != message.Serving && inUse(a.i) && !ends && !front {
			return fmt.Errorf("%s may finish for ever", a)
		}
		if a.v.Drain.Least.After(a.v.Drain.Until) {
			return fmt.Errorf("%s: grace_min outlasts the grace", a)
		}
	}
	return nil
}

// boundedAbsence: one deadline, expired when it has passed, not beyond
// absence_max, not before the grace's end while an UPDATE waits (A4), nor
// before the gateway has settled (G6).
func boundedAbsence(env lifecycle.Env, r *lifecycle.Record, s *scene) error {
	a := r.Absence
	if a.Since.IsZero() {
		if a != (lifecycle.Absence{}) {
			return fmt.Errorf("no absence, yet %+v", a)
		}
		return nil
	}
	if a.Expired != !env.Now.Before(a.Until) {
		return fmt.Errorf("expired is %v, the deadline %s", a.Expired, a.Until.Sub(env.Now))
	}
	if r.Forced.Missing {
		if !a.Expired || a.Reason != message.ReasonForced {
			return fmt.Errorf("forced to be missing, yet %+v", a)
		}
		return nil
	}
	least := r.Settled
	for _, b := range s.cast {
		if a.Reason == message.ReasonWaiting && inUse(b.i) {
			least = latest(least, b.v.Drain.Until, b.i.Leaving)
		}
	}
	most := latest(a.Since.Add(env.Settings.AbsenceMax), least)
	for _, v := range r.Versions {
		most = latest(most, v.Drain.Until)
	}
	switch {
	case a.Until.Before(least):
		return fmt.Errorf("the absence ends %s before the grace", least.Sub(a.Until))
	case a.Until.After(most):
		return fmt.Errorf("the absence lasts %s too long", a.Until.Sub(most))
	}
	return nil
}

// tidy: a fact about an instance is there only in the phases that it is a
// fact of.
func tidy(_ lifecycle.Env, r *lifecycle.Record, s *scene) error {
	in := func(a actor, p message.Phase, or ...message.Phase) bool {
		return a.i.Phase == p || slices.Contains(or, a.i.Phase)
	}
	for _, a := range s.cast {
		i := a.i
		finishing := in(a, message.Draining, message.Waiting)
		switch {
		case i.Held && !in(a, message.Starting),
			!i.Ask.IsZero() && !finishing && !in(a, message.Serving),
			!i.Leaving.IsZero() && !in(a, message.Draining),
			(i.Away != message.NoReason) != in(a, message.Out),
			i.Socket && !in(a, message.Out),
			i.Drained && !finishing,
			in(a, message.Waiting) && i.Ask.IsZero(),
			i.Outcome == message.Granted && !in(a, message.Updating), // U10: another may have the grant
			i.DrainTurn != 0 && !finishing,
			i.DrainTurn == 0 && finishing && !i.Drained:
			return fmt.Errorf("what is known of %s does not fit its phase: %+v", a, *i)
		}
		if i.Held && !i.Sick && i.Shut.IsZero() && !s.contended && (len(s.serving) == 0 || !s.serving[0].Version.Less(a.v.Version)) {
			return fmt.Errorf("%s resumed, may serve and does not", a)
		}
	}
	return nil
}

func latest(ts ...time.Time) time.Time {
	return slices.MaxFunc(ts, time.Time.Compare)
}
