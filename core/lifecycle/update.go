package lifecycle

import (
	"github.com/modgate/modgate/core/message"
)

// contended reports whether an UPDATE is granted or waits: then nobody
// begins to serve (V6).
func (s *step) contended() bool {
	_, i := s.candidate()
	return i != nil || !s.r.Grant.IsZero()
}

// candidate returns the UPDATE that waits in front: of the highest version,
// then the longest. While one is granted nobody is (U5).
func (s *step) candidate() (*Version, *Instance) {
	if !s.r.Grant.IsZero() {
		return nil, nil
	}
	return s.r.front()
}

// front returns the longest-waiting UPDATE of the highest version that has
// one, or nil, nil.
func (r *Record) front() (*Version, *Instance) {
	for j := len(r.Versions) - 1; j >= 0; j-- {
		if i := r.Versions[j].longest(); i != nil {
			return &r.Versions[j], i
		}
	}
	return nil, nil
}

// longest returns the longest-waiting UPDATE of v that is not deferred.
func (v *Version) longest() *Instance {
	var first *Instance
	for j := range v.Instances {
		i := &v.Instances[j]
		if !i.Ask.IsZero() && i.Ask.Deferred.IsZero() && (first == nil || i.Ask.Since.Before(first.Ask.Since)) {
			first = i
		}
	}
	return first
}

// succeed passes a lost grant on and reports whether it did: to the
// longest-waiting UPDATE of a sibling at once (U10), to the highest one when
// the deadline has passed (U5).
func (s *step) succeed() bool {
	if s.r.Grant.Lost == message.NoReason {
		return false
	}
	v := s.r.Version(s.r.Grant.Version)
	i := v.longest()
	if i == nil && s.over(s.r.Absence.Until) {
		v, i = s.r.front()
	}
	if i == nil {
		return false
	}
	s.grant(v, i)
	return true
}

// wait lets older versions and siblings finish (U2, U9), and a higher one
// that was leaving and changed its mind. Whoever drains already keeps the
// grace it has.
func (s *step) wait(holder *Instance) {
	if holder.Phase == message.Serving {
		holder.enter(message.Waiting)
	}
	holder.Phase = message.Waiting
	s.each(func(v *Version, i *Instance) {
		if i != holder && i.inUse() && i.Leaving.IsZero() {
			s.drain(v, i)
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

// free reports whether holder may be granted: nobody else is in use any more,
// or held by grace_min (U1, U2, U9, U13).
func (s *step) free(holder *Instance) bool {
	free := true
	s.each(func(v *Version, i *Instance) {
		if i != holder && (i.inUse() || i.Phase == message.Draining && !v.Drain.Least.IsZero()) {
			free = false
		}
	})
	return free
}

// grant gives holder the module's data in a new epoch. Everything older is
// fenced (U8) and stays below the floor; siblings wait (U9).
func (s *step) grant(v *Version, holder *Instance) {
	s.r.Epoch++
	s.r.Floor = v.Version
	s.r.Grant = Grant{Version: v.Version, Instance: holder.ID, Expected: holder.Ask.Expected, Note: holder.Ask.Note}
	s.anew = true
	holder.enter(message.Updating)
	holder.Ask, holder.Outcome = Ask{}, message.Granted
	for j := range s.r.Versions {
		w := &s.r.Versions[j]
		w.Drain = Drain{}
		if !w.Version.Less(v.Version) {
			continue
		}
		for k := range w.Instances {
			w.Instances[k].fence()
		}
	}
}

// fence closes everything to i; one that is out is forgotten by prune, its
// token with it.
func (i *Instance) fence() {
	if i.Phase == message.Out {
		return
	}
	i.enter(message.Fenced)
	i.Ask, i.Held, i.Leaving, i.Orphaned, i.Outcome = Ask{}, false, noTime, noTime, message.Pending
}
