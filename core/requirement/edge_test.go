package requirement

import (
	"slices"
	"testing"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// Who is out is owed nothing; a fenced one only the word about itself (U8).
func TestWhoIsOutOrFencedIsOwedNothingOfItsRequirements(t *testing.T) {
	w := newWorld(t)
	need := []module.Requirement{{ID: "tags", Range: "1"}}
	w.register("users", "1.0.0", "u1", need)
	w.say("users", "u1", message.Resume)
	w.register("users", "2.0.0", "u2", nil)
	w.say("users", "u2", message.Resume) // u1 has no run in flight: it is dropped, once that is reported
	_, old := w.records["users"].Find("u1")
	w.step("users", lifecycle.Drained{Instance: "u1", Turn: old.DrainTurn})
	if due := w.due("users", "u1", "tags", Cursor{}); len(due) != 0 {
		t.Errorf("fenced, about its requirement: %+v", due)
	}
	if due := w.due("users", "u1", "users", Cursor{}); len(due) != 1 || due[0].Kind != message.NoticeMissing {
		t.Errorf("fenced, about itself: %+v", due)
	}
	v, i := w.records["users"].Find("u1")
	if got := w.Standing(w.now, w.records["users"], v, i); len(got) != 1 || got[0].Subject != "u1" {
		t.Errorf("fenced, a snapshot: %+v", got)
	}
	w.step("users", lifecycle.Lost{Instance: "u2", Reason: message.ReasonLost})
	if due := w.due("users", "u2", "users", Cursor{}); len(due) != 0 {
		t.Errorf("out: %+v", due)
	}
}

// A change of another module is told only to whom it concerns: who requires
// what it provides, or was told about it before.
func TestChangeIsToldToWhomItConcerns(t *testing.T) { // N1
	w := newWorld(t)
	tags := module.Interface{ID: "tags", Version: "1.0"}
	w.register("labels", "1.0.0", "l1", nil, tags)
	w.say("labels", "l1", message.Resume)
	need := []module.Requirement{{ID: "tags", Range: "1"}, {ID: "notes", Optional: true}}
	w.register("orders", "1.0.0", "o1", need)
	cursor := w.Baseline(need)
	affected := func(changed string, want ...string) {
		t.Helper()
		if got := w.Affected(changed); !slices.Equal(got, want) {
			t.Errorf("a change of %s affects %v, want %v", changed, got, want)
		}
	}
	affected("labels", "labels", "orders")
	affected("orders", "orders")
	offers := func(want bool) {
		t.Helper()
		if got := w.Offers("labels", "tags"); got != want {
			t.Errorf("labels offers tags: %v, want %v", got, want)
		}
	}
	offers(true)
	w.register("stamps", "1.0.0", "s1", nil)
	if due := w.due("orders", "o1", "stamps", cursor); len(due) != 0 {
		t.Errorf("a stranger: %+v", due)
	}
	// What provided the interface stops doing so: told, since it was told of it.
	w.register("labels", "1.0.0", "l1", nil)
	affected("labels", "labels", "orders")
	offers(true)
	due := w.due("orders", "o1", "labels", cursor)
	if len(due) != 1 || due[0].Kind != message.NoticeMissing || due[0].Data.Reason != message.ReasonUnknown {
		t.Errorf("nobody provides it any more: %+v", due)
	}
	// Once nobody requires what it provided, that is of the past.
	w.register("orders", "1.0.0", "o1", nil)
	w.register("labels", "1.0.0", "l1", nil, module.Interface{ID: "notes", Version: "1.0"})
	w.register("orders", "1.0.0", "o1", need)
	affected("labels", "labels", "orders")
	w.register("orders", "1.0.0", "o1", need[:1])
	affected("labels", "labels")
	offers(false)
}

// A dropped module provides nothing (O1).
func TestDroppedModuleProvidesNothing(t *testing.T) {
	w := newWorld(t)
	w.register("users", "1.0.0", "u1", nil)
	w.say("users", "u1", message.Resume)
	need := module.Requirement{ID: "users"}
	if got := w.Resolve(need); got.State != message.Met {
		t.Fatalf("got %+v", got)
	}
	w.step("users", lifecycle.Overridden{Override: message.Override{Type: message.Drop, Who: "ada", Why: "it moved"}})
	if got := w.Resolve(need); got.State != message.UnmetMissing || got.Reason != message.ReasonUnknown || w.Record("users").Turn == 0 {
		t.Errorf("got %+v, record %+v", got, w.Record("users"))
	}
}

// A word about MISSING differs by what is found, one about DELAY by its end
// too; the same turn of the same module is never told twice (N1).
func TestOwedIsWhatDiffers(t *testing.T) {
	notice := func(k message.Kind, turn uint64, found string) message.Notice {
		return message.Notice{Kind: k, Turn: turn, Data: message.NoticeData{Module: "users", Found: found}}
	}
	told := func(k message.Kind) Told { return Told{Module: "users", Turn: 5, Kind: k, Found: "1.0.0"} }
	for name, c := range map[string]struct {
		n    message.Notice
		t    Told
		want bool
	}{
		"the same turn":            {notice(message.NoticeMissing, 5, "2.0.0"), told(message.NoticeDelay), false},
		"an earlier turn":          {notice(message.NoticeMissing, 4, "2.0.0"), told(message.NoticeDelay), false},
		"another module":           {notice(message.NoticeMissing, 1, ""), Told{Module: "people", Turn: 5}, true},
		"MISSING, as before":       {notice(message.NoticeMissing, 6, "1.0.0"), told(message.NoticeMissing), false},
		"MISSING, another version": {notice(message.NoticeMissing, 6, "2.0.0"), told(message.NoticeMissing), true},
		"DELAY, as before":         {notice(message.NoticeDelay, 6, "1.0.0"), told(message.NoticeDelay), false},
		"DELAY, another version":   {notice(message.NoticeDelay, 6, "2.0.0"), told(message.NoticeDelay), true},
		"met as never told":        {notice(message.NoticeResume, 6, "2.0.0"), Told{Module: "users"}, false},
		"met again":                {notice(message.NoticeResume, 6, "2.0.0"), told(message.NoticeMissing), true},
	} {
		if got := owed(c.n, c.t); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	c := Cursor{}
	n := notice(message.NoticeDelay, 6, "1.0.0")
	if !c.Note(n) || c.Note(n) {
		t.Error("the first telling is news, the second is not")
	}
}

// A range that no rule admits any more, from an old record, is unmet.
func TestUnreadableRangeIsUnmet(t *testing.T) {
	w := newWorld(t)
	w.register("users", "1.0.0", "u1", nil)
	w.say("users", "u1", message.Resume)
	if got := w.Resolve(module.Requirement{ID: "users", Range: ">>> 1"}); got.State != message.UnmetMissing || got.Reason != message.ReasonVersion {
		t.Errorf("got %+v", got)
	}
}

// Fulfilments and kinds that do not exist are mistakes of ours.
func TestStrangersPanic(t *testing.T) {
	for name, f := range map[string]func(){
		"fulfilment": func() { kindOf(0) },
		"kind":       func() { owed(message.Notice{Kind: 99, Turn: 1}, Told{Kind: 99}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: a stranger went through", name)
				}
			}()
			f()
		}()
	}
}
