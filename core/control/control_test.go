package control

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
	"github.com/modgate/modgate/core/route"
	"github.com/modgate/modgate/core/store/bolt"
)

const joinSecret = "a join secret of tests"

// platform is a Control on a store of its own, with what it said.
type platform struct {
	*Control
	t      *testing.T
	change []func(*Options)
	path   string
	cfg    *config.Config
	live   *route.Live
	store  *bolt.File

	mu       sync.Mutex
	notices  []message.Notice
	webhooks []Webhook
	deaf     bool // nobody is told anything
	alerts   []lifecycle.Alert
	released []uint64
	rates    []int             // with them
	reviewed []uint64          // editions
	policy   fallback.Decision // what it says, whatever is asked
	asked    []fallback.Query
	ended    map[string][]time.Time // streams, by instance
	happened []Happening
	resolved []string
	seq      uint64
}

func newPlatform(t *testing.T, change ...func(*Options)) *platform {
	return newPlatformIn(t, t.TempDir(), change...)
}

func newPlatformIn(t *testing.T, dir string, change ...func(*Options)) *platform {
	cfg := config.Default()
	cfg.Gateway.JoinSecret = joinSecret
	p := &platform{t: t, path: filepath.Join(dir, "modgate.db"), cfg: &cfg, ended: map[string][]time.Time{}, change: change}
	p.open()
	return p
}

func (p *platform) open() {
	p.t.Helper()
	s, err := bolt.Open(p.path, time.Second)
	if err != nil {
		p.t.Fatal(err)
	}
	p.live, p.store = &route.Live{}, s
	o := Options{
		Store: s, Live: p.live, Config: p.cfg, RunKey: []byte("key"), Log: slog.New(slog.DiscardHandler),
		Decide: func(q fallback.Query) (d fallback.Decision) {
			p.note(func() { d, p.asked = p.policy, append(p.asked, q) })
			return d
		},
		Release: func(_ *route.Module, turn uint64, rate int) {
			p.note(func() { p.released, p.rates = append(p.released, turn), append(p.rates, rate) })
		},
		Review:       func(_ *route.Module, edition uint64) { p.note(func() { p.reviewed = append(p.reviewed, edition) }) },
		Parked:       func(*route.Module) fallback.Parked { return fallback.Parked{Count: 3, Limit: 10} },
		EndStreams:   func(i *route.Instance) { p.note(func() { p.ended[i.ID] = append(p.ended[i.ID], time.Now()) }) },
		AdmitStreams: func(*route.Instance) {},
		Tell:         p.tell,
		Forget:       func(string) {},
		Attach:       func(w Webhook) { p.note(func() { p.webhooks = append(p.webhooks, w) }) },
		Raise:        func(_ string, a lifecycle.Alert) { p.note(func() { p.alerts = append(p.alerts, a) }) },
		Resolve:      func(key string) { p.note(func() { p.resolved = append(p.resolved, key) }) },
		Reach:        func(string, string, func()) {},
		Unreach:      func(string) {},
		Observe:      func(h Happening) { p.note(func() { p.happened = append(p.happened, h) }) },
	}
	for _, f := range p.change {
		f(&o)
	}
	p.Control, err = Open(o)
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *platform) tell(n message.Notice) {
	p.note(func() { p.notices = append(p.notices, n) })
	if !p.deaf {
		go p.Told(n)
	}
}

func (p *platform) note(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *platform) close() {
	p.Close()
	p.store.Close()
}

func (p *platform) register(name, version, instance string, requires ...module.Requirement) message.Registered {
	p.t.Helper()
	r, err := p.Register(message.Registration{
		Module: name, Version: module.MustVersion(version), Instance: instance, Upstream: "http://127.0.0.1:1",
		Routes: []message.Route{{Path: "/" + name + "/{id}"}}, Requires: requires,
	}, joinSecret)
	if err != nil {
		p.t.Fatalf("register %s: %v", instance, err)
	}
	return r
}

func (p *platform) say(token string, v message.Verb) message.Answer {
	p.t.Helper()
	p.seq++
	a, err := p.Announce(context.Background(), p.Bearer(token), message.Announcement{Type: v, Seq: p.seq}, 0)
	if err != nil {
		p.t.Fatalf("%v: %v", v, err)
	}
	return a
}

func (p *platform) state(name string) *route.State { return p.live.Load().Modules[name].State() }

// told returns the kinds of notices for the receiver so far, and forgets all.
func (p *platform) told(receiver string) (kinds []message.Kind) {
	synctest.Wait()
	p.note(func() {
		for _, n := range p.notices {
			if n.Receiver == receiver {
				kinds = append(kinds, n.Kind)
			}
		}
		p.notices = nil
	})
	return kinds
}

func TestUpgradeIsPublishedStepByStep(t *testing.T) { // U1, U2, U4, U8
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		old := p.register("m", "1.0.0", "m-1")
		if a := p.say(old.Token, message.Resume); a.Outcome != message.Resumed {
			t.Fatalf("resume: %+v", a)
		}
		target, found := p.live.Load().Table.Match([]byte("GET"), []byte("/m/7"))
		if !found || target.Module.State().Serving == nil {
			t.Fatal("m does not serve its route")
		}
		run := p.state("m").Serving.Instances[0]
		if !run.Enter() {
			t.Fatal("the serving instance takes no run")
		}
		next := p.register("m", "2.0.0", "m-2")
		if a := p.say(next.Token, message.Update); a.Outcome != message.Pending || a.State.Reason != message.ReasonWaiting {
			t.Fatalf("update while a run is in flight: %+v", a)
		}
		if run.Enter() || !run.EnterOwn() {
			t.Fatal("a draining instance takes its own runs and no others")
		}
		run.Leave()
		run.Leave() // the last
		synctest.Wait()
		st := p.state("m")
		if st.Holder == nil || st.Holder.ID != "m-2" || st.Reason != message.ReasonUpdating || st.Epoch != 1 {
			t.Fatalf("after the last run: %+v", st)
		}
		if !p.Bearer(old.Token).Fenced() {
			t.Error("the older version's token still opens something")
		}
		if a := p.say(next.Token, message.Resume); a.Outcome != message.Resumed {
			t.Fatalf("resume of the holder: %+v", a)
		}
		if st := p.state("m"); st.Serving.Version.String() != "2.0.0" {
			t.Errorf("serving %v", st.Serving.Version)
		}
	})
}

func TestDependentsAreToldOncePerChange(t *testing.T) { // D1, D2, N1
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		need := module.Requirement{ID: "m", Range: ">= 1.0"}
		dep := p.register("d", "1.0.0", "d-1", need)
		if got := dep.Requirements[0]; got.State != message.UnmetMissing || got.Reason != message.ReasonUnknown {
			t.Fatalf("requirement on an unknown module: %+v", got)
		}
		m := p.register("m", "1.0.0", "m-1")
		if got := p.told("d-1"); len(got) != 1 || got[0] != message.NoticeDelay {
			t.Errorf("when m registered: told %v, want [delay]", got)
		}
		p.say(m.Token, message.Resume)
		if got := p.told("d-1"); len(got) != 1 || got[0] != message.NoticeResume {
			t.Errorf("when m resumed: told %v, want [resume]", got)
		}
		p.say(m.Token, message.Update)
		if got := p.told("d-1"); len(got) != 1 || got[0] != message.NoticeDelay {
			t.Errorf("when m updates: told %v, want [delay]", got)
		}
		time.Sleep(3 * time.Minute)
		if got := p.told("d-1"); len(got) != 0 {
			t.Errorf("a lost instance was told %v", got)
		}
	})
}

func TestStateOutlivesRestart(t *testing.T) { // G1, G6, A7
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		m := p.register("m", "1.0.0", "m-1")
		p.say(m.Token, message.Resume)
		p.say(m.Token, message.Update)
		before, _ := p.Overview("m")
		p.close()
		p.open()
		defer p.close()
		after, _ := p.Overview("m")
		if after.Holder != "m-1" || after.Epoch != before.Epoch || !after.Since.Equal(before.Since) {
			t.Errorf("after the restart: %+v, before: %+v", after, before)
		}
		if p.Bearer(m.Token) == nil {
			t.Error("the token did not survive")
		}
		if a := p.say(m.Token, message.Resume); a.Outcome != message.Resumed {
			t.Errorf("resume after the restart: %+v", a)
		}
	})
}

func TestLeaseRunsOut(t *testing.T) { // L2, A4
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		m := p.register("m", "1.0.0", "m-1")
		p.say(m.Token, message.Resume)
		for range 10 {
			time.Sleep(time.Duration(m.Lease) / 3)
			if _, err := p.Renew(p.Bearer(m.Token)); err != nil {
				t.Fatal(err)
			}
		}
		if st := p.state("m"); st.Availability != message.Ready {
			t.Fatalf("renewed and yet %v %v", st.Availability, st.Reason)
		}
		time.Sleep(time.Duration(m.Lease) + time.Second)
		if st := p.state("m"); st.Availability != message.Delayed || st.Reason != message.ReasonLost {
			t.Fatalf("without renewal: %v %v", st.Availability, st.Reason)
		}
		time.Sleep(p.cfg.Defaults.TTL)
		if st := p.state("m"); st.Availability != message.Missing || st.Reason != message.ReasonExpired {
			t.Errorf("after the TTL: %v %v", st.Availability, st.Reason)
		}
	})
}

func TestDisconnectIsAnsweredWhenRunsAreDone(t *testing.T) { // L1
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		m := p.register("m", "1.0.0", "m-1")
		p.say(m.Token, message.Resume)
		run := p.state("m").Serving.Instances[0]
		run.Enter()
		answered := make(chan message.Answer, 1)
		go func() { answered <- p.say(m.Token, message.Disconnect) }()
		synctest.Wait()
		select {
		case a := <-answered:
			t.Fatalf("answered %+v while a run was in flight", a)
		default:
		}
		run.Leave()
		if a := <-answered; a.Outcome != message.Disconnected {
			t.Errorf("answered %+v", a)
		}
	})
}

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

// raisedNow returns the keys of alerts raised since the last call.
func (p *platform) raisedNow() (keys []string) {
	p.note(func() {
		for _, a := range p.alerts {
			keys = append(keys, a.Key)
		}
		p.alerts = nil
	})
	return keys
}

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
