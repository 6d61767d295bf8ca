package lifecycletest

import (
	"fmt"
	"slices"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// obeyed: an override does what it says, and who and why is recorded (O1).
func obeyed(env lifecycle.Env, ev lifecycle.Event, b *lifecycle.Record) error {
	o, is := ev.(lifecycle.Overridden)
	if !is {
		return nil
	}
	last := len(b.Overrides) - 1
	if last < 0 || b.Overrides[last] != (lifecycle.Override{Time: env.Now, Override: o.Override}) {
		return fmt.Errorf("%s is not recorded: %+v", o.Type, b.Overrides)
	}
	if !followed(o.Override, b) {
		return fmt.Errorf("%s came to nothing: %+v", o.Type, b)
	}
	return nil
}

// followed reports whether b is as o wants it.
func followed(o message.Override, b *lifecycle.Record) bool {
	_, named := b.Find(o.Instance)
	switch o.Type {
	case message.ForceResume:
		return b.Grant.IsZero() || b.Grant.Lost == message.NoReason && named == nil
	case message.Grant:
		return !b.Grant.IsZero() && b.Grant.Lost == message.NoReason
	case message.Refuse:
		return named == nil || named.Refused && !asks(named)
	case message.Promote:
		return promoted(o, b)
	case message.LowerFloor:
		return b.Floor.Equal(o.Version) && o.AcceptDataLoss
	case message.ForceMissing:
		return b.Availability() == message.Missing && b.Reason() == message.ReasonForced
	case message.Lift:
		return b.Forced == lifecycle.Forced{}
	case message.Drop:
		v := b.Version(o.Version)
		return named == nil && (v == nil || len(v.Instances) == 0) &&
			(o.Instance != "" || !o.Version.IsZero() || len(b.Versions) == 0 && b.Availability() == message.Unknown)
	}
	return false
}

// promoted reports whether o's version serves in b, and whatever else is
// there is fenced or gone.
func promoted(o message.Override, b *lifecycle.Record) bool {
	serves := false
	for a := range everyone(b) {
		switch own := a.v.Version.Equal(o.Version); {
		case own && a.i.Phase == message.Serving:
			serves = true
		case !own && a.i.Phase != message.Fenced:
			return false
		}
	}
	return serves && b.Grant.IsZero() && b.Floor.Equal(o.Version) && b.Forced.Above.Equal(o.Version)
}

// overrides lists what administrators may say in this world.
func (w World) overrides() (all []message.Override) {
	add := func(o message.Override) {
		o.Who, o.Why = "ada", "to see what comes of it"
		all = append(all, o)
	}
	for _, t := range []message.OverrideType{message.ForceResume, message.Grant, message.Refuse, message.ForceMissing, message.Lift, message.Drop} {
		add(message.Override{Type: t})
	}
	var versions []string
	for _, seat := range w.Seats {
		for _, t := range []message.OverrideType{message.Grant, message.Refuse, message.Drop} {
			add(message.Override{Type: t, Instance: seat.ID})
		}
		versions = append(versions, seat.Versions...)
	}
	slices.Sort(versions)
	for _, v := range slices.Compact(versions) {
		version := module.MustVersion(v)
		add(message.Override{Type: message.Promote, Version: version})
		add(message.Override{Type: message.Promote, Version: version, AcceptDataLoss: true})
		add(message.Override{Type: message.LowerFloor, Version: version})
		add(message.Override{Type: message.LowerFloor, Version: version, AcceptDataLoss: true})
		add(message.Override{Type: message.Drop, Version: version})
	}
	return all
}
