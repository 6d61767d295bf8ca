package lifecycle

import (
	"bytes"
	"slices"

	"github.com/modgate/modgate/core/message"
)

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
	first := []Effect{Publish{}}
	if wakes(before, &s.r) {
		first = append(first, Release{s.r.Turn})
	}
	s.effects = append(first, s.effects...)
	s.report(before.incident(), s.r.incident())
}

// report tells the administrator that one incident ended and another began.
func (s *step) report(was, is Alert) {
	if was.Key == is.Key {
		return
	}
	if was.Key != "" {
		s.effects = append(s.effects, Resolve{was.Key})
	}
	if is.Key != "" {
		s.effects = append(s.effects, is)
	}
}

// differs reports whether b shows another picture than a to requests, to
// dependents or to administrators.
func differs(a, b *Record) bool {
	return a.Absence != b.Absence || a.Epoch != b.Epoch || a.Grant != b.Grant || a.Forced != b.Forced || !a.Floor.Equal(b.Floor) ||
		!slices.Equal(a.Replaced, b.Replaced) ||
		!slices.EqualFunc(a.Versions, b.Versions, sameVersion)
}

func sameVersion(a, b Version) bool {
	return a.Version.Equal(b.Version) && a.Drain == b.Drain && slices.EqualFunc(a.Instances, b.Instances, sameInstance)
}

// sameInstance need not compare what a registration says: each brings a new
// token.
func sameInstance(a, b Instance) bool {
	return a.ID == b.ID && a.Phase == b.Phase && a.Drained == b.Drained && a.Held == b.Held && a.Refused == b.Refused &&
		a.Ask == b.Ask && a.Outcome == b.Outcome && a.Away == b.Away && a.Socket == b.Socket && a.Leaving.Equal(b.Leaving) && !(a.Uncounted() && !b.Uncounted()) &&
		bytes.Equal(a.Token, b.Token)
}

// wakes reports whether a parked request may now be answered otherwise than
// by waiting on: the state or the server changed, a grant opens a way (U3),
// the absence ends earlier, or the version that its caller requires is no
// longer on its way (D3).
func wakes(a, b *Record) bool {
	if a.Availability() != b.Availability() || a.Grant != b.Grant || b.Absence.Until.Before(a.Absence.Until) {
		return true
	}
	v, w := a.Serving(), b.Serving()
	return v != nil && (!v.Version.Equal(w.Version) || slices.ContainsFunc(a.Versions, func(v Version) bool {
		return v.Coming() && !b.Version(v.Version).Coming()
	}))
}

// Coming reports whether v, if it is there, serves or may come to.
func (v *Version) Coming() bool {
	if v == nil {
		return false
	}
	switch v.Phase() {
	case message.Starting, message.Waiting, message.Updating, message.Serving:
		return true
	case message.Draining, message.Idle, message.Fenced, message.Out:
	}
	return false
}
