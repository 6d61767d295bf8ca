package lifecycle

import (
	"slices"
	"time"

	"github.com/modgate/modgate/core/message"
)

// State returns the module's state as the control API writes it. With an
// instance id it is seen by that instance.
func (r *Record) State(now time.Time, instance string) message.State {
	st := message.State{Module: r.Module, State: r.Availability(), Reason: r.Reason(), Since: r.Absence.Since, Turn: r.Turn}
	if st.State == message.Delayed {
		st.TTL = message.Duration(max(0, r.Absence.Until.Sub(now)))
	}
	if v := r.Serving(); v != nil {
		st.Serving = v.Version
	}
	if _, i := r.Find(instance); i != nil {
		st.Phase = &i.Phase
	}
	return st
}

// Answer says what the instance's last announcement led to so far (3.3):
// an outcome, or DELAY with the time that is left. The error is ErrUnknown,
// ErrFenced or ErrRefused, maybe as a *RefusedError.
func (r *Record) Answer(now time.Time, instance string) (message.Answer, error) {
	v, i := r.Find(instance)
	switch {
	case i == nil:
		return message.Answer{}, ErrUnknown
	case i.Phase == message.Fenced:
		return message.Answer{}, ErrFenced
	case i.Outcome == message.Refused:
		return message.Answer{}, i.refusal()
	}
	a := message.Answer{Outcome: i.Outcome, Epoch: r.WriteEpoch(i), State: r.State(now, instance)}
	if i.Outcome == message.Pending {
		a.Notice = message.NoticeDelay.String()
		a.TTL = message.Duration(max(0, r.pendingUntil(v, i).Sub(now)))
		a.Detail = i.Ask.Why
	}
	return a, nil
}

// WriteEpoch returns the epoch with which i may write, nil if it may not now:
// only the holder while an UPDATE is granted, else who serves or finishes its
// runs. A sibling or a lost holder that asked would otherwise be handed the
// grant's own epoch and write past the fence (U8; found by model/).
func (r *Record) WriteEpoch(i *Instance) *uint64 {
	may := false
	switch i.Phase {
	case message.Updating:
		may = true
	case message.Serving, message.Draining, message.Waiting:
		may = r.Grant.IsZero()
	case message.Starting, message.Idle, message.Fenced, message.Out:
	}
	if !may {
		return nil
	}
	epoch := r.Epoch
	return &epoch
}

// pendingUntil returns when a pending announcement is answered at the latest,
// as far as it is known.
func (r *Record) pendingUntil(v *Version, i *Instance) time.Time {
	switch {
	case !i.Leaving.IsZero():
		return i.Leaving
	case !i.Ask.Deferred.IsZero():
		return i.Ask.Deferred
	case i.Held && !i.Shut.IsZero():
		return i.Shut
	case i.Phase == message.Draining && !v.Drain.Until.IsZero():
		return v.Drain.Until
	case r.Absence.Reason == message.ReasonWaiting:
		return r.graceEnd()
	default:
		return r.Absence.Until
	}
}

// Self is what an instance is to know about itself (U2, U9, V2, V3). The
// zero Self is: nothing to tell.
type Self struct {
	Kind    message.Kind
	Reason  message.Reason
	Outcome message.Outcome
	Until   time.Time
}

// Self returns what the instance is to know about itself now.
func (r *Record) Self(v *Version, i *Instance) Self {
	switch i.Phase {
	case message.Serving:
		if r.Forced.Missing {
			return Self{Kind: message.NoticeMissing, Reason: message.ReasonForced}
		}
		return Self{Kind: message.NoticeResume, Outcome: message.Resumed}
	case message.Updating:
		return Self{Kind: message.NoticeResume, Outcome: message.Granted}
	case message.Waiting:
		return Self{Kind: message.NoticeDelay, Reason: message.ReasonWaiting, Until: r.pendingUntil(v, i)}
	case message.Draining:
		if !i.Leaving.IsZero() || r.top() != nil {
			return Self{} // it knows, or it finishes and is told MISSING then (V2)
		}
		return Self{Kind: message.NoticeDelay, Reason: r.Absence.Reason, Until: r.pendingUntil(v, i)}
	case message.Idle:
		return Self{Kind: message.NoticeMissing, Reason: pick(i.Refused, message.ReasonRefused, message.ReasonVersion)}
	case message.Fenced:
		return Self{Kind: message.NoticeMissing, Reason: pick(r.Forced.Above.Less(v.Version) && !r.Forced.Above.IsZero(), message.ReasonForced, message.ReasonFenced)}
	case message.Starting:
		if i.Outcome == message.Done {
			return Self{Kind: message.NoticeResume, Outcome: message.Done}
		}
	case message.Out:
	}
	return Self{}
}

func pick[T any](cond bool, yes, no T) T {
	if cond {
		return yes
	}
	return no
}

// Opens reports whether i's token opens anything (U8): not that of a fenced
// or idle instance.
func (i *Instance) Opens() bool { return i.Phase != message.Fenced && i.Phase != message.Idle }

// InRotation reports whether requests may be sent to i at all.
func (i *Instance) InRotation() bool {
	return slices.Contains([]message.Phase{message.Serving, message.Draining, message.Waiting, message.Updating}, i.Phase)
}
