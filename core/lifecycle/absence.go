package lifecycle

import (
	"fmt"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

// expire turns DELAY into MISSING when the absence's deadline has passed
// (A4).
func (s *step) expire() {
	if a := &s.r.Absence; !a.Expired && s.over(a.Until) {
		s.expired(a)
	}
}

func (s *step) expired(a *Absence) {
	a.Expired = true
	alert := Alert{Key: expiredKey(s.r.Module), Summary: fmt.Sprintf("%s is missing: %s since %s", s.r.Module, a.Reason, a.Since.UTC().Format(time.RFC3339))}
	if !s.r.Grant.IsZero() {
		alert.Critical = true
		alert.Summary = fmt.Sprintf("%s is missing: the UPDATE to %s is overdue", s.r.Module, s.r.Grant.Version)
	}
	s.effects = append(s.effects, alert)
}

func expiredKey(module string) string { return "expired/" + module }
func absentKey(module string) string  { return "absent/" + module }

// absence starts, ends, or decides anew about the module's absence (A4, A7).
func (s *step) absence() {
	a := &s.r.Absence
	switch {
	case s.r.Serving() != nil:
		if !a.Since.IsZero() {
			s.effects = append(s.effects, Resolve{absentKey(s.r.Module)}, Resolve{expiredKey(s.r.Module)})
			*a = Absence{}
		}
		return
	case a.Since.IsZero() && len(s.r.Versions) == 0:
		return
	case a.Since.IsZero():
		a.Since = s.Now
	}
	if reason := s.reason(); reason != a.Reason || a.Until.IsZero() || s.granted {
		a.Reason = reason
		s.decide(a)
	}
	// A4: never before the grace's end while waiting.
	if end := s.graceEnd(); a.Reason == message.ReasonWaiting && a.Until.Before(end) {
		a.Until, a.Expired = end, false
	}
}

// reason says why nobody serves.
func (s *step) reason() message.Reason {
	_, waiting := s.candidate()
	switch {
	case s.r.Grant.Lost != message.NoReason:
		return s.r.Grant.Lost
	case !s.r.Grant.IsZero():
		return message.ReasonUpdating
	case waiting != nil:
		return message.ReasonWaiting
	case s.r.Left != message.NoReason:
		return s.r.Left
	default:
		return message.ReasonStarting
	}
}

// decide asks the policy how long the absence may last from now, within the
// bounds that operators set.
func (s *step) decide(a *Absence) {
	q := s.query(fallback.Absence)
	ttl := s.Settings.TTL
	if a.Reason == message.ReasonUpdating {
		ttl = s.Settings.UpdateTTL
		q.Target.Expected = s.r.Grant.Expected
	}
	d := s.Decide(q)
	if d.TTL > 0 {
		ttl = d.TTL
	}
	from := s.Now
	if a.Since.After(from) {
		from = a.Since
	}
	a.Until = from.Add(s.Settings.TTLBounds.Clamp(ttl))
	if last := a.Since.Add(s.Settings.AbsenceMax); a.Until.After(last) {
		a.Until = last
	}
	if d.Action == fallback.Miss {
		a.Until = s.Now
	}
	was := a.Expired
	a.Expired = false
	if !s.Now.Before(a.Until) {
		if a.Expired = was; !was {
			s.expired(a)
		}
	}
	if d.Alert || a.Reason == message.ReasonLost || a.Reason == message.ReasonUnhealthy {
		s.effects = append(s.effects, Alert{Key: absentKey(s.r.Module), Summary: fmt.Sprintf("%s is away: %s. %s", s.r.Module, a.Reason, d.Detail)})
	}
}

// graceEnd returns the latest end of a drain under way.
func (s *step) graceEnd() (end time.Time) {
	for i := range s.r.Versions {
		if u := s.r.Versions[i].Drain.Until; u.After(end) {
			end = u
		}
	}
	return end
}

// query describes the module as it stands to the policy.
func (s *step) query(e fallback.Entrypoint) fallback.Query {
	t := fallback.Target{Module: s.r.Module, State: s.r.Availability(), Reason: s.r.Absence.Reason, Since: s.r.Absence.Since}
	if v := s.r.Serving(); v != nil {
		t.Serving = v.Version.String()
	}
	if v := s.r.Owner(); v != nil {
		t.Version = v.Version.String()
	}
	if !t.Since.IsZero() {
		t.Absent = max(0, s.Now.Sub(t.Since))
	}
	if left := s.r.Absence.Until.Sub(s.Now); left > 0 {
		t.TTLLeft = left
	}
	return fallback.Query{Entrypoint: e, Target: t}
}
