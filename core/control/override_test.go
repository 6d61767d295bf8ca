package control

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// decree overrides as ada.
func (p *platform) decree(name string, o message.Override) (Overview, error) {
	o.Who, o.Why = "ada", "a test"
	return p.Override(name, o)
}

func (p *platform) mustDecree(name string, o message.Override) Overview {
	p.t.Helper()
	view, err := p.decree(name, o)
	if err != nil {
		p.t.Fatalf("%s: %v", o.Type, err)
	}
	return view
}

func TestPromotionGivesTheModuleBack(t *testing.T) { // O1, U8
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		old := p.register("m", "1.0.0", "m-1")
		p.say(old.Token, message.Resume)
		next := p.register("m", "2.0.0", "m-2")
		p.say(next.Token, message.Update)
		synctest.Wait()
		if p.state("m").Holder == nil {
			t.Fatal("the UPDATE was not granted")
		}
		for range 10 { // a fenced process that renews is there
			time.Sleep(time.Duration(old.Lease) / 3)
			if _, err := p.Renew(p.Bearer(old.Token)); !errors.Is(err, lifecycle.ErrFenced) {
				t.Fatalf("a fenced process renews: %v", err)
			}
			if _, err := p.Renew(p.Bearer(next.Token)); err != nil {
				t.Fatal(err)
			}
		}
		promote := message.Override{Type: message.Promote, Version: module.MustVersion("1.0.0")}
		var refused *lifecycle.OverrideError
		if _, err := p.decree("m", promote); !errors.As(err, &refused) || !strings.Contains(err.Error(), "loss of data") {
			t.Fatalf("below the floor without consent: %v", err)
		}
		promote.AcceptDataLoss = true
		view := p.mustDecree("m", promote)
		if view.State.State != message.Ready || view.Epoch != 2 || view.Floor.String() != "1.0.0" || view.Above.String() != "1.0.0" {
			t.Errorf("after the promotion: %+v", view)
		}
		if got := view.Overrides; len(got) != 1 || got[0].Who != "ada" || got[0].Why != "a test" {
			t.Errorf("recorded: %+v", got)
		}
		if !p.Bearer(next.Token).Fenced() || p.Bearer(old.Token).Fenced() {
			t.Error("the wrong token opens")
		}
		if r, err := p.Renew(p.Bearer(old.Token)); err != nil || r.Epoch == nil || *r.Epoch != 2 {
			t.Errorf("the promoted process renews: %+v, %v", r, err)
		}
	})
}

func TestForcedMissingOutlivesRestart(t *testing.T) { // O1, G1, D2
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		dep := p.register("d", "1.0.0", "d-1", module.Requirement{ID: "m", Range: ">= 1.0"})
		p.say(dep.Token, message.Resume)
		m := p.register("m", "1.0.0", "m-1")
		p.say(m.Token, message.Resume)
		p.told("")
		p.mustDecree("m", message.Override{Type: message.ForceMissing})
		if got := p.told("d-1"); len(got) != 1 || got[0] != message.NoticeMissing {
			t.Errorf("told %v, want [missing]", got)
		}
		p.close()
		p.open()
		defer p.close()
		if st := p.state("m"); st.Availability != message.Missing || st.Reason != message.ReasonForced || st.Serving != nil {
			t.Errorf("after the restart: %+v", st)
		}
		p.told("")
		p.mustDecree("m", message.Override{Type: message.Lift})
		if st := p.state("m"); st.Availability != message.Ready || st.Serving == nil {
			t.Errorf("after lift: %+v", st)
		}
		if got := p.told("d-1"); len(got) != 1 || got[0] != message.NoticeResume {
			t.Errorf("told %v, want [resume]", got)
		}
	})
}

func TestDroppedModuleIsUnknown(t *testing.T) { // O1, C1
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		dep := p.register("d", "1.0.0", "d-1", module.Requirement{ID: "m", Range: ">= 1.0"})
		m := p.register("m", "1.0.0", "m-1")
		p.say(m.Token, message.Update)
		p.say(m.Token, message.Resume)
		p.told("")
		view := p.mustDecree("m", message.Override{Type: message.Drop})
		if view.State.State != message.Unknown || view.Epoch != 1 || view.Floor.String() != "1.0.0" {
			t.Errorf("after the drop: %+v", view)
		}
		if p.Bearer(m.Token) != nil {
			t.Error("its token still opens something")
		}
		if _, found := p.live.Load().Table.Match([]byte("GET"), []byte("/m/7")); found {
			t.Error("its route still leads to it")
		}
		if got := p.told("d-1"); len(got) != 1 || got[0] != message.NoticeMissing {
			t.Errorf("told %v, want [missing]", got)
		}
		if got := p.Requirements()[0].Requirements[0]; got.Reason != message.ReasonUnknown {
			t.Errorf("the requirement of %s: %+v", dep.Instance, got)
		}
		if _, err := p.decree("m", message.Override{Type: message.Drop}); !errors.Is(err, lifecycle.ErrUnknownModule) {
			t.Errorf("dropped twice: %v", err)
		}
	})
}

func TestDroppedModuleThatIsConfiguredIsAwaited(t *testing.T) { // O1, A7
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		cfg := *p.cfg
		cfg.Modules = []config.Module{{Name: "m", Defaults: p.cfg.Defaults}}
		if err := p.Reconfigure(&cfg); err != nil {
			t.Fatal(err)
		}
		p.say(p.register("m", "1.0.0", "m-1").Token, message.Resume)
		view := p.mustDecree("m", message.Override{Type: message.Drop})
		if view.State.State != message.Delayed || view.Reason != message.ReasonStarting || len(view.Versions) != 0 {
			t.Errorf("after the drop: %+v", view)
		}
	})
}

func TestOverrideIsRefused(t *testing.T) { // O1, V9, 3.3
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		var invalid *InvalidError
		if _, err := p.Override("m", message.Override{Type: message.Drop}); !errors.As(err, &invalid) {
			t.Errorf("without who and why: %v", err)
		}
		if _, err := p.decree("m", message.Override{Type: message.Drop}); !errors.Is(err, lifecycle.ErrUnknownModule) {
			t.Errorf("of a module that nobody knows: %v", err)
		}
		m := p.register("m", "1.0.0", "m-1")
		p.say(m.Token, message.Resume)
		p.mustDecree("m", message.Override{Type: message.ForceMissing})
		_, err := p.Register(message.Registration{
			Module: "other", Version: module.MustVersion("1.0.0"), Upstream: "http://127.0.0.1:1", Routes: []message.Route{{Path: "/m/{id}"}},
		}, joinSecret)
		if err != nil {
			t.Fatalf("a missing module makes way: %v", err)
		}
		var conflict *ConflictError
		if _, err := p.decree("m", message.Override{Type: message.Lift}); !errors.As(err, &conflict) {
			t.Errorf("lift of a module whose route was taken: %v", err)
		}
		promote := message.Override{Type: message.Promote, Version: module.MustVersion("1.0.0")}
		if _, err := p.decree("m", promote); !errors.As(err, &conflict) {
			t.Errorf("promotion of a version whose route was taken: %v", err)
		}
		promote.Version = module.MustVersion("9.0.0")
		var refused *lifecycle.OverrideError
		if _, err := p.decree("m", promote); !errors.As(err, &refused) {
			t.Errorf("promotion of a version that nobody runs: %v", err)
		}
	})
}
