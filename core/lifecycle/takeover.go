package lifecycle

import (
	"slices"

	"github.com/modgate/modgate/core/message"
)

// serve lets those begin who resumed and may, in the highest version of which
// enough did (V2, V6). Until then goes on who serves, or served and still
// drains (V4, U12).
func (s *step) serve() {
	var top *Version
	for j := range s.r.Versions {
		if v := &s.r.Versions[j]; v.returning() {
			top = v
		}
	}
	for j := len(s.r.Versions) - 1; j >= 0; j-- {
		v := &s.r.Versions[j]
		if top != nil && !top.Version.Less(v.Version) {
			break
		}
		if held := v.held(); held > 0 && (top == nil || held >= s.Settings.Takeover) {
			top = v
			break
		}
	}
	if top != nil {
		top.serve()
	}
}

// begins reports whether i resumed, does not serve yet, and may: it is not held
// out (L5), and its probes do not fail (L2).
func (i *Instance) begins() bool { return i.Held && !i.Sick && i.Shut.IsZero() }

// held counts the instances that begin.
func (v *Version) held() int {
	n := 0
	for j := range v.Instances {
		if v.Instances[j].begins() {
			n++
		}
	}
	return n
}

// serve makes those of v serve who begin, and those who drain and do not
// leave.
func (v *Version) serve() {
	v.Drain = Drain{}
	for j := range v.Instances {
		i := &v.Instances[j]
		if !i.begins() && (i.Phase != message.Draining || !i.Leaving.IsZero()) {
			continue
		}
		i.Held = false
		i.enter(message.Serving)
		i.resumed()
	}
}

// resumed answers i's RESUME, if it was the last that i announced.
func (i *Instance) resumed() {
	if i.Outcome == message.Pending && i.Ask.IsZero() {
		i.Outcome = message.Resumed
	}
}

// takeOver lets the versions below the serving one finish, and drops them
// when they have (V2). Who is below and does not serve is idle (V3).
func (s *step) takeOver() {
	top := s.r.top()
	if top == nil {
		return
	}
	s.vanish(top)
	s.r.Served = top.Version
	s.replaceOthers()
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
// belongs. What it asked for comes to nothing.
func (s *step) below(v *Version) {
	for j := range v.Instances {
		i := &v.Instances[j]
		switch i.Phase {
		case message.Serving, message.Draining:
			s.drain(v, i)
		case message.Starting, message.Waiting:
			i.enter(message.Idle)
			i.Held, i.Outcome = false, message.Refused
		case message.Updating, message.Idle, message.Fenced, message.Out:
		}
		if !i.Ask.IsZero() {
			i.Ask, i.Outcome = Ask{}, message.Refused
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
			i.fence()
		}
	}
}
