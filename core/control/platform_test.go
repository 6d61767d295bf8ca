package control

import (
	"context"
	"log/slog"
	"path/filepath"
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
	"github.com/modgate/modgate/core/store"
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
	recalled []string          // modules
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
	p.store = s
	p.Control, err = Open(p.options(s))
	if err != nil {
		p.t.Fatal(err)
	}
	p.Begin()
}

// options are those of a Control on that store, whose live table is p's.
func (p *platform) options(s store.Store) Options {
	p.live = &route.Live{}
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
		Recall:       func(m *route.Module, edition uint64) { p.note(func() { p.recalled = append(p.recalled, m.Name) }) },
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
	return o
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
