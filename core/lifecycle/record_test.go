package lifecycle

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// A version stands where its instance furthest in use does (A1).
func TestVersionStandsWhereItsBestInstanceDoes(t *testing.T) {
	order := []message.Phase{
		message.Out, message.Fenced, message.Idle, message.Starting, message.Draining, message.Waiting, message.Serving, message.Updating,
	}
	v := Version{}
	if got := v.Phase(); got != message.Out {
		t.Errorf("without instances: got %s, want out", got)
	}
	for _, want := range order {
		v.Instances = append(v.Instances, Instance{Phase: want})
		if got := v.Phase(); got != want {
			t.Errorf("with %d instances: got %s, want %s", len(v.Instances), got, want)
		}
	}
}

// A version provides what it says, and its own module's name at its own
// version unless it says otherwise (D6).
func TestVersionProvidesItsModule(t *testing.T) {
	v := Version{Version: module.MustVersion("2.1.0"), Provides: []module.Interface{{ID: "tags", Version: "1.3"}}}
	own := Version{Version: module.MustVersion("2.1.0"), Provides: []module.Interface{{ID: "items", Version: "7.0"}}}
	for _, c := range []struct {
		v    Version
		id   string
		kind module.Kind
		want string
	}{
		{v, "tags", module.AnyKind, "1.3"},
		{v, "tags", module.InterfaceKind, "1.3"},
		{v, "tags", module.ModuleKind, ""},
		{v, "items", module.AnyKind, "2.1.0"},
		{v, "items", module.ModuleKind, "2.1.0"},
		{v, "items", module.InterfaceKind, ""},
		{v, "loans", module.AnyKind, ""},
		{own, "items", module.AnyKind, "7.0"},
		{own, "items", module.ModuleKind, "2.1.0"},
	} {
		got, ok := c.v.Provided("items", c.id, c.kind)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%s (%s): got %q, %v; want %q", c.id, c.kind, got, ok, c.want)
		}
	}
}

// A module replaces what a version of it says, and what it has replaced (V10).
func TestRecordReplacesWhatItSaysAndDid(t *testing.T) {
	r := Record{Replaced: []string{"a"}, Versions: []Version{{Replaces: []string{"b"}}, {}}}
	for name, want := range map[string]bool{"a": true, "b": true, "c": false, "": false} {
		if got := r.Replaces(name); got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
}

type stranger struct{}

func (stranger) event() {}

func TestUnknownEventPanics(t *testing.T) {
	known := Record{Module: "m", Absence: Absence{Since: time.Unix(1, 0)}}
	for _, ev := range []Event{stranger{}, Overridden{}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a stranger went through: %#v", ev)
				}
			}()
			t.Log(Step(known, Env{}, ev))
		}()
	}
}

// A record keeps times as its JSON form brings them back, whatever clock the
// caller reads.
func TestRecordKeepsPlainTime(t *testing.T) {
	now := time.Now().In(time.FixedZone("elsewhere", 3600))
	env := Env{Now: now, Decide: func(fallback.Query) fallback.Decision { return fallback.Decision{} }}
	for _, ev := range []Event{Configured{Since: now}, Registered{Version: module.MustVersion("1.0.0")}, Restarted{Settled: now}} {
		r, _, err := Step(Record{Module: "m"}, env, ev)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var back Record
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if back.Absence != r.Absence || back.Settled != r.Settled {
			t.Errorf("%T: got %v, want %v", ev, back, r)
		}
	}
}

func TestDeferredUpdateIsToldWhy(t *testing.T) { // U1
	env := Env{Now: time.Unix(0, 0), Settings: config.DefaultLifecycle(), Decide: func(q fallback.Query) (d fallback.Decision) {
		if q.Entrypoint == fallback.Update && q.Target.Asked < time.Minute {
			d = fallback.Decision{Action: fallback.Defer, TTL: time.Minute, Detail: "not before midnight"}
		}
		return d
	}}
	r, _, err := Step(Record{Module: "m"}, env, Registered{Version: module.MustVersion("1.0.0"), Instance: Instance{ID: "a"}})
	if err != nil {
		t.Fatal(err)
	}
	said := func(ev Event) message.Answer {
		t.Helper()
		if r, _, err = Step(r, env, ev); err != nil {
			t.Fatal(err)
		}
		a, err := r.Answer(env.Now, "a")
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	ask := Announced{Instance: "a", Announcement: message.Announcement{Type: message.Update, Seq: 1}}
	if a := said(ask); a.Outcome != message.Pending || a.Detail != "not before midnight" {
		t.Errorf("answered %+v, want why", a)
	}
	env.Now = env.Now.Add(time.Minute)
	if a := said(Tick{}); a.Outcome != message.Granted || a.Detail != "" {
		t.Errorf("asked again: %+v", a)
	}
}

func TestRefusedUpdateIsToldWhy(t *testing.T) { // U1, U12, O1
	env := Env{Now: time.Unix(0, 0), Settings: config.DefaultLifecycle(), Decide: func(q fallback.Query) (d fallback.Decision) {
		if q.Entrypoint == fallback.Update {
			d = fallback.Decision{Action: fallback.Deny, Detail: "no updates today"}
		}
		return d
	}}
	r, _, err := Step(Record{Module: "m"}, env, Registered{Version: module.MustVersion("1.0.0"), Instance: Instance{ID: "a"}})
	if err != nil {
		t.Fatal(err)
	}
	ask := Announced{Instance: "a", Announcement: message.Announcement{Type: message.Update, Seq: 1}}
	if r, _, err = Step(r, env, ask); err != nil {
		t.Fatal(err)
	}
	var refused *RefusedError
	if _, err := r.Answer(env.Now, "a"); !errors.As(err, &refused) || refused.Why != "no updates today" || !errors.Is(err, ErrRefused) {
		t.Errorf("answered %v, want why", err)
	}
	ask.Seq = 2
	if _, _, err := Step(r, env, ask); err == nil || err.Error() != ErrRefused.Error()+": no updates today" {
		t.Errorf("asked again: %v", err)
	}
}
