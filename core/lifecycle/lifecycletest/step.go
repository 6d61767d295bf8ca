package lifecycletest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
)

// Step steps r as lifecycle.Step does, and returns as a broken law whatever
// the step breaks. A refused event is no broken law.
func Step(r lifecycle.Record, env lifecycle.Env, ev lifecycle.Event) (after lifecycle.Record, effects []lifecycle.Effect, refused, broken error) {
	after, effects, refused = lifecycle.Step(r, env, ev)
	if refused == nil {
		return after, effects, nil, CheckStep(env, &r, ev, &after, effects)
	}
	if effects != nil || !reflect.DeepEqual(r, after) {
		broken = fmt.Errorf("refused, yet something changed")
	}
	return after, effects, refused, broken
}

// CheckStep returns the laws that the step from a to b breaks, or nil.
func CheckStep(env lifecycle.Env, a *lifecycle.Record, ev lifecycle.Event, b *lifecycle.Record, effects []lifecycle.Effect) error {
	return errors.Join(published(a, b, effects), alerted(a, b, effects), onward(a, ev, b), runsFinish(env, a, ev, b), grantsStay(a, ev, b), obeyed(env, ev, b), replaces(a, ev, b))
}

// CheckAll returns the first law that r, as it stands at env.Now and at its
// deadline, breaks, or nil.
func CheckAll(env lifecycle.Env, r *lifecycle.Record) error {
	return errors.Join(CheckState(env, r), CheckTicks(env, r), CheckValue(r))
}

// published: a changed picture is published, once, with a new turn; then
// who is parked is released if its answer may differ.
func published(a, b *lifecycle.Record, effects []lifecycle.Effect) error {
	changed := !samePicture(a, b)
	at := slices.Index(effects, lifecycle.Effect(lifecycle.Publish{}))
	if (at == 0) != changed || at > 0 {
		return fmt.Errorf("picture changed: %v; Publish is effect %d", changed, at)
	}
	if rose := b.Turn - a.Turn; changed && rose != 1 || !changed && rose != 0 {
		return fmt.Errorf("turn rose by %d; picture changed: %v", rose, changed)
	}
	var releases []int
	for n, e := range effects {
		if rel, ok := e.(lifecycle.Release); ok {
			releases = append(releases, n)
			if rel.Turn != b.Turn {
				return fmt.Errorf("a Release of turn %d at turn %d", rel.Turn, b.Turn)
			}
		}
	}
	must := a.Availability() != b.Availability() || server(a) != server(b) || b.Absence.Until.Before(a.Absence.Until) ||
		a.Grant != b.Grant || server(a) != "" && goneFrom(coming(a), coming(b))
	if must != slices.Equal(releases, []int{1}) || len(releases) > 1 {
		return fmt.Errorf("a Release is due: %v; it is effect %v", must, releases)
	}
	return nil
}

// alerted: an absence that expires opens an incident, critical if an UPDATE
// is overdue, and its end ends it (A4, U6, G5).
func alerted(a, b *lifecycle.Record, effects []lifecycle.Effect) error {
	opened, ended, critical := 0, 0, false
	for _, e := range effects {
		switch e := e.(type) {
		case lifecycle.Alert:
			if e.Key == "expired/"+b.Module || e.Key == "overdue/"+b.Module {
				opened, critical = opened+1, e.Critical
			}
		case lifecycle.Resolve:
			if e.Key == "expired/"+b.Module || e.Key == "overdue/"+b.Module {
				ended++
			}
		}
	}
	was, is := incident(a), incident(b)
	if got, want := [...]int{opened, ended}, [...]int{bit(is != was && is != ""), bit(is != was && was != "")}; got != want {
		return fmt.Errorf("incidents opened and ended: %v, want %v", got, want)
	}
	if opened > 0 && critical != (is == "overdue") {
		return fmt.Errorf("critical is %v for %q", critical, is)
	}
	return nil
}

func incident(r *lifecycle.Record) string {
	switch {
	case !r.Absence.Expired, r.Forced.Missing:
		return ""
	case r.Grant.IsZero():
		return "expired"
	default:
		return "overdue"
	}
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// onward: turn, epoch and floor never fall, unless an administrator accepts
// the loss of data (O1), since stays within an absence (A7), and a new holder
// or a fenced version means a new epoch (U8).
func onward(a *lifecycle.Record, ev lifecycle.Event, b *lifecycle.Record) error {
	o, _ := ev.(lifecycle.Overridden)
	restarted, _ := ev.(lifecycle.Restarted)
	promoted := o.Type == message.Promote && b.Floor.Equal(o.Version)
	switch {
	case b.Epoch < a.Epoch || b.Floor.Less(a.Floor) && !o.AcceptDataLoss:
		return fmt.Errorf("epoch %d to %d, floor %s to %s", a.Epoch, b.Epoch, a.Floor, b.Floor)
	case a.Floor.Less(b.Floor) && !b.Floor.Equal(b.Grant.Version) && !promoted:
		return fmt.Errorf("the floor rose to %s without a grant", b.Floor)
	case !a.Absence.Since.IsZero() && !b.Absence.Since.IsZero() && !a.Absence.Since.Add(-restarted.Back).Equal(b.Absence.Since):
		return fmt.Errorf("since moved by %s", b.Absence.Since.Sub(a.Absence.Since))
	case b.Epoch > a.Epoch || b.Grant.IsZero() || b.Grant.Lost != message.NoReason:
		return nil
	case a.Grant != b.Grant:
		return fmt.Errorf("the grant went from %q to %q in one epoch", a.Grant.Instance, b.Grant.Instance)
	}
	return nil
}

// runsFinish: who may finish its runs is fenced or passed over only when it
// has reported them done, its grace is over, or it is gone; who serves drains
// first (V2, U2). What was fenced stays so until it registers anew (U8). Only
// an administrator may grant at once, or promote (O1).
func runsFinish(env lifecycle.Env, a *lifecycle.Record, ev lifecycle.Event, b *lifecycle.Record) error {
	for was := range everyone(a) {
		_, is := b.Find(was.i.ID)
		if is == nil || !slices.Equal(is.Token, was.i.Token) { // gone, or replaced
			continue
		}
		over := !was.v.Drain.Until.IsZero() && !env.Now.Before(was.v.Drain.Until) ||
			!was.i.Leaving.IsZero() && !env.Now.Before(was.i.Leaving)
		reported := reportedDone(env, was.i, ev)
		done := is.Phase == message.Fenced || is.Phase == message.Idle || is.Drained
		o, _ := ev.(lifecycle.Overridden)
		if was.i.DrainTurn != 0 && is.DrainTurn != 0 && was.i.DrainTurn != is.DrainTurn {
			return fmt.Errorf("the drain of %s, of turn %d, became one of turn %d: reports of it are lost", was, was.i.DrainTurn, is.DrainTurn)
		}
		switch forced := o.Type == message.Grant || o.Type == message.Promote; {
		case forced && (was.i.Phase != message.Fenced || was.v.Version.Equal(o.Version)) && (is.Phase != message.Fenced || b.Epoch > a.Epoch):
		case was.i.Phase == message.Fenced && is.Phase != message.Fenced:
			return fmt.Errorf("%s was fenced and is %s", was, is.Phase)
		case was.i.Phase == message.Serving && done:
			return fmt.Errorf("%s served and has nothing to finish: %s", was, is.Phase)
		case was.i.Phase != message.Serving && inUse(was.i) && done && !over && !reported:
			return fmt.Errorf("%s was cut short: %s", was, is.Phase)
		case is.Phase == message.Fenced && was.i.Phase != message.Fenced && b.Epoch == a.Epoch:
			return fmt.Errorf("%s was fenced in the same epoch", was)
		}
	}
	return nil
}

// reportedDone: every gateway that must has said, of this drain, that i has no
// run left; the last one may say so now (G4).
func reportedDone(env lifecycle.Env, i *lifecycle.Instance, ev lifecycle.Event) bool {
	by := slices.Clone(i.DrainedBy)
	if d, ok := ev.(lifecycle.Drained); ok && d.Instance == i.ID && d.Turn == i.DrainTurn {
		by = append(by, d.Node)
	}
	missing := slices.ContainsFunc(env.Nodes, func(n string) bool { return !slices.Contains(by, n) })
	return len(by) > 0 && !missing && !env.Now.Before(i.Orphaned)
}

// grantsStay: only its own RESUME, loss, DISCONNECT or successor, or an
// administrator, touches a grant whose holder lives (U5, U6, O1).
func grantsStay(a *lifecycle.Record, ev lifecycle.Event, b *lifecycle.Record) error {
	if a.Grant.IsZero() || a.Grant.Lost != message.NoReason || a.Grant == b.Grant {
		return nil
	}
	about := ""
	switch ev := ev.(type) {
	case lifecycle.Announced:
		about = ev.Instance
	case lifecycle.Lost:
		about = ev.Instance
	case lifecycle.Registered:
		about = ev.Instance.ID
	case lifecycle.Overridden:
		if ev.Type == message.ForceResume || ev.Type == message.Promote || ev.Type == message.Drop {
			return nil
		}
	}
	if about != a.Grant.Instance {
		return fmt.Errorf("%T of %q took the grant of %q away", ev, about, a.Grant.Instance)
	}
	return nil
}

// replaces: a module has replaced what the version that serves says, from then
// on until it yields to it, or is forgotten; and nothing else (V10).
func replaces(a *lifecycle.Record, ev lifecycle.Event, b *lifecycle.Record) error {
	var says []string
	if v := b.Serving(); v != nil {
		says = v.Replaces
	}
	y, _ := ev.(lifecycle.Yielded)
	for _, name := range slices.Concat(a.Replaced, says, b.Replaced) {
		stays := slices.Contains(a.Replaced, name) && y.To != name && !b.Served.IsZero()
		if is, want := slices.Contains(b.Replaced, name), stays || slices.Contains(says, name); is != want {
			return fmt.Errorf("it has replaced %s: %v, want %v", name, is, want)
		}
	}
	return nil
}

// CheckTicks returns the first law of time that r breaks: a Tick at its
// deadline changes it, one before changes nothing, one now changes nothing
// unless the deadline is now.
func CheckTicks(env lifecycle.Env, r *lifecycle.Record) error {
	at, any := r.Deadline()
	quiet := []time.Time{env.Now}
	if any {
		quiet = append(quiet, at.Add(-1))
	}
	for _, t := range quiet {
		if t.Before(env.Now) || any && !t.Before(at) {
			continue
		}
		env.Now = t
		b, effects, err := lifecycle.Step(*r, env, lifecycle.Tick{})
		if err != nil || len(effects) > 0 || !reflect.DeepEqual(*r, b) {
			return fmt.Errorf("a Tick before the deadline (%v, in %s) did something: %v, %w", any, at.Sub(t), effects, err)
		}
	}
	if !any {
		return nil
	}
	env.Now = latest(env.Now, at)
	if b, _, err := lifecycle.Step(*r, env, lifecycle.Tick{}); err != nil || reflect.DeepEqual(*r, b) {
		return fmt.Errorf("a Tick at the deadline did nothing: %w", err)
	}
	return nil
}

// CheckValue returns how r fails to be a value: its JSON form must bring back
// the same.
func CheckValue(r *lifecycle.Record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	var back lifecycle.Record
	if err := json.Unmarshal(text, &back); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if !reflect.DeepEqual(bare(*r), bare(back)) {
		again, _ := json.Marshal(back)
		return fmt.Errorf("JSON brings back another record:\n%s\n%s", text, again)
	}
	return nil
}

// samePicture reports whether a and b differ in nothing but what only the
// machine looks at.
func samePicture(a, b *lifecycle.Record) bool {
	return a.Epoch == b.Epoch && a.Forced == b.Forced && a.Floor.Equal(b.Floor) && a.Absence == b.Absence && a.Grant == b.Grant && len(a.Removed) == len(b.Removed) &&
		slices.Equal(a.Replaced, b.Replaced) &&
		slices.EqualFunc(a.Versions, b.Versions, func(v, w lifecycle.Version) bool {
			return v.Version.Equal(w.Version) && v.Drain == w.Drain && slices.EqualFunc(v.Instances, w.Instances, func(i, k lifecycle.Instance) bool {
				return faceOf(&i) == faceOf(&k) && !(i.Uncounted() && !k.Uncounted())
			})
		})
}

// face is what others than the machine may know of an instance.
type face struct {
	id, upstream, webhook, token string
	lease                        time.Duration
	onDelay                      message.OnDelay
	phase                        message.Phase
	outcome                      message.Outcome
	ask                          lifecycle.Ask
	away                         message.Reason
	leaving                      time.Time
	held, refused, socket, done  bool
}

func faceOf(i *lifecycle.Instance) face {
	return face{
		i.ID, i.Upstream, i.Webhook, string(i.Token), i.Lease, i.OnDelay, i.Phase, i.Outcome, i.Ask, i.Away, i.Leaving,
		i.Held, i.Refused, i.Socket, i.Drained,
	}
}

// bare returns a copy of r in which what is empty is nil.
func bare(r lifecycle.Record) lifecycle.Record {
	r.Overrides = slices.Clone(r.Overrides)
	r.Removed = slices.Clip(slices.Clone(r.Removed))
	if len(r.Removed) == 0 {
		r.Removed = nil
	}
	r.Replaced = slices.Clone(r.Replaced)
	if len(r.Replaced) == 0 {
		r.Replaced = nil
	}
	r.Versions = slices.Clone(r.Versions)
	if len(r.Versions) == 0 {
		r.Versions = nil
	}
	for j := range r.Versions {
		v := &r.Versions[j]
		v.Instances = slices.Clone(v.Instances)
		if len(v.Instances) == 0 {
			v.Instances = nil
		}
	}
	return r
}

// coming lists the versions that serve or may: who requires one of them is
// delayed, not told MISSING (D3).
func coming(r *lifecycle.Record) (versions []string) {
	for a := range everyone(r) {
		finishes := false
		for k := range a.v.Instances {
			finishes = finishes || a.v.Instances[k].Phase == message.Draining
		}
		hopeful := a.i.Phase == message.Serving || a.i.Phase == message.Waiting || a.i.Phase == message.Updating ||
			a.i.Phase == message.Starting && !finishes
		if v := a.v.Version.String(); hopeful && !slices.Contains(versions, v) {
			versions = append(versions, v)
		}
	}
	return versions
}

func goneFrom(was, is []string) bool {
	return slices.ContainsFunc(was, func(v string) bool { return !slices.Contains(is, v) })
}

// server returns the version that serves, and may.
func server(r *lifecycle.Record) string {
	for j := range r.Versions {
		for k := range r.Versions[j].Instances {
			if r.Versions[j].Instances[k].Phase == message.Serving && !r.Forced.Missing {
				return r.Versions[j].Version.String()
			}
		}
	}
	return ""
}
