package lifecycletest

import (
	"encoding/binary"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
)

// key is what of a record at a time the machine can tell apart: times as
// offsets, what has passed as passed, no absolute turn, epoch or seq. Two
// records of one key have the same future.
type key string

// keyOf returns r's key at env.Now. It keeps no routes and no requirements:
// no rule of the machine but V9 looks at them.
func keyOf(env lifecycle.Env, r *lifecycle.Record) key {
	b := make([]byte, 0, 256)
	at := func(t time.Time) {
		switch d := t.Sub(env.Now); {
		case t.IsZero():
			b = append(b, 'z')
		case d <= 0:
			b = append(b, 'p')
		default:
			b = binary.AppendVarint(append(b, 'f'), int64(d))
		}
	}
	flags := func(fs ...bool) {
		var n byte
		for k, f := range fs {
			n |= byte(bit(f)) << k
		}
		b = append(b, n)
	}
	word := func(s string) { b = append(append(b, s...), 0) }

	a, g := r.Absence, r.Grant
	if !a.Since.IsZero() {
		at(a.Since.Add(env.Settings.AbsenceMax))
	}
	at(a.Until)
	at(r.Settled)
	flags(a.Expired, a.Since.After(env.Now), r.Forced.Missing)
	b = append(b, byte(a.Reason), byte(g.Lost), byte(r.Left))
	word(g.Version.String())
	word(g.Instance)
	word(r.Floor.String())
	word(r.Forced.Above.String())
	for j := range r.Versions {
		v := &r.Versions[j]
		if len(v.Instances) == 0 {
			continue
		}
		word(v.Version.String())
		flags(!v.Drain.Since.IsZero())
		at(v.Drain.Least)
		at(v.Drain.Until)
		for k := range v.Instances {
			i := &v.Instances[k]
			word(i.ID)
			b = append(b, byte(i.Phase), rank(v, i))
			flags(i.Outcome == message.Pending, i.Held, i.Refused, i.Socket, i.Drained, i.Alerted, i.Sick)
			at(i.Ask.Deferred)
			at(i.Leaving)
			at(i.Shut)
			if env.Now.Before(i.Orphaned) {
				at(i.Orphaned)
			}
			if i.Phase == message.Starting && !i.Held && !i.Alerted {
				at(i.StartBy)
			}
		}
		b = append(b, 0xff)
	}
	return key(b)
}

// rank counts the UPDATEs of v that have waited no longer than i's, or is 0.
func rank(v *lifecycle.Version, i *lifecycle.Instance) byte {
	var n byte
	for k := range v.Instances {
		w := &v.Instances[k]
		if !i.Ask.IsZero() && !w.Ask.IsZero() && !w.Ask.Since.Before(i.Ask.Since) {
			n++
		}
	}
	return n
}
