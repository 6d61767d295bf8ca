package lifecycle

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// Step applies ev to one module's record and says what must now be done, in
// order: Publish before Release. An error refuses ev; nothing changed, and
// the record returned is r.
func Step(r Record, env Env, ev Event) (Record, []Effect, error) {
	s := &step{Env: env, r: r.clone()}
	if err := s.apply(ev); err != nil {
		return r, nil, err
	}
	s.settle()
	s.finish(&r)
	return s.r, s.effects, nil
}

// step is one Step under way. Events change facts about instances; settle
// derives from the facts what follows.
type step struct {
	Env
	r       Record
	effects []Effect
	granted bool // in this step: the absence gets a new deadline (U6)
}

func (s *step) apply(ev Event) error {
	switch ev := ev.(type) {
	case Configured:
		s.configured(ev)
	case Registered:
		s.registered(ev)
	case Announced:
		return s.announced(ev)
	case Lost:
		s.depart(ev.Instance, ev.Reason)
	case Unreachable:
		s.unreachable(ev.Instance)
	case Reachable:
		s.reachable(ev.Instance)
	case Drained:
		s.drained(ev)
	case Restarted:
		s.restarted(ev)
	case Tick:
	default:
		panic(fmt.Sprintf("lifecycle: unknown event %T", ev))
	}
	return nil
}

// configured starts the first absence of a module that never registered (A7).
func (s *step) configured(ev Configured) {
	if s.r.Availability() == message.Unknown {
		s.r.Absence.Since = ev.Since
	}
}

// registered puts a process in the place that its version allows (V3, V6,
// V7), or in the place of its predecessor (U10).
func (s *step) registered(ev Registered) {
	inst := ev.Instance
	inst.StartBy = s.Now.Add(s.Settings.StartTTL)
	inherits := s.replace(inst.ID, ev.Version)
	v := s.version(ev)
	switch {
	case inherits:
		s.r.Epoch++
		s.r.Grant.Lost = message.NoReason
		s.granted = true
		inst.Phase, inst.Outcome = message.Updating, message.Granted
	case ev.Version.Less(s.r.Floor):
		inst.Phase = message.Fenced
	case s.higherServes(ev.Version):
		inst.Phase = message.Idle
	default:
		inst.Phase = message.Starting
	}
	at, _ := slices.BinarySearchFunc(v.Instances, inst.ID, func(i Instance, id string) int { return strings.Compare(i.ID, id) })
	v.Instances = slices.Insert(v.Instances, at, inst)
}

// replace removes the process that bore id before, and reports whether its
// successor inherits its grant: only in the same version (U10).
func (s *step) replace(id string, version module.Version) (inherits bool) {
	v, old := s.r.Find(id)
	if v != nil {
		if old.inUse() {
			s.r.Left = message.ReasonStarting
		}
		s.remove(v, id)
	}
	if g := &s.r.Grant; !g.IsZero() && g.Instance == id {
		if g.Version.Equal(version) {
			return true
		}
		g.Instance, g.Lost = "", message.ReasonLost
	}
	return false
}

func (s *step) remove(v *Version, id string) {
	v.Instances = slices.DeleteFunc(v.Instances, func(i Instance) bool {
		if i.ID != id {
			return false
		}
		if i.Alerted {
			s.effects = append(s.effects, Resolve{startKey(id)})
		}
		return true
	})
}

// version returns the record's entry for the version that ev registers. The
// latest registration of a version says what it serves and needs.
func (s *step) version(ev Registered) *Version {
	at, found := slices.BinarySearchFunc(s.r.Versions, ev.Version, func(v Version, w module.Version) int { return v.Version.Compare(w) })
	if !found {
		s.r.Versions = slices.Insert(s.r.Versions, at, Version{Version: ev.Version})
	}
	v := &s.r.Versions[at]
	v.Routes, v.Provides, v.Requires = ev.Routes, ev.Provides, ev.Requires
	return v
}

// higherServes reports whether a version above v serves.
func (s *step) higherServes(v module.Version) bool {
	for i := range s.r.Versions {
		w := &s.r.Versions[i]
		if v.Less(w.Version) && w.count(message.Serving) > 0 {
			return true
		}
	}
	return false
}

// drained notes that an instance has no run left, unless the report is about
// an earlier drain, or its runs were lost count of (G6).
func (s *step) drained(ev Drained) {
	if _, i := s.r.Find(ev.Instance); i != nil && i.finishing() && i.DrainTurn == ev.Turn && !i.Uncounted {
		i.Drained = true
	}
}

// restarted keeps what a crash made unknown from being taken for zero: runs
// in flight, and time (G6).
func (s *step) restarted(ev Restarted) {
	s.each(func(_ *Version, i *Instance) { i.Uncounted = i.finishing() })
	if a := &s.r.Absence; !a.Since.IsZero() && !a.Expired && a.Until.Before(ev.Settled) {
		a.Until = ev.Settled
	}
}

// finish raises the turn and adds the effects that follow from what differs.
func (s *step) finish(before *Record) {
	if !differs(before, &s.r) {
		return
	}
	s.r.Turn++
	s.each(func(_ *Version, i *Instance) {
		if i.finishing() && i.DrainTurn == 0 {
			i.DrainTurn = s.r.Turn
		}
	})
	s.effects = slices.Insert(s.effects, 0, Effect(Publish{}))
	if wakes(before, &s.r) {
		s.effects = slices.Insert(s.effects, 1, Effect(Release{s.r.Turn}))
	}
}

// differs reports whether b shows another picture than a to requests, to
// dependents or to administrators.
func differs(a, b *Record) bool {
	if a.Absence != b.Absence || a.Epoch != b.Epoch || a.Grant != b.Grant || !a.Floor.Equal(b.Floor) ||
		len(a.Removed) != len(b.Removed) || len(a.Versions) != len(b.Versions) {
		return true
	}
	for i := range a.Versions {
		v, w := &a.Versions[i], &b.Versions[i]
		if !v.Version.Equal(w.Version) || v.Drain != w.Drain || !slices.EqualFunc(v.Instances, w.Instances, sameInstance) {
			return true
		}
	}
	return false
}

func sameInstance(a, b Instance) bool {
	return a.ID == b.ID && a.Phase == b.Phase && a.Drained == b.Drained && a.Held == b.Held && a.Refused == b.Refused &&
		a.Outcome == b.Outcome && a.Away == b.Away && a.Socket == b.Socket && a.Leaving.Equal(b.Leaving) && bytes.Equal(a.Token, b.Token)
}

// wakes reports whether a parked request may now be answered otherwise than
// by waiting on: the state or the server changed, a grant opens a way (U3),
// or the absence ends earlier.
func wakes(a, b *Record) bool {
	if a.Availability() != b.Availability() || a.Grant != b.Grant || b.Absence.Until.Before(a.Absence.Until) {
		return true
	}
	v, w := a.Serving(), b.Serving()
	return (v == nil) != (w == nil) || v != nil && !v.Version.Equal(w.Version)
}

// Deadline reports when the record wants a Tick, if ever.
func (r *Record) Deadline() (at time.Time, ok bool) {
	least := func(t time.Time) {
		if !t.IsZero() && (!ok || t.Before(at)) {
			at, ok = t, true
		}
	}
	if !r.Absence.Expired {
		least(r.Absence.Until)
	}
	for i := range r.Versions {
		v := &r.Versions[i]
		for j := range v.Instances {
			in := &v.Instances[j]
			switch {
			case !in.Ask.Deferred.IsZero():
				least(in.Ask.Deferred)
			case !in.Leaving.IsZero():
				least(in.Leaving)
			case in.finishing():
				least(v.Drain.Until)
			case in.Phase == message.Draining:
				least(v.Drain.Least)
			case in.Phase == message.Starting && !in.Held && !in.Alerted:
				least(in.StartBy)
			}
		}
	}
	return at, ok
}
