package control

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// indebted plays with d, an instance that was told nothing since it registered
// and requires m, which serves, and o, which nobody provides yet.
func indebted(t *testing.T, play func(p *platform, d, m message.Registered)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, func(o *Options) { o.Config.Defaults.Lease, o.Config.Gateway.Alerts.Unresolved = 10*time.Hour, 0 })
		defer p.close()
		m := p.register("m", "1.0.0", "m-1")
		p.say(m.Token, message.Resume)
		d := p.register("d", "1.0.0", "d-1", module.Requirement{ID: "m"}, module.Requirement{ID: "o"})
		p.say(d.Token, message.Resume)
		p.deaf = true
		p.raisedNow()
		play(p, d, m)
	})
}

// debts returns how many such incidents were raised and ended since the last
// call.
func (p *platform) debts(instance string) (raised, ended int) {
	synctest.Wait()
	for _, key := range p.raisedNow() {
		if key == "notices/"+instance {
			raised++
		}
	}
	p.note(func() {
		for _, key := range p.resolved {
			if key == "notices/"+instance {
				ended++
			}
		}
		p.resolved = nil
	})
	return raised, ended
}

func (p *platform) wantDebts(when string, raised, ended int) {
	p.t.Helper()
	if r, e := p.debts("d-1"); r != raised || e != ended {
		p.t.Errorf("%s: %d alerts began and %d ended, want %d and %d", when, r, e, raised, ended)
	}
}

// Who is owed a notice for 15 minutes and has neither a stream nor a webhook
// is an incident, once, until it is told, or owed nothing.
func TestWhoCannotBeToldIsAnIncident(t *testing.T) { // N1, G5
	for name, end := range map[string]func(p *platform, d, m message.Registered){
		"it is told": func(p *platform, _, _ message.Registered) {
			for _, n := range p.Standing("d-1") {
				p.Told(n)
			}
		},
		"what it knows is true again": func(p *platform, _, m message.Registered) { p.say(m.Token, message.Resume) },
		"it leaves":                   func(p *platform, d, _ message.Registered) { p.say(d.Token, message.Disconnect) },
		"it registers anew":           func(p *platform, _, _ message.Registered) { p.register("d", "1.0.0", "d-1") },
		"it is dropped": func(p *platform, _, _ message.Registered) {
			if _, err := p.Override("d", message.Override{Type: message.Drop, Who: "ada", Why: "a test"}); err != nil {
				p.t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			indebted(t, func(p *platform, d, m message.Registered) {
				p.say(m.Token, message.Update) // owed: DELAY, and after the TTL MISSING
				time.Sleep(15*time.Minute - time.Nanosecond)
				p.wantDebts("a moment before", 0, 0)
				time.Sleep(time.Nanosecond)
				p.wantDebts("after 15 minutes", 1, 0)
				time.Sleep(time.Hour)
				p.wantDebts("an hour later", 0, 0)
				end(p, d, m)
				p.wantDebts("at its end", 0, 1)
			})
		})
	}
}

// The 15 minutes count from the first notice that it is owed still.
func TestDebtBeginsWithWhatIsOwedStill(t *testing.T) { // N1
	indebted(t, func(p *platform, _, m message.Registered) {
		p.say(m.Token, message.Update)
		time.Sleep(14 * time.Minute)
		p.say(m.Token, message.Resume) // as it was
		time.Sleep(10 * time.Minute)
		p.say(m.Token, message.Update)
		time.Sleep(14 * time.Minute)
		p.wantDebts("owed twice for 14 minutes", 0, 0)
		p.Told(p.Standing("d-1")[0]) // about m
		p.register("o", "1.0.0", "o-1")
		time.Sleep(14 * time.Minute)
		p.wantDebts("told about m, then owed about o for 14 minutes", 0, 0)
		p.say(m.Token, message.Resume)
		time.Sleep(time.Minute)
		p.wantDebts("owed about o for 15 minutes", 1, 0)
	})
}

// A module that opens no stream and is owed nothing is no incident.
func TestWhoIsOwedNothingNeedsNoStream(t *testing.T) { // N1
	indebted(t, func(p *platform, _, _ message.Registered) {
		time.Sleep(time.Hour)
		p.wantDebts("after an hour", 0, 0)
	})
}

// Whom a webhook is told, or the gateway itself speaks for, has no need of a
// stream.
func TestWhoNeedsNoStreamIsNoIncident(t *testing.T) { // N1, L4
	indebted(t, func(p *platform, _, m message.Registered) {
		p.cfg.Modules = []config.Module{{Name: "mute", Defaults: p.cfg.Defaults, Versions: []config.Version{{Version: module.MustVersion("1.0.0"), Upstreams: []string{"http://127.0.0.1:1"}}}}}
		mute := p.cfg.Declared()[0].Instance
		need := []module.Requirement{{ID: "m"}}
		p.say(p.register("mute", "1.0.0", mute, need...).Token, message.Resume)
		if _, err := p.Register(message.Registration{
			Module: "w", Version: module.MustVersion("1.0.0"), Instance: "w-1", Upstream: "http://127.0.0.1:1", Webhook: "http://127.0.0.1:1/", Requires: need,
		}, joinSecret); err != nil {
			t.Fatal(err)
		}
		p.say(m.Token, message.Update)
		time.Sleep(time.Hour)
		synctest.Wait()
		raised := p.raisedNow()
		for id, want := range map[string]bool{"d-1": true, mute: false, "w-1": false} {
			if got := slices.Contains(raised, "notices/"+id); got != want {
				t.Errorf("alert about %s: %v, want %v", id, got, want)
			}
		}
	})
}

// What is owed after a restart is counted from it.
func TestDebtIsCountedAnewAfterARestart(t *testing.T) { // N1, G1
	indebted(t, func(p *platform, _, m message.Registered) {
		p.say(m.Token, message.Update)
		time.Sleep(10 * time.Minute)
		p.close()
		p.open()
		time.Sleep(15*time.Minute - time.Second)
		p.wantDebts("less than 15 minutes after the restart", 0, 0)
		time.Sleep(time.Second)
		p.wantDebts("15 minutes after it", 1, 0)
	})
}
