package lifecycle

import (
	"fmt"
	"strings"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

// incident returns what an absence past its deadline is to the administrator:
// critical when an UPDATE is overdue (A4, U6). Before, it has no key.
func (r *Record) incident() Alert {
	switch a := r.Absence; {
	case !a.Expired, r.Forced.Missing: // who forced it knows
		return Alert{}
	case r.Grant.IsZero():
		return Alert{Key: "expired/" + r.Module, Summary: fmt.Sprintf("%s is missing: %s since %s", r.Module, a.Reason, a.Since.Format(time.RFC3339))}
	default:
		return Alert{Key: "overdue/" + r.Module, Critical: true, Summary: fmt.Sprintf("%s is missing: the UPDATE to %s is overdue", r.Module, r.Grant.Version)}
	}
}

func absentKey(module string) string { return "absent/" + module }

// absence starts, ends, or decides anew about the module's absence (A4, A7).
func (s *step) absence() {
	a := &s.r.Absence
	switch {
	case s.r.Serving() != nil:
		if !a.Since.IsZero() {
			s.effects = append(s.effects, Resolve{absentKey(s.r.Module)})
			*a = Absence{}
		}
		s.r.Back = 0
		return
	case a.Since.IsZero() && len(s.r.Versions) == 0:
		return
	case a.Since.IsZero():
		a.Since = s.Now
	}
	if s.r.Forced.Missing {
		a.Reason, a.Until, a.Expired = message.ReasonForced, pick(s.over(a.Until), a.Until, s.Now), true
		return
	}
	if reason := s.reason(); reason != a.Reason || a.Until.IsZero() || s.anew {
		a.Reason = reason
		a.Until = s.decide(a)
	}
	for _, least := range [...]time.Time{s.r.Settled, pick(a.Reason == message.ReasonWaiting, s.r.graceEnd(), noTime)} {
		if a.Until.Before(least) {
			a.Until = least // A4, G6
		}
	}
	a.Expired = s.over(a.Until)
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

// decide asks the policy when the absence shall end, from now, within the
// bounds that operators set.
func (s *step) decide(a *Absence) time.Time {
	q := s.query(fallback.Absence)
	ttl := s.Settings.TTL
	if a.Reason == message.ReasonUpdating {
		ttl = s.Settings.UpdateTTL
	}
	d := s.Decide(q)
	if d.TTL > 0 {
		ttl = d.TTL
	}
	if d.Alert || a.Reason == message.ReasonLost || a.Reason == message.ReasonUnhealthy {
		why := strings.TrimSuffix(a.Reason.String()+". "+d.Detail, ". ")
		s.effects = append(s.effects, Alert{Key: absentKey(s.r.Module), Summary: s.r.Module + " is away: " + why})
	}
	from := pick(a.Since.After(s.Now), a.Since, s.Now)
	until, last := from.Add(s.Settings.TTLBounds.Clamp(ttl)), a.Since.Add(s.Settings.AbsenceMax)
	if d.Action == fallback.Miss {
		until = s.Now
	}
	return pick(until.After(last), last, until)
}

// Expected returns how long the absence may last by the word of who causes it
// (3.3): the holder, the UPDATE that waits in front, or the last that said
// DISCONNECT. 0: nobody said.
func (r *Record) Expected() time.Duration {
	if !r.Grant.IsZero() {
		return r.Grant.Expected
	}
	if _, i := r.front(); i != nil {
		return i.Ask.Expected
	}
	return r.Back
}

// graceEnd returns the latest end of a drain or a leave under way.
func (r *Record) graceEnd() (end time.Time) {
	for j := range r.Versions {
		v := &r.Versions[j]
		for k := range v.Instances {
			i := &v.Instances[k]
			for _, t := range [...]time.Time{v.Drain.Until, i.Leaving} {
				if i.inUse() && t.After(end) {
					end = t
				}
			}
		}
	}
	return end
}

// query asks the policy about the module as it stands.
func (s *step) query(e fallback.Entrypoint) fallback.Query {
	return fallback.Query{Entrypoint: e, Now: s.Now, Target: s.r.Target(s.Now)}
}

// Target describes the module to policies as it stands at now.
func (r *Record) Target(now time.Time) fallback.Target {
	t := fallback.Target{
		Module: r.Module, State: r.Availability(), Reason: r.Absence.Reason, Since: r.Absence.Since,
		Expected: r.Expected(), Note: r.Grant.Note,
	}
	if v := r.Serving(); v != nil {
		t.Serving = v.Version.String()
	}
	if v := r.Owner(); v != nil {
		t.Version = v.Version.String()
	}
	if r.Grant.IsZero() {
		if _, i := r.front(); i != nil {
			t.Note = i.Ask.Note
		}
	}
	if !t.Since.IsZero() {
		t.Absent = max(0, now.Sub(t.Since))
	}
	t.TTLLeft = max(0, r.Absence.Until.Sub(now))
	return t
}
