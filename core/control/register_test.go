package control

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

func TestRegistrationIsRefused(t *testing.T) { // I1, V9, 3.3
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		p.register("m", "1.0.0", "m-1")
		reg := message.Registration{Module: "other", Version: module.MustVersion("1.0.0"), Instance: "m-1", Upstream: "http://h:1"}
		if _, err := p.Register(reg, "wrong"); !errors.Is(err, ErrUnauthorized) {
			t.Errorf("wrong secret: %v", err)
		}
		var conflict *ConflictError
		if _, err := p.Register(reg, joinSecret); !errors.As(err, &conflict) {
			t.Errorf("another module's instance id: %v", err)
		}
		reg.Instance, reg.Upstream = "o-1", "h:1"
		var invalid *InvalidError
		if _, err := p.Register(reg, joinSecret); !errors.As(err, &invalid) || invalid.Faults[0].Pointer != "/upstream" {
			t.Errorf("bad upstream: %v", err)
		}
	})
}

func TestReloadSaysAtOnceWhoMayCall(t *testing.T) { // C1, I1
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		m := p.register("m", "1.0.0", "m-1")
		p.say(m.Token, message.Resume)
		if p.state("m").Identified {
			t.Fatal("callers must be identified before anybody said so")
		}
		cfg := *p.cfg
		declared := config.DefaultModule("m", cfg.Defaults)
		declared.Callers = config.Identified
		cfg.Modules = []config.Module{declared}
		if err := p.Reconfigure(&cfg); err != nil {
			t.Fatal(err)
		}
		if st := p.state("m"); !st.Identified || st.Serving == nil {
			t.Errorf("after the reload: %+v, want a module that serves identified callers only", st)
		}
	})
}
