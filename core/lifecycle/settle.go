package lifecycle

import (
	"fmt"
	"slices"
	"time"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

var noTime time.Time

// maxOut bounds the instances that are kept after they went out, so that a
// record stays small however often processes with made-up ids come and go.
const maxOut = 16

// settle derives what follows from the facts, once: the order of its parts
// is the order of the rules' precedence.
func (s *step) settle() {
	s.expire()
	s.overdueStarts()
	s.endLeaves()
	s.endGraces()
	s.reconsult()
	s.succeed()
	if v, i := s.candidate(); i != nil {
		s.wait(v, i)
		if s.free(v, i) {
			s.grant(v, i)
		}
	}
	if !s.contended() {
		s.serve()
		s.takeOver()
	}
	s.prune()
	s.absence()
}

// contended reports whether an UPDATE is granted or waits: then nobody
// begins to serve (V6).
func (s *step) contended() bool {
	_, i := s.candidate()
	return i != nil || !s.r.Grant.IsZero()
}

// overdueStarts alerts once about an instance that registered and never
// resumed (V6), and resolves when it did.
func (s *step) overdueStarts() {
	s.each(func(v *Version, i *Instance) {
		starting := i.Phase == message.Starting && !i.Held
		switch {
		case starting && !i.Alerted && !s.Now.Before(i.StartBy):
			i.Alerted = true
			s.effects = append(s.effects, Alert{Key: startKey(i.ID), Summary: fmt.Sprintf("%s %s (instance %s) registered but has not announced RESUME", s.r.Module, v.Version, i.ID)})
		case !starting && i.Alerted:
			i.Alerted = false
			s.effects = append(s.effects, Resolve{startKey(i.ID)})
		}
	})
}

func startKey(instance string) string { return "start/" + instance }

// endLeaves lets go who said DISCONNECT, when its runs are done or its grace
// is over (L1).
func (s *step) endLeaves() {
	s.each(func(_ *Version, i *Instance) {
		if !i.Leaving.IsZero() && (i.Drained || !s.Now.Before(i.Leaving)) {
			s.depart(i.ID, message.ReasonDisconnected)
		}
	})
}

// endGraces counts as done whoever's grace is over.
func (s *step) endGraces() {
	s.each(func(v *Version, i *Instance) {
		if i.finishing() && s.over(v.Drain.Until) {
			i.Drained = true
		}
	})
	for j := range s.r.Versions {
		if d := &s.r.Versions[j].Drain; s.over(d.Least) {
			d.Least = noTime
		}
	}
}

// reconsult asks the policy again about an UPDATE that it deferred (U1).
func (s *step) reconsult() {
	s.each(func(v *Version, i *Instance) {
		if d := i.Ask.Deferred; !d.IsZero() && !s.Now.Before(d) {
			s.consult(v, i)
		}
	})
}

// succeed passes a lost grant on: to the longest-waiting UPDATE of a sibling
// at once (U10), to a higher version's when the deadline has passed (U5).
func (s *step) succeed() {
	if s.r.Grant.Lost == message.NoReason {
		return
	}
	held := s.r.Version(s.r.Grant.Version)
	if i := longest(held); i != nil {
		s.grant(held, i)
		return
	}
	if !s.r.Absence.Expired {
		return
	}
	for j := len(s.r.Versions) - 1; j >= 0 && held.Version.Less(s.r.Versions[j].Version); j-- {
		if i := longest(&s.r.Versions[j]); i != nil {
			s.grant(&s.r.Versions[j], i)
			return
		}
	}
}

// candidate returns the UPDATE that waits in front: of the highest version,
// then the longest. While one is granted nobody is (U5).
func (s *step) candidate() (*Version, *Instance) {
	if !s.r.Grant.IsZero() {
		return nil, nil
	}
	for j := len(s.r.Versions) - 1; j >= 0; j-- {
		if i := longest(&s.r.Versions[j]); i != nil {
			return &s.r.Versions[j], i
		}
	}
	return nil, nil
}

// longest returns the longest-waiting UPDATE of v that is not deferred.
func longest(v *Version) *Instance {
	var first *Instance
	for j := range v.Instances {
		i := &v.Instances[j]
		if !i.Ask.IsZero() && i.Ask.Deferred.IsZero() && (first == nil || i.Ask.Since.Before(first.Ask.Since)) {
			first = i
		}
	}
	return first
}

// wait lets older versions and siblings finish (U2, U9). Whoever drains
// already keeps the grace it has.
func (s *step) wait(v *Version, holder *Instance) {
	if holder.Phase == message.Serving {
		holder.enter(message.Waiting)
	}
	holder.Phase = message.Waiting
	s.upTo(v.Version, func(w *Version, i *Instance) {
		if i != holder && i.inUse() {
			s.drain(w, i)
		}
	})
}

// drain lets i finish, for its version's grace, which begins if it does not
// run yet.
func (s *step) drain(v *Version, i *Instance) {
	if i.Phase == message.Serving {
		i.enter(message.Draining)
	}
	if v.Drain.Since.IsZero() {
		v.Drain = Drain{Since: s.Now, Until: s.Now.Add(s.grace(v))}
		if s.Settings.GraceMin > 0 {
			v.Drain.Least = s.Now.Add(s.Settings.GraceMin)
		}
	}
}

// free reports whether holder may be granted: nobody older and no sibling is
// in use any more, or their grace is over (U1, U2, U9, U13).
func (s *step) free(v *Version, holder *Instance) bool {
	free := true
	s.upTo(v.Version, func(w *Version, i *Instance) {
		switch {
		case i == holder:
		case i.inUse(), i.Phase == message.Draining && w != v && !w.Drain.Least.IsZero():
			free = false
		}
	})
	return free
}

func (s *step) over(t time.Time) bool { return !t.IsZero() && !s.Now.Before(t) }

// grant gives holder the module's data in a new epoch. Everything older is
// fenced (U8) and stays below the floor; siblings wait (U9).
func (s *step) grant(v *Version, holder *Instance) {
	s.r.Epoch++
	s.r.Floor = v.Version
	s.r.Grant = Grant{Version: v.Version, Instance: holder.ID, Expected: holder.Ask.Expected}
	s.granted = true
	holder.Phase, holder.Ask, holder.Outcome = message.Updating, Ask{}, message.Granted
	s.upTo(v.Version, func(w *Version, i *Instance) {
		switch {
		case i == holder:
		case w != v:
			s.fence(i)
		case !i.Ask.IsZero():
			i.Phase, i.Drained = message.Waiting, true
		case i.Phase == message.Draining:
			i.Held, i.Drained = i.Leaving.IsZero(), true
		}
	})
	for j := range s.r.Versions {
		s.r.Versions[j].Drain = Drain{}
	}
}

// fence closes everything to i; an instance that is out is forgotten by
// prune, its token with it.
func (s *step) fence(i *Instance) {
	if i.Phase != message.Out {
		i.Phase = message.Fenced
	}
	i.Ask, i.Held, i.Leaving, i.Outcome, i.DrainTurn = Ask{}, false, noTime, message.Pending, 0
}

// serve lets those begin who resumed and may (V2, V6), and an older version
// again that still drains when nobody else does (V4, U12).
func (s *step) serve() {
	top := s.r.Serving()
	for j := len(s.r.Versions) - 1; j >= 0; j-- {
		v := &s.r.Versions[j]
		if top != nil && v.Version.Less(top.Version) {
			break
		}
		if top == nil || v == top || v.resumed() >= s.Settings.Takeover {
			if v.promote() {
				top = v
			}
		}
	}
	for j := len(s.r.Versions) - 1; j >= 0 && top == nil; j-- {
		if v := &s.r.Versions[j]; v.undrain() {
			top = v
		}
	}
	if top != nil && top.undrain() {
		s.r.Served = top.Version
	}
}

// resumed counts the instances that serve or are held.
func (v *Version) resumed() int {
	n := 0
	for j := range v.Instances {
		if i := &v.Instances[j]; i.Phase == message.Serving || i.Held {
			n++
		}
	}
	return n
}

// promote makes v's held instances serve and reports whether v serves.
func (v *Version) promote() bool {
	for j := range v.Instances {
		i := &v.Instances[j]
		if !i.Held {
			continue
		}
		i.Held = false
		i.enter(message.Serving)
		if i.Outcome == message.Pending {
			i.Outcome = message.Resumed
		}
	}
	return v.count(message.Serving) > 0
}

// undrain makes v's draining instances serve again, except those that leave,
// and reports whether v serves.
func (v *Version) undrain() bool {
	for j := range v.Instances {
		i := &v.Instances[j]
		if i.Phase == message.Draining && i.Leaving.IsZero() {
			i.enter(message.Serving)
		}
	}
	v.Drain = Drain{}
	return v.count(message.Serving) > 0
}

// takeOver lets the versions below the serving one finish, and drops them
// when they have (V2). Who is below and does not serve is idle (V3).
func (s *step) takeOver() {
	top := s.r.Serving()
	if top == nil {
		return
	}
	s.vanish(top)
	s.r.Served = top.Version
	for j := range s.r.Versions {
		v := &s.r.Versions[j]
		if !v.Version.Less(top.Version) {
			return
		}
		s.below(v)
		if !v.Drain.Since.IsZero() && v.finished() {
			s.drop(v)
		}
	}
}

// below puts every instance of a version below the serving one where it
// belongs.
func (s *step) below(v *Version) {
	for j := range v.Instances {
		i := &v.Instances[j]
		switch i.Phase {
		case message.Serving:
			s.drain(v, i)
		case message.Starting, message.Waiting:
			i.Phase, i.Ask, i.Held = message.Idle, Ask{}, false
			i.Outcome = message.Refused
		case message.Draining, message.Updating, message.Idle, message.Fenced, message.Out:
		}
	}
}

// finished reports whether nobody of v is in use any more.
func (v *Version) finished() bool {
	return !slices.ContainsFunc(v.Instances, func(i Instance) bool { return i.inUse() })
}

// drop ends a version's drain: MISSING to it, in a new epoch (V2, U8).
func (s *step) drop(v *Version) {
	s.r.Epoch++
	v.Drain = Drain{}
	for j := range v.Instances {
		if i := &v.Instances[j]; i.Phase != message.Idle {
			s.fence(i)
		}
	}
}

// prune forgets what nothing refers to any more.
func (s *step) prune() {
	out := 0
	top := s.r.Serving()
	for j := len(s.r.Versions) - 1; j >= 0; j-- {
		v := &s.r.Versions[j]
		passed := v.Version.Less(s.r.Floor) || top != nil && v.Version.Less(top.Version)
		v.Instances = slices.DeleteFunc(v.Instances, func(i Instance) bool {
			if i.Phase != message.Out {
				return false
			}
			out++
			return passed || out > maxOut
		})
	}
	s.r.Versions = slices.DeleteFunc(s.r.Versions, func(v Version) bool {
		return len(v.Instances) == 0 && !v.Version.Equal(s.r.Served) && !v.Version.Equal(s.r.Grant.Version)
	})
}

// each visits every instance, in order.
func (s *step) each(visit func(*Version, *Instance)) {
	for j := range s.r.Versions {
		v := &s.r.Versions[j]
		for k := 0; k < len(v.Instances); k++ {
			visit(v, &v.Instances[k])
		}
	}
}

// upTo visits every instance of v and of the versions below it.
func (s *step) upTo(v module.Version, visit func(*Version, *Instance)) {
	s.each(func(w *Version, i *Instance) {
		if !v.Less(w.Version) {
			visit(w, i)
		}
	})
}
