package control

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
)

// Bounds of what is remembered of a module's life.
const (
	keptHappenings = 100 // the latest
	keptFollowed   = 32  // of one
)

// Happening is an event that changed a module, with what followed from it: an
// entry of its history. It is kept with the record, in one write.
type Happening struct {
	Time     time.Time `json:"time"`
	Module   string    `json:"module"`
	Event    string    `json:"event"`
	Instance string    `json:"instance,omitempty"`
	Detail   string    `json:"detail,omitempty"` // what it said besides: a version, a reason
	Who      string    `json:"who,omitempty"`    // of an override (O1), as is Why
	Why      string    `json:"why,omitempty"`
	Turn     uint64    `json:"turn"`               // after it
	Followed []string  `json:"followed,omitempty"` // in words
}

// happening puts an event and what followed from it into words.
func happening(now time.Time, ev lifecycle.Event, before, after *lifecycle.Record, effects []lifecycle.Effect) Happening {
	h := Happening{Time: now.Round(0).UTC(), Module: after.Module, Turn: after.Turn}
	h.describe(ev)
	h.Followed = append(follow(now, before, after), words(effects)...)
	if extra := len(h.Followed) - keptFollowed; extra > 0 {
		h.Followed = append(h.Followed[:keptFollowed-1], fmt.Sprintf("and %d more", extra+1))
	}
	return h
}

// describe puts ev into words.
func (h *Happening) describe(ev lifecycle.Event) {
	switch ev := ev.(type) {
	case lifecycle.Configured:
		h.Event = "configured"
	case lifecycle.Registered:
		h.Event, h.Instance, h.Detail = "registered", ev.Instance.ID, ev.Version.String()
	case lifecycle.Announced:
		h.Event, h.Instance, h.Detail = ev.Type.String(), ev.Instance, ev.Reason
	case lifecycle.Lost:
		h.Event, h.Instance, h.Detail = "lost", ev.Instance, ev.Reason.String()
	case lifecycle.Unreachable:
		h.Event, h.Instance = "unreachable", ev.Instance
	case lifecycle.Healthy:
		h.Event, h.Instance = "healthy", ev.Instance
	case lifecycle.Reachable:
		h.Event, h.Instance = "reachable", ev.Instance
	case lifecycle.Drained:
		h.Event, h.Instance = "drained", ev.Instance
	case lifecycle.Restarted:
		h.Event = "restarted"
	case lifecycle.Yielded:
		h.Event, h.Detail = "yielded", "to "+ev.To
	case lifecycle.Overridden:
		h.Event, h.Instance, h.Who, h.Why = "override", ev.Instance, ev.Who, ev.Why
		h.Detail = strings.TrimSpace(ev.Type.String() + " " + ev.Version.String())
	case lifecycle.Tick:
		h.Event = "deadline"
	default:
		h.Event = fmt.Sprintf("%T", ev) // a test holds that there is none
	}
}

// follow says what differs between two pictures of a module.
func follow(now time.Time, a, b *lifecycle.Record) (said []string) {
	say := func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	for _, w := range [...]*lifecycle.Record{a, b} { // first who is still there, then who is new
		for i := range w.Versions {
			for _, in := range w.Versions[i].Instances {
				_, was := a.Find(in.ID)
				_, is := b.Find(in.ID)
				switch {
				case w == a && is == nil:
					say("%s is forgotten", in.ID)
				case w == a && was.Phase != is.Phase:
					say("%s: %s → %s", in.ID, was.Phase, is.Phase)
				case w == b && was == nil:
					say("%s (%s) is %s", in.ID, w.Versions[i].Version, is.Phase)
				}
				if w == b && was != nil {
					said = append(said, put(was, is)...)
				}
			}
		}
	}
	if g := b.Grant; g != a.Grant && !g.IsZero() {
		if g.Lost == message.NoReason {
			say("UPDATE to %s granted to %s", g.Version, g.Instance)
		} else {
			say("the UPDATE's holder is gone: %s", g.Lost)
		}
	}
	if was, is := standing(now, a), standing(now, b); was != is {
		say("%s → %s", was, is)
	}
	if a.Epoch != b.Epoch {
		say("epoch %d", b.Epoch)
	}
	for _, name := range b.Replaced {
		if !slices.Contains(a.Replaced, name) {
			say("replaces %s", name)
		}
	}
	if !a.Floor.Equal(b.Floor) {
		say("floor %s", b.Floor)
	}
	return said
}

// put says what the policy, or an administrator, did to an instance's UPDATE.
func put(was, is *lifecycle.Instance) (said []string) {
	because := func(why string) string {
		if why == "" {
			return ""
		}
		return ": " + why
	}
	if d := is.Ask.Deferred; !d.IsZero() && !d.Equal(was.Ask.Deferred) {
		said = append(said, fmt.Sprintf("the UPDATE of %s is put off until %s%s", is.ID, d.Format("15:04:05Z07:00"), because(is.Ask.Why)))
	}
	if is.Refused && !was.Refused {
		said = append(said, fmt.Sprintf("the UPDATE of %s is refused%s", is.ID, because(is.Denial)))
	}
	return said
}

// standing says what the module is to the world.
func standing(now time.Time, r *lifecycle.Record) string {
	st := r.State(now, "")
	text := st.State.String()
	if v := st.Serving.String(); v != "" {
		text += " " + v
	}
	if st.Reason == message.NoReason {
		return text
	}
	text += " (" + st.Reason.String()
	if st.TTL > 0 {
		text += ", until " + r.Absence.Until.Format("15:04:05Z07:00")
	}
	return text + ")"
}

// words says what was done.
func words(effects []lifecycle.Effect) (said []string) {
	for _, e := range effects {
		switch e := e.(type) {
		case lifecycle.Publish, lifecycle.Resolve: // the turn says so; a resolution may be of nothing
		case lifecycle.Release:
			said = append(said, "parked requests look again")
		case lifecycle.Alert:
			said = append(said, "alert: "+e.Summary)
		}
	}
	return said
}

// trail is what is remembered of a module's life, oldest first, each in its JSON
// form: it is written with every event, and seldom read. It is immutable.
type trail []json.RawMessage

// with returns the trail with what happened since, and without what is too old.
// It shares nothing that changes with t.
func (t trail) with(since []Happening) (trail, error) {
	next := slices.Clip(t)
	for _, h := range since {
		text, err := json.Marshal(h)
		if err != nil {
			return nil, err
		}
		next = append(next, text)
	}
	return next[max(0, len(next)-keptHappenings):], nil
}

// History returns the latest that happened to the module, oldest first, and
// whether anything is known of it. It outlives the module's drop (O1).
func (c *Control) History(name string) ([]Happening, bool) {
	c.mu.Lock()
	var t trail
	e := c.modules[name]
	known := e != nil && (len(e.trail) > 0 || e.record.Availability() != message.Unknown)
	if known {
		t = e.trail
	}
	c.mu.Unlock()
	if !known {
		return nil, false
	}
	happened := make([]Happening, 0, len(t))
	for _, text := range t {
		var h Happening
		if err := json.Unmarshal(text, &h); err != nil {
			c.o.Log.Error("an entry of a history cannot be read", "module", name, "cause", err)
			continue
		}
		happened = append(happened, h)
	}
	return happened, true
}
