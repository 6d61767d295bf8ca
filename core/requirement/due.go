package requirement

import (
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// Told is what an instance was last told about one subject (N1). The zero
// value is: nothing, which is the same as "met".
type Told struct {
	Module string       `json:"module"`
	Turn   uint64       `json:"turn"`
	Kind   message.Kind `json:"kind,omitempty"`
	Found  string       `json:"found,omitempty"`
	Until  time.Time    `json:"until,omitzero"`
}

// Cursor is what an instance was last told, by subject: a requirement's id,
// or its own.
type Cursor map[string]Told

// toldOf returns what a notice leaves in a cursor.
func toldOf(n message.Notice) Told {
	return Told{Module: n.Data.Module, Turn: n.Turn, Kind: n.Kind, Found: n.Data.Found, Until: n.Until}
}

// Note enters into c that n was told, and reports whether that was news.
func (c Cursor) Note(n message.Notice) bool {
	t := toldOf(n)
	if c[n.Subject] == t {
		return false
	}
	c[n.Subject] = t
	return true
}

// Baseline returns the cursor of an instance that was just answered with the
// states of its requirements (D1).
func (v *View) Baseline(requires []module.Requirement) Cursor {
	c := Cursor{}
	for _, q := range requires {
		r := v.Resolve(q)
		c[q.ID] = Told{Module: r.Module, Turn: r.Turn, Kind: kindOf(r.State), Found: r.Found, Until: r.Until}
	}
	return c
}

// Due returns the notices that instance i of r's version ver is owed now that
// the module named changed has: where what is true differs from what it was
// told, at a higher turn or by another module (N1). If its own module has, that
// is all that it is owed: it may have been out meanwhile. The order is that of
// its requirements, itself last.
func (v *View) Due(now time.Time, changed string, r *lifecycle.Record, ver *lifecycle.Version, i *lifecycle.Instance, c Cursor) []message.Notice {
	var due []message.Notice
	if i.Phase == message.Out {
		return nil
	}
	if i.Opens() {
		for _, q := range ver.Requires {
			if changed != r.Module && !v.Touches(changed, q.ID, c) {
				continue
			}
			if n := v.about(now, i, q); owed(n, c[q.ID]) {
				due = append(due, n)
			}
		}
	}
	if changed != r.Module {
		return due
	}
	if n, any := Itself(now, r, ver, i); any && owed(n, c[i.ID]) {
		due = append(due, n)
	}
	return due
}

// Touches reports whether, now that the module named changed has, something
// else may be true of the subject, a requirement, than an instance with that
// cursor knows.
func (v *View) Touches(changed, subject string, c Cursor) bool {
	return v.provides(changed, subject) || c[subject].Module == changed
}

// Standing returns one notice per subject of i that is not met, whatever it
// was told: the snapshot with which a stream begins (3.4).
func (v *View) Standing(now time.Time, r *lifecycle.Record, ver *lifecycle.Version, i *lifecycle.Instance) []message.Notice {
	var all []message.Notice
	if i.Opens() {
		for _, q := range ver.Requires {
			if n := v.about(now, i, q); n.Kind != message.NoticeResume {
				all = append(all, n)
			}
		}
	}
	if n, any := Itself(now, r, ver, i); any && n.Kind != message.NoticeResume {
		all = append(all, n)
	}
	return all
}

// owed reports whether n differs, to its receiver, from what it was told.
func owed(n message.Notice, t Told) bool {
	if n.Data.Module == t.Module && n.Turn <= t.Turn {
		return false
	}
	was := t.Kind
	if was == 0 {
		was = message.NoticeResume
	}
	if n.Kind != was {
		return true
	}
	switch n.Kind {
	case message.NoticeResume:
		return false
	case message.NoticeDelay:
		return n.Data.Found != t.Found || !n.Until.Equal(t.Until)
	case message.NoticeMissing:
		return n.Data.Found != t.Found
	}
	panic("requirement: notice without a kind")
}

// about returns what is true of requirement q of instance i.
func (v *View) about(now time.Time, i *lifecycle.Instance, q module.Requirement) message.Notice {
	r := v.Resolve(q)
	n := message.Notice{
		Receiver: i.ID, Subject: q.ID, Kind: kindOf(r.State), Turn: r.Turn, Time: now, Until: r.Until,
		Data: message.NoticeData{Module: r.Module, Required: q.Range, Found: r.Found, Reason: r.Reason, TTL: ttl(r.Until, now)},
	}
	if rec := v.Record(r.Module); rec != nil {
		n.Data.Epoch = rec.Epoch
		if s := rec.Serving(); s != nil {
			n.Data.Version = s.Version.String()
		}
	}
	return n
}

// Itself returns what is true of instance i itself, if that is worth a word.
func Itself(now time.Time, r *lifecycle.Record, ver *lifecycle.Version, i *lifecycle.Instance) (message.Notice, bool) {
	self := r.Self(ver, i)
	if self.Kind == 0 {
		return message.Notice{}, false
	}
	found := ""
	if s := r.Owner(); s != nil && self.Kind == message.NoticeMissing {
		found = s.Version.String()
	}
	n := message.Notice{
		Receiver: i.ID, Subject: i.ID, Kind: self.Kind, Turn: r.Turn, Time: now, Until: self.Until,
		Data: message.NoticeData{
			Module: r.Module, Version: ver.Version.String(), Found: found, Reason: self.Reason,
			TTL: ttl(self.Until, now), Outcome: self.Outcome,
		},
	}
	if epoch := r.WriteEpoch(i); epoch != nil { // else it could write past the fence with it (U8)
		n.Data.Epoch = *epoch
	}
	return n, true
}

func ttl(until, now time.Time) message.Duration {
	if until.IsZero() {
		return 0
	}
	return message.Duration(max(0, until.Sub(now)))
}

func kindOf(f message.Fulfilment) message.Kind {
	switch f {
	case message.Met:
		return message.NoticeResume
	case message.UnmetDelayed:
		return message.NoticeDelay
	case message.UnmetMissing:
		return message.NoticeMissing
	}
	panic("requirement: fulfilment without a notice")
}
