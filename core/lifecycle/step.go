package lifecycle

import (
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
	env.Now = plain(env.Now)
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
	anew    bool // the absence gets a new deadline: an UPDATE was granted (U6), or an override lifted
}

// plain returns t as a record keeps it and its JSON form brings it back: in
// UTC, without a monotonic reading.
func plain(t time.Time) time.Time { return t.Round(0).UTC() }

func (s *step) apply(ev Event) error {
	switch ev := ev.(type) {
	case Configured:
		s.configured(ev)
	case Registered:
		s.registered(ev)
		s.shut(ev.Instance.ID, ev.Hold)
	case Announced:
		return s.announced(ev)
	case Lost:
		s.shut(ev.Instance, ev.Hold)
		s.depart(ev.Instance, ev.Reason)
		if ev.Reason == message.ReasonUnhealthy {
			s.sicken(ev.Instance, true)
		}
	case Healthy:
		s.sicken(ev.Instance, false)
	case Unreachable:
		s.shut(ev.Instance, ev.Hold)
		s.unreachable(ev.Instance)
	case Reachable:
		s.reachable(ev.Instance)
	case Drained:
		s.drained(ev)
	case Restarted:
		s.restarted(ev)
	case Yielded:
		s.yield(ev.To)
	case Overridden:
		return s.overridden(ev.Override)
	case Tick:
	default:
		panic(fmt.Sprintf("lifecycle: unknown event %T", ev))
	}
	return nil
}

// configured starts the first absence of a module that never registered (A7).
func (s *step) configured(ev Configured) {
	if s.r.Availability() == message.Unknown {
		s.r.Absence.Since = plain(ev.Since)
	}
}

// registered puts a process in the place that its version allows (V3, V6,
// V7), or in the place of its predecessor (U10).
func (s *step) registered(ev Registered) {
	inst := ev.Instance
	inst.StartBy = s.Now.Add(s.Settings.StartTTL)
	if _, old := s.r.Find(inst.ID); old != nil {
		inst.Shut = old.Shut // L5: a new process is no other instance
	}
	inherits := s.replace(inst.ID, ev.Version)
	v := s.version(ev)
	switch {
	case inherits:
		s.r.Epoch++
		s.r.Grant.Lost = message.NoReason
		s.anew = true
		inst.Phase, inst.Outcome = message.Updating, message.Granted
	case s.r.Barred(ev.Version):
		inst.Phase = message.Fenced
	case s.outranked(ev.Version):
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
	v.Routes, v.Provides, v.Requires, v.Replaces = ev.Routes, ev.Provides, ev.Requires, ev.Replaces
	return v
}

// outranked reports whether a version above v holds an UPDATE, serves, or
// will again if the UPDATE that it drains for comes to nothing.
func (s *step) outranked(v module.Version) bool {
	return v.Less(s.r.Grant.Version) || slices.ContainsFunc(s.r.Versions, func(w Version) bool { return v.Less(w.Version) && w.returning() })
}

// drained notes that a gateway has no run of an instance left, unless the
// report is about an earlier drain, or the runs were lost count of (G6).
func (s *step) drained(ev Drained) {
	_, i := s.r.Find(ev.Instance)
	if i != nil && i.finishing() && i.DrainTurn == ev.Turn && i.Orphaned.IsZero() && !slices.Contains(i.DrainedBy, ev.Node) {
		i.DrainedBy = append(slices.Clip(i.DrainedBy), ev.Node)
	}
}

// runless reports whether every gateway that must has reported that i has no
// run left (G4).
func (s *step) runless(i *Instance) bool {
	return len(i.DrainedBy) > 0 && !slices.ContainsFunc(s.Nodes, func(n string) bool { return !slices.Contains(i.DrainedBy, n) })
}

// restarted keeps what a crash made unknown from being taken for zero: runs
// in flight, for as long as a grace, and time (G6, G7).
func (s *step) restarted(ev Restarted) {
	s.r.setBack(ev.Back)
	s.each(func(v *Version, i *Instance) {
		if i.inUse() {
			i.Orphaned, i.DrainedBy = latest(s.Now.Add(s.Settings.Grace), v.Drain.Until, i.Leaving), nil
		}
	})
	s.r.Settled = plain(ev.Settled)
}
