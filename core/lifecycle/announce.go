package lifecycle

import (
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

// announced follows an announcement. One whose seq is not above the last is
// a repetition and changes nothing (U7).
func (s *step) announced(ev Announced) error {
	v, i := s.r.Find(ev.Instance)
	switch {
	case i == nil:
		return ErrUnknown
	case i.Phase == message.Fenced && ev.Type != message.Disconnect:
		return ErrFenced
	case ev.Seq <= i.Seq:
		return nil
	}
	i.Seq = ev.Seq
	switch ev.Type {
	case message.Update:
		return s.update(v, i, ev.Announcement)
	case message.Resume:
		return s.resume(v, i)
	case message.Disconnect:
		s.r.Back = time.Duration(ev.Expected)
		s.disconnect(v, i)
	}
	return nil
}

// update notes that i asks for an UPDATE (U1); settle grants it when nobody
// else is in use. Who asked before keeps its place (U7).
func (s *step) update(v *Version, i *Instance, a message.Announcement) error {
	switch {
	case i.Phase == message.Updating:
		i.Outcome = message.Granted
		return nil
	case i.Refused, i.Phase == message.Idle, s.outranked(v.Version):
		return i.refusal()
	case !i.Ask.IsZero():
		return nil
	}
	if i.Phase != message.Serving && i.Phase != message.Draining {
		i.enter(message.Waiting)
		i.Drained = true
	}
	i.Ask = Ask{Since: s.Now, Expected: time.Duration(a.Expected), Note: a.Reason}
	i.Outcome, i.Held, i.Away, i.Socket, i.Leaving = message.Pending, false, message.NoReason, false, noTime
	s.consult(v, i)
	return nil
}

// consult asks the policy whether i's UPDATE goes ahead (U1).
func (s *step) consult(v *Version, i *Instance) {
	q := s.query(fallback.Update)
	q.Target.Version = v.Version.String()
	q.Target.Expected, q.Target.Note, q.Target.Asked = i.Ask.Expected, i.Ask.Note, s.Now.Sub(i.Ask.Since)
	d := s.Decide(q)
	i.Ask.Deferred, i.Ask.Why = noTime, ""
	switch d.Action {
	case fallback.Defer:
		i.Ask.Why = d.Detail
		i.Ask.Deferred = s.Now.Add(max(time.Second, s.Settings.TTLBounds.Clamp(d.TTL)))
	case fallback.Deny:
		i.refuse(d.Detail)
	default: // granted, as far as the policy is concerned
	}
}

// refuse ends i's UPDATE for good; why is for who asked. While runs may be in flight in it, it
// serves on, or finishes.
func (i *Instance) refuse(why string) {
	i.Ask, i.Refused, i.Outcome, i.Denial = Ask{}, true, message.Refused, why
	switch {
	case i.Phase != message.Waiting:
	case i.inUse():
		i.Phase = message.Draining
	default:
		i.enter(message.Idle)
	}
}

// resume makes i serve as soon as it may (V2, V6), ends the UPDATE that it
// holds (U4), or withdraws the one that it waits with (U12).
func (s *step) resume(v *Version, i *Instance) error {
	switch {
	case i.Refused, i.Phase == message.Idle && s.outranked(v.Version):
		return i.refusal()
	case s.r.Grant.Instance == i.ID: // lost and back before anyone got its grant, too (U6)
		s.endUpdate(v, i)
		return nil
	}
	i.Outcome = message.Pending
	if !i.Ask.IsZero() {
		i.Ask, i.Outcome = Ask{}, message.Withdrawn
	}
	i.Away, i.Socket, i.Leaving = message.NoReason, false, noTime
	switch {
	case i.Phase == message.Serving:
		i.resumed()
	case i.inUse(), i.Phase == message.Draining:
		i.Phase = message.Draining // settle puts it back, or lets it finish
	default:
		i.Held = true
		i.enter(message.Starting)
	}
	return nil
}

// endUpdate ends the grant with holder's RESUME (U4). Siblings that had asked
// are told that it is done (U9).
func (s *step) endUpdate(v *Version, holder *Instance) {
	holder.enter(message.Serving)
	holder.Outcome, holder.Away, holder.Shut, holder.Sick = message.Resumed, message.NoReason, noTime, false
	s.r.Grant = Grant{}
	for j := range v.Instances {
		if sib := &v.Instances[j]; !sib.Ask.IsZero() {
			sib.Ask, sib.Outcome, sib.StartBy = Ask{}, message.Done, s.Now.Add(s.Settings.StartTTL)
			sib.enter(message.Starting)
		}
	}
}

// disconnect takes i out of service; the answer comes when its runs are done
// or its grace is over (L1). Of runs that a restart lost count of, its word
// is all that can be had (G6).
func (s *step) disconnect(v *Version, i *Instance) {
	orphaned := s.Now.Before(i.Orphaned)
	i.Orphaned = noTime
	if !i.inUse() || i.finishing() && orphaned {
		s.depart(i.ID, message.ReasonDisconnected)
		return
	}
	if i.Phase == message.Serving {
		i.enter(message.Draining)
	}
	i.Phase, i.Ask, i.Outcome = message.Draining, Ask{}, message.Pending
	s.r.Left = message.ReasonDisconnected
	if i.Leaving.IsZero() {
		i.Leaving = v.Drain.Until
	}
	if i.Leaving.IsZero() {
		i.Leaving = s.Now.Add(s.grace(v))
	}
}

// grace asks the policy how long v may finish (V2, U2, L1).
func (s *step) grace(v *Version) time.Duration {
	q := s.query(fallback.Grace)
	q.Target.Version = v.Version.String()
	g := s.Settings.Grace
	if d := s.Decide(q); d.TTL > 0 {
		g = d.TTL
	}
	return max(s.Settings.GraceBounds.Clamp(g), s.Settings.GraceMin)
}
