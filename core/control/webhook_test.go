package control

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

func TestWebhookIsAtTheUpstreamsHostOrAnAllowedOne(t *testing.T) { // 3.4
	for _, c := range []struct {
		webhook string
		allowed string // webhook_hosts
		ok      bool
	}{
		{"http://127.0.0.1:9101/_modgate", "", true},
		{"https://127.0.0.1/_modgate", "", true},
		{"http://127.0.0.2:9101/_modgate", "", false},
		{"http://localhost:9101/", "", false},
		{"http://127.0.0.1.evil.example/", "", false},
		{"http://hooks.example/", "hooks.example", true},
		{"https://HOOKS.example:8443/", "hooks.example", true},
		{"https://hooks.example:8443/", "other.example hooks.example:8443", true},
		{"https://hooks.example/", "hooks.example:8443", false},
		{"https://hooks.example/", "hooks.example:443", true},
		{"http://hooks.example/", "hooks.example:443", false},
		{"http://a.hooks.example/", "hooks.example", false},
		{"http://[::1]:9101/", "[::1]:9101", true},
		{"http://[::1]/", "::1", true},
		{"http://[::1]/", "[::1]", true},
	} {
		reg := message.Registration{Module: "m", Upstream: "http://127.0.0.1:9100", Webhook: c.webhook}
		err := checkWebhook(reg, strings.Fields(c.allowed))
		if (err == nil) != c.ok {
			t.Errorf("%s with %q allowed: %v", c.webhook, c.allowed, err)
		}
	}
}

func TestWebhookElsewhereIsRefused(t *testing.T) { // 3.4
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		reg := message.Registration{
			Module: "m", Version: module.MustVersion("1.0.0"), Instance: "m-1", Upstream: "http://127.0.0.1:1", Webhook: "http://hooks.example/",
		}
		var invalid *InvalidError
		if _, err := p.Register(reg, joinSecret); !errors.As(err, &invalid) || invalid.Faults[0].Pointer != "/webhook" {
			t.Errorf("got %v, want a fault at /webhook", err)
		}
		m := config.DefaultModule("m", p.cfg.Defaults)
		m.WebhookHosts = []string{"hooks.example"}
		cfg := *p.cfg
		cfg.Modules = []config.Module{m}
		if err := p.Reconfigure(&cfg); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Register(reg, joinSecret); err != nil {
			t.Errorf("once it is allowed: %v", err)
		}
	})
}

// attached returns what was attached since the last call.
func (p *platform) attached() (all string) {
	p.note(func() {
		for _, w := range p.webhooks {
			all += fmt.Sprintf("%s of %s at %s whsec_%s;", w.Instance, w.Module, w.URL, base64.StdEncoding.EncodeToString(w.Key))
		}
		p.webhooks = nil
	})
	return all
}

// wantsOwed compares what d-1 is owed.
func (p *platform) wantsOwed(want string) {
	p.t.Helper()
	var got []string
	for _, n := range p.Owed("d-1") {
		got = append(got, n.Kind.String()+" "+n.Subject)
	}
	if strings.Join(got, ", ") != want {
		p.t.Errorf("d-1 is owed %q, want %q", got, want)
	}
}

// dependent registers d-1, which requires m and has a webhook, and m-1.
func (p *platform) dependent() (d, m message.Registered) {
	p.t.Helper()
	m = p.register("m", "1.0.0", "m-1")
	p.say(m.Token, message.Resume)
	d, err := p.Register(message.Registration{
		Module: "d", Version: module.MustVersion("1.0.0"), Instance: "d-1", Upstream: "http://127.0.0.1:1", Lease: message.Duration(5 * time.Minute),
		Requires: []module.Requirement{{ID: "m", Range: ">= 1.0"}}, Webhook: "http://127.0.0.1:2/_modgate",
	}, joinSecret)
	if err != nil {
		p.t.Fatal(err)
	}
	return d, m
}

func TestWhatAWebhookIsOwedOutlivesRestart(t *testing.T) { // N1, G6
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		p.deaf = true
		d, m := p.dependent()
		webhook := "d-1 of d at http://127.0.0.1:2/_modgate " + d.WebhookSecret + ";"
		if got := p.attached(); got != webhook {
			t.Errorf("attached %q, want %q", got, webhook)
		}
		p.wantsOwed("")
		p.say(m.Token, message.Update)
		p.wantsOwed("delay m")

		p.close()
		p.open()
		defer p.close()
		if got := p.attached(); got != webhook {
			t.Errorf("after the restart attached %q, want %q", got, webhook)
		}
		p.wantsOwed("delay m")
		if got := p.told("d-1"); len(got) == 0 || got[len(got)-1] != message.NoticeDelay {
			t.Errorf("handed out %v, want [delay]", got)
		}
		p.Told(p.Owed("d-1")[0])
		p.wantsOwed("")
		p.say(m.Token, message.Resume)
		p.wantsOwed("resume m")
	})
}

func TestWhatIsTrueAgainIsNotOwed(t *testing.T) { // N1
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		p.deaf = true
		_, m := p.dependent()
		p.say(m.Token, message.Update)
		p.wantsOwed("delay m")
		p.say(m.Token, message.Resume)
		p.wantsOwed("")
	})
}

// m is updated, and serves again before d-1 has heard that it is away: its
// RESUME is not owed yet. Once the DELAY is told, it is.
func TestWhatChangedWhileItWasToldIsToldNext(t *testing.T) { // N1
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		p.deaf = true
		_, m := p.dependent()
		p.say(m.Token, message.Update)
		delay := p.Owed("d-1")[0] // it is on its way
		p.say(m.Token, message.Resume)
		p.told("d-1")
		p.Told(delay)
		if got := p.told("d-1"); len(got) != 1 || got[0] != message.NoticeResume {
			t.Errorf("handed out %v, want [resume]", got)
		}
	})
}

// d-1 is out while m goes; when it is back it must hear of it, though m does
// not change then.
func TestInstanceThatWasOutIsOwedWhatChangedMeanwhile(t *testing.T) { // N1, L6
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		p.deaf = true
		d, m := p.dependent()
		p.say(d.Token, message.Resume)
		p.Unreachable(p.Bearer(d.Token).Instance)
		synctest.Wait()
		p.say(m.Token, message.Update)
		p.wantsOwed("")
		p.told("d-1")
		p.say(d.Token, message.Resume)
		if got := p.told("d-1"); !slices.Contains(got, message.NoticeDelay) {
			t.Errorf("handed out %v, want the DELAY of m among them", got)
		}
	})
}
