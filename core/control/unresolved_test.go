package control

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// A version that does not begin since a requirement is unmet is an incident,
// too; it ends with the version, or when it requires that no longer.
func TestWhoCannotStartForARequirementIsAnIncident(t *testing.T) { // D5
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		p.cfg.Defaults.Lease = time.Hour
		const key = "requirement/d@1.0.0/m"
		for name, end := range map[string]func(){
			"dropped": func() {
				if _, err := p.Override("d", message.Override{Type: message.Drop, Who: "ada", Why: "a test"}); err != nil {
					t.Fatal(err)
				}
			},
			"registered anew without it": func() { p.register("d", "1.0.0", "d-1") },
		} {
			p.register("d", "1.0.0", "d-1", module.Requirement{ID: "m"})
			time.Sleep(2 * p.cfg.Gateway.Alerts.Unresolved)
			if got := p.raisedNow(); !slices.Contains(got, key) {
				t.Errorf("%s: raised %v, want %s", name, got, key)
			}
			p.note(func() { p.resolved = nil })
			end()
			p.note(func() {
				if !slices.Contains(p.resolved, key) {
					t.Errorf("%s: resolved %v, want %s", name, p.resolved, key)
				}
			})
		}
	})
}

func TestUnresolvedRequirementAlertsOnce(t *testing.T) { // D5
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		reg := message.Registration{
			Module: "d", Version: module.MustVersion("1.0.0"), Instance: "d-1", Upstream: "http://127.0.0.1:1", Lease: message.Duration(5 * time.Minute),
			Requires: []module.Requirement{{ID: "m"}, {ID: "extra", Kind: module.ModuleKind, Optional: true}},
		}
		d, err := p.Register(reg, joinSecret)
		if err != nil {
			t.Fatal(err)
		}
		p.say(d.Token, message.Resume)
		time.Sleep(p.cfg.Gateway.Alerts.Unresolved * 3)
		var raised []string
		p.note(func() {
			for _, a := range p.alerts {
				raised = append(raised, a.Key)
			}
		})
		if len(raised) != 1 || raised[0] != "requirement/d@1.0.0/m" {
			t.Errorf("raised %v", raised)
		}
		p.say(p.register("m", "1.0.0", "m-1").Token, message.Resume)
		p.note(func() {
			if !slices.Contains(p.resolved, "requirement/d@1.0.0/m") {
				t.Errorf("resolved %v", p.resolved)
			}
		})
	})
}
