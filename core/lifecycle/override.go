package lifecycle

import (
	"fmt"
	"slices"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// OverrideError says why an administrator's override cannot be followed as
// the module stands (O1).
type OverrideError struct{ Detail string }

func (e *OverrideError) Error() string { return e.Detail }

func cannot(format string, args ...any) error { return &OverrideError{fmt.Sprintf(format, args...)} }

// maxOverrides bounds the overrides that a record remembers.
const maxOverrides = 16

// overridden follows an administrator, and records who and why (O1).
func (s *step) overridden(o message.Override) error {
	if s.r.Availability() == message.Unknown && (o.Type != message.Lift || s.r.Forced == (Forced{})) {
		return ErrUnknownModule
	}
	if err := s.override(o); err != nil {
		return err
	}
	all := append(slices.Clip(s.r.Overrides), Override{s.Now, o})
	s.r.Overrides = all[max(0, len(all)-maxOverrides):]
	return nil
}

func (s *step) override(o message.Override) error {
	switch o.Type {
	case message.ForceResume:
		return s.forceResume(o.Instance)
	case message.Grant:
		return s.cutShort(o.Instance)
	case message.Refuse:
		return s.refuse(o.Instance, o.Why)
	case message.Promote:
		return s.promote(o.Version, o.AcceptDataLoss)
	case message.LowerFloor:
		return s.lowerFloor(o.Version, o.AcceptDataLoss)
	case message.ForceMissing:
		return s.forceMissing()
	case message.Lift:
		return s.lift()
	case message.Drop:
		return s.dismiss(o.Version, o.Instance)
	}
	panic(fmt.Sprintf("lifecycle: unknown override %d", o.Type))
}

// forceResume ends the UPDATE as if its holder had said RESUME.
func (s *step) forceResume(id string) error {
	g := s.r.Grant
	switch {
	case g.IsZero():
		return cannot("no UPDATE is granted")
	case g.Lost != message.NoReason:
		return cannot("the holder of the UPDATE to %s is %s: promote a version, or wait for it", g.Version, g.Lost)
	case id != "" && id != g.Instance:
		return cannot("the UPDATE is granted to instance %q, not to %q", g.Instance, id)
	}
	s.endUpdate(s.r.Find(g.Instance))
	return nil
}

// asks returns the UPDATE that the override is about: of that instance, or
// the one in front.
func (s *step) asks(id string) (*Version, *Instance, error) {
	v, i := s.r.front()
	if id != "" {
		v, i = s.r.Find(id)
	}
	switch {
	case i == nil && id == "":
		return nil, nil, cannot("no UPDATE waits, unless the policy put it off: then name its instance")
	case i == nil, i.Ask.IsZero():
		return nil, nil, cannot("instance %q does not wait for an UPDATE", id)
	}
	return v, i, nil
}

// cutShort ends what the UPDATE in front waits for: the policy, the grace,
// the deadline of a lost holder (U1, U2, U5).
func (s *step) cutShort(id string) error {
	v, i, err := s.asks(id)
	if err != nil {
		return err
	}
	i.Ask.Deferred, i.Ask.Why = noTime, ""
	_, first := s.r.front()
	g := s.r.Grant
	switch {
	case first != i:
		return cannot("the UPDATE of instance %q goes first: refuse it", first.ID)
	case g.Lost != message.NoReason:
		s.grant(v, i)
		return nil
	case !g.IsZero():
		return cannot("the UPDATE to %s is granted to instance %q: force its RESUME, or drop it", g.Version, g.Instance)
	}
	s.wait(i)
	s.each(func(w *Version, other *Instance) {
		w.Drain.Least = noTime
		if other != i && other.finishing() {
			other.Drained = true
		}
	})
	return nil
}

// refuse ends an UPDATE that waits, for good (U12).
func (s *step) refuse(id, why string) error {
	_, i, err := s.asks(id)
	if err == nil {
		i.refuse(why)
	}
	return err
}

// promote makes a version serve, whatever the module was about: what is below
// is below the floor then, and what is above is fenced until Lift.
func (s *step) promote(version module.Version, accept bool) error {
	v := s.r.Version(version)
	if v == nil || !slices.ContainsFunc(v.Instances, func(i Instance) bool { return i.promotable() }) {
		return cannot("no instance of %s is there to serve: start one first", version)
	}
	if version.Less(s.r.Floor) && !accept {
		return belowFloor(version, s.r.Floor)
	}
	s.r.Epoch++
	s.r.Floor, s.r.Forced.Above = v.Version, v.Version
	s.r.Grant = Grant{}
	s.each(func(w *Version, i *Instance) {
		w.Drain = Drain{}
		switch {
		case w != v:
			i.fence()
		case i.promotable():
			i.enter(message.Serving)
			i.Ask, i.Held, i.Refused, i.Shut, i.Outcome = Ask{}, false, false, noTime, message.Resumed
			i.Sick = false
		}
	})
	return nil
}

// promotable reports whether i is there, and stays.
func (i *Instance) promotable() bool { return i.Phase != message.Out && i.Leaving.IsZero() }

// lowerFloor lets versions from floor on register, and serve by V7.
func (s *step) lowerFloor(floor module.Version, accept bool) error {
	switch {
	case !floor.Less(s.r.Floor):
		return cannot("the floor is %s: it can only be lowered", pick(s.r.Floor.IsZero(), "nowhere", s.r.Floor.String()))
	case !accept:
		return belowFloor(floor, s.r.Floor)
	}
	s.r.Floor = floor
	return nil
}

func belowFloor(v, floor module.Version) error {
	return cannot("%s is below the floor %s: what %s wrote may be lost to it; say that you accept the loss of data", v, floor, floor)
}

// forceMissing closes the module to requests, whoever serves.
func (s *step) forceMissing() error {
	if s.r.Forced.Missing {
		return cannot("the module is forced to be missing already")
	}
	s.r.Forced.Missing = true
	return nil
}

// lift ends what is in force. Who was fenced by it registers anew.
func (s *step) lift() error {
	if s.r.Forced == (Forced{}) {
		return cannot("nothing is in force that could be lifted")
	}
	s.anew, s.r.Forced = s.r.Forced.Missing, Forced{}
	return nil
}

// dismiss forgets an instance, those of a version, or, if neither is named,
// the module. Their tokens are void. Turn, epoch and floor stay, since
// modules compare them, and so does what is in force; whoever restructures
// yet must not write in the epoch of who serves next.
func (s *step) dismiss(version module.Version, id string) error {
	all := version.IsZero() && id == ""
	var ids []string
	s.each(func(v *Version, i *Instance) {
		if all || i.ID == id || v.Version.Equal(version) {
			ids = append(ids, i.ID)
		}
	})
	if len(ids) == 0 && !all {
		return cannot("there is no such instance or version")
	}
	for _, id := range ids {
		v, i := s.r.Find(id)
		switch {
		case i.Phase == message.Updating:
			s.r.Grant.Lost = message.ReasonForced
		case i.inUse():
			s.r.Left = message.ReasonForced
		}
		s.remove(v, id)
	}
	if all {
		if !s.r.Grant.IsZero() {
			s.r.Epoch++
		}
		s.effects = append(s.effects, Resolve{absentKey(s.r.Module)})
		s.r = Record{Module: s.r.Module, Turn: s.r.Turn, Epoch: s.r.Epoch, Floor: s.r.Floor, Forced: s.r.Forced, Overrides: s.r.Overrides}
	}
	return nil
}
