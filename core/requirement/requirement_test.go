package requirement

import (
	"testing"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// world is a View of modules that live through events.
type world struct {
	View
	t       *testing.T
	now     time.Time
	records map[string]*lifecycle.Record
	seq     uint64
}

func newWorld(t *testing.T) *world {
	return &world{t: t, now: time.Unix(1_000_000, 0), records: map[string]*lifecycle.Record{}}
}

func (w *world) step(name string, ev lifecycle.Event) {
	w.t.Helper()
	r := w.records[name]
	if r == nil {
		r = &lifecycle.Record{Module: name}
	}
	env := lifecycle.Env{
		Now: w.now, Settings: config.DefaultLifecycle(),
		Decide: func(fallback.Query) fallback.Decision { return fallback.Decision{} },
	}
	next, _, err := lifecycle.Step(*r, env, ev)
	if err != nil {
		w.t.Fatalf("%s: %T: %v", name, ev, err)
	}
	w.records[name] = &next
	w.Set(&next)
}

func (w *world) register(name, version, id string, requires []module.Requirement, provides ...module.Interface) {
	w.t.Helper()
	w.step(name, lifecycle.Registered{
		Version: module.MustVersion(version), Requires: requires, Provides: provides, Instance: lifecycle.Instance{ID: id},
	})
}

func (w *world) say(name, id string, verb message.Verb) {
	w.t.Helper()
	w.seq++
	w.step(name, lifecycle.Announced{Instance: id, Announcement: message.Announcement{Type: verb, Seq: w.seq}})
}

// due returns what instance id of the module is owed after a change of
// another, and notes it as told.
func (w *world) due(name, id, changed string, c Cursor) []message.Notice {
	r := w.records[name]
	v, i := r.Find(id)
	due := w.Due(w.now, changed, r, v, i, c)
	for _, n := range due {
		if !c.Note(n) {
			w.t.Errorf("%s was told already", n.ID())
		}
	}
	return due
}

func TestRequirementFollowsItsModule(t *testing.T) { // D3
	w := newWorld(t)
	need := module.Requirement{ID: "users", Range: "1.4"}
	check := func(when string, want Resolution) {
		t.Helper()
		got := w.Resolve(need)
		if got.State != want.State || got.Reason != want.Reason || got.Found != want.Found {
			t.Errorf("%s: got %+v, want %+v", when, got, want)
		}
	}
	check("never heard of", Resolution{State: message.UnmetMissing, Reason: message.ReasonUnknown})
	w.step("users", lifecycle.Configured{Since: w.now})
	check("configured", Resolution{State: message.UnmetDelayed, Reason: message.ReasonStarting})
	w.register("users", "1.4.2", "u1", nil)
	check("starting", Resolution{State: message.UnmetDelayed, Reason: message.ReasonStarting, Found: "1.4.2"})
	w.say("users", "u1", message.Resume)
	check("serving", Resolution{State: message.Met, Found: "1.4.2"})
	w.register("users", "2.0.0", "u2", nil)
	check("a higher version starts", Resolution{State: message.Met, Found: "1.4.2"})
	w.say("users", "u2", message.Update)
	check("draining while an UPDATE waits", Resolution{State: message.UnmetDelayed, Reason: message.ReasonWaiting, Found: "1.4.2"})
	w.now = w.now.Add(config.DefaultLifecycle().Grace)
	w.step("users", lifecycle.Tick{})
	check("a version beyond the range updates", Resolution{State: message.UnmetMissing, Reason: message.ReasonVersion, Found: "2.0.0"})
	w.say("users", "u2", message.Resume)
	check("it serves", Resolution{State: message.UnmetMissing, Reason: message.ReasonVersion, Found: "2.0.0"})
	w.register("users", "1.5.0", "u3", nil) // below the floor
	check("one in the range is fenced", Resolution{State: message.UnmetMissing, Reason: message.ReasonVersion, Found: "2.0.0"})
}

func TestStartingHigherVersionDelaysARequirementOnIt(t *testing.T) { // D3
	w := newWorld(t)
	w.register("users", "1.0.0", "u1", nil)
	w.say("users", "u1", message.Resume)
	need := module.Requirement{ID: "users", Range: ">= 2"}
	if got := w.Resolve(need); got.State != message.UnmetMissing || got.Found != "1.0.0" {
		t.Errorf("version too low: %+v", got)
	}
	w.register("users", "2.0.0", "u2", nil)
	if got := w.Resolve(need); got.State != message.UnmetDelayed || got.Reason != message.ReasonVersion {
		t.Errorf("a version that would do starts: %+v", got)
	}
	unmet := w.Unmet([]module.Requirement{need})
	if len(unmet) != 1 || unmet[0].Module != "users" || unmet[0].State != message.UnmetDelayed {
		t.Errorf("requests of the requirer: %+v", unmet)
	}
}

func TestAbsenceIsLeftToTheModulesOwnState(t *testing.T) { // D3, D4
	w := newWorld(t)
	w.register("users", "1.4.0", "u1", nil)
	need := module.Requirement{ID: "users", Range: "1.4"}
	if got := w.Unmet([]module.Requirement{need}); len(got) != 0 {
		t.Errorf("a module that only starts: %+v", got)
	}
	w.now = w.now.Add(time.Hour)
	w.step("users", lifecycle.Tick{})
	if got := w.Resolve(need); got.State != message.UnmetMissing || got.Reason != message.ReasonExpired {
		t.Errorf("past its deadline: %+v", got)
	}
	w.register("orders", "1.0.0", "o1", []module.Requirement{need})
	w.say("orders", "o1", message.Resume)
	if w.records["orders"].Availability() != message.Ready {
		t.Error("a module's state was inferred from its requirements'")
	}
}

func TestInterfacesAreRequirements(t *testing.T) { // D6, glossary: interface
	w := newWorld(t)
	w.register("inventory", "3.1.0", "i1", nil, module.Interface{ID: "items", Version: "1.3"})
	w.say("inventory", "i1", message.Resume)
	for _, c := range []struct {
		need module.Requirement
		want message.Fulfilment
	}{
		{module.Requirement{ID: "items", Range: "1.2"}, message.Met},
		{module.Requirement{ID: "items", Range: "1.4"}, message.UnmetMissing},
		{module.Requirement{ID: "items", Range: "1.3 2.0", Scheme: module.FOLIO}, message.Met},
		{module.Requirement{ID: "inventory", Range: "3.0"}, message.Met},
		{module.Requirement{ID: "inventory", Range: "3.0", Kind: module.ModuleKind}, message.Met},
		{module.Requirement{ID: "items", Kind: module.ModuleKind}, message.UnmetMissing},
		{module.Requirement{ID: "tags", Optional: true}, message.Met},
		{module.Requirement{ID: "items", Range: "2", Optional: true}, message.UnmetMissing},
	} {
		if got := w.Resolve(c.need); got.State != c.want {
			t.Errorf("%+v: got %+v, want %v", c.need, got, c.want)
		}
	}
}

func TestExplicitInterfaceReplacesTheImpliedOne(t *testing.T) { // D6
	w := newWorld(t)
	w.register("users", "15.4.2", "u1", nil, module.Interface{ID: "users", Version: "16.1"})
	w.say("users", "u1", message.Resume)
	if got := w.Resolve(module.Requirement{ID: "users", Range: "16.0"}); got.State != message.Met || got.Found != "16.1" {
		t.Errorf("interface: %+v", got)
	}
	if got := w.Resolve(module.Requirement{ID: "users", Range: "15.4", Kind: module.ModuleKind}); got.State != message.Met || got.Found != "15.4.2" {
		t.Errorf("module: %+v", got)
	}
}

func TestOneNoticePerChange(t *testing.T) { // D2, N1, A4
	w := newWorld(t)
	need := []module.Requirement{{ID: "users", Range: ">= 1"}}
	w.register("orders", "1.0.0", "o1", need)
	cursor := w.Baseline(need)
	expect := func(when string, want ...message.Kind) {
		t.Helper()
		due := w.due("orders", "o1", "users", cursor)
		if len(due) != len(want) {
			t.Fatalf("%s: %d notices, want %d: %+v", when, len(due), len(want), due)
		}
		for i := range due {
			if due[i].Kind != want[i] || due[i].Subject != "users" || due[i].Receiver != "o1" {
				t.Errorf("%s: %+v, want %v", when, due[i], want[i])
			}
		}
		if again := w.due("orders", "o1", "users", cursor); len(again) != 0 {
			t.Errorf("%s: told again: %+v", when, again)
		}
	}
	w.register("users", "1.0.0", "u1", nil)
	expect("registered", message.NoticeDelay)
	w.say("users", "u1", message.Resume)
	expect("resumed", message.NoticeResume)
	w.register("users", "1.0.0", "u2", nil)
	w.say("users", "u2", message.Resume)
	expect("a second instance makes no difference")
	w.step("users", lifecycle.Lost{Instance: "u1", Reason: message.ReasonLost})
	expect("nor does its loss")
	w.say("users", "u2", message.Update)
	expect("updating", message.NoticeDelay)
	w.now = w.now.Add(config.DefaultLifecycle().UpdateTTL)
	w.step("users", lifecycle.Tick{})
	expect("overdue", message.NoticeMissing)
	w.say("users", "u2", message.Resume)
	expect("back", message.NoticeResume)
}

func TestInstanceIsToldAboutItself(t *testing.T) { // U2, V2, V3, U8
	w := newWorld(t)
	w.register("users", "1.0.0", "u1", nil)
	w.say("users", "u1", message.Resume)
	old, next := Cursor{}, Cursor{}
	if due := w.due("users", "u1", "users", old); len(due) != 0 {
		t.Errorf("told what it announced itself: %+v", due)
	}
	w.register("users", "2.0.0", "u2", nil)
	w.say("users", "u2", message.Update)
	if due := w.due("users", "u1", "users", old); len(due) != 1 || due[0].Kind != message.NoticeDelay || due[0].Data.Reason != message.ReasonWaiting {
		t.Errorf("the older version: %+v", due)
	}
	if due := w.due("users", "u2", "users", next); len(due) != 1 || due[0].Kind != message.NoticeDelay {
		t.Errorf("who waits: %+v", due)
	}
	w.now = w.now.Add(config.DefaultLifecycle().Grace)
	w.step("users", lifecycle.Tick{})
	if due := w.due("users", "u1", "users", old); len(due) != 1 || due[0].Kind != message.NoticeMissing || due[0].Data.Reason != message.ReasonFenced || due[0].Data.Epoch != 0 {
		t.Errorf("the fenced version, which must not hear the new epoch: %+v", due)
	}
	if due := w.due("users", "u2", "users", next); len(due) != 1 || due[0].Kind != message.NoticeResume || due[0].Data.Outcome != message.Granted || due[0].Data.Epoch != 1 {
		t.Errorf("the holder: %+v", due)
	}
}

func TestSnapshotNamesWhatIsNotMet(t *testing.T) { // N1, 3.4
	w := newWorld(t)
	w.register("users", "1.0.0", "u1", nil)
	w.say("users", "u1", message.Resume)
	w.register("orders", "1.0.0", "o1", []module.Requirement{{ID: "users"}, {ID: "tags"}, {ID: "notes", Optional: true}})
	v, i := w.records["orders"].Find("o1")
	got := w.Standing(w.now, w.records["orders"], v, i)
	if len(got) != 1 || got[0].Subject != "tags" || got[0].Kind != message.NoticeMissing {
		t.Errorf("got %+v", got)
	}
}

func TestReportNamesEveryRequirement(t *testing.T) { // D1
	w := newWorld(t)
	w.register("users", "1.0.0", "u1", nil)
	got := w.Report([]module.Requirement{{ID: "users", Range: ">= 2"}, {ID: "tags", Optional: true}})
	if len(got) != 2 || got[0].State != message.UnmetMissing || got[0].Found != "1.0.0" || got[0].Range != ">= 2" || got[1].State != message.Met {
		t.Errorf("got %+v", got)
	}
}
