package lifecycle

import (
	"fmt"
	"slices"
	"time"

	"github.com/modgate/modgate/core/message"
)

var noTime time.Time

// maxOut bounds the instances that are kept after they went out, so that a
// record stays small however often processes with made-up ids come and go.
const maxOut = 16

// settle derives what follows from the facts, once: the order of its parts
// is the order of the rules' precedence.
func (s *step) settle() {
	s.open()
	s.endDrains()
	s.endLeaves()
	s.reconsult()
	s.succeed()
	if v, i := s.candidate(); i != nil {
		s.wait(i)
		if s.free(i) {
			s.grant(v, i)
		}
	}
	if !s.contended() {
		s.serve()
		s.takeOver()
	}
	s.absence()
	if s.succeed() { // the deadline that was just set has passed
		s.absence()
	}
	s.overdueStarts()
	s.forget()
	s.prune()
}

// over reports whether t is set and has come.
func (s *step) over(t time.Time) bool { return !t.IsZero() && !s.Now.Before(t) }

// open lets in who was held out for long enough (L5).
func (s *step) open() {
	s.each(func(_ *Version, i *Instance) {
		if s.over(i.Shut) {
			i.Shut = noTime
		}
	})
}

// forget lets the reports of gateways count again: the runs of before a
// restart have had a grace (G6).
func (s *step) forget() {
	s.each(func(_ *Version, i *Instance) {
		if i.finishing() && s.over(i.Orphaned) {
			i.Orphaned = noTime
		}
	})
}

// endDrains counts as done who has no run left, and whoever's grace is over.
func (s *step) endDrains() {
	s.each(func(v *Version, i *Instance) {
		if i.finishing() && (s.over(v.Drain.Until) || s.runless(i)) {
			i.Drained, i.DrainedBy = true, nil
		}
	})
	for j := range s.r.Versions {
		if d := &s.r.Versions[j].Drain; s.over(d.Least) {
			d.Least = noTime
		}
	}
}

// endLeaves lets go who said DISCONNECT, when its runs are done or its grace
// is over (L1).
func (s *step) endLeaves() {
	s.each(func(_ *Version, i *Instance) {
		if !i.Leaving.IsZero() && (i.Drained || s.over(i.Leaving)) {
			s.depart(i.ID, message.ReasonDisconnected)
		}
	})
}

// reconsult asks the policy again about an UPDATE that it deferred (U1).
func (s *step) reconsult() {
	s.each(func(v *Version, i *Instance) {
		if s.over(i.Ask.Deferred) {
			s.consult(v, i)
		}
	})
}

// overdueStarts alerts once about an instance that registered and never
// resumed (V6), and resolves when it did.
func (s *step) overdueStarts() {
	s.each(func(v *Version, i *Instance) {
		switch {
		case i.unheard() && !i.Alerted && s.over(i.StartBy):
			i.Alerted = true
			s.effects = append(s.effects, Alert{Key: startKey(i.ID), Summary: fmt.Sprintf("%s %s (instance %s) registered but has not announced RESUME", s.r.Module, v.Version, i.ID)})
		case !i.unheard() && i.Alerted:
			i.Alerted = false
			s.effects = append(s.effects, Resolve{startKey(i.ID)})
		}
	})
}

func startKey(instance string) string { return "start/" + instance }

// prune forgets what nothing refers to any more.
func (s *step) prune() {
	out := 0
	top := s.r.top()
	for j := len(s.r.Versions) - 1; j >= 0; j-- {
		v := &s.r.Versions[j]
		passed := s.r.Barred(v.Version) || top != nil && v.Version.Less(top.Version)
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
