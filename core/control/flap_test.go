package control

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
	"github.com/modgate/modgate/core/route"
)

func TestBackOffDoublesToItsBound(t *testing.T) { // L5
	start := time.Unix(1_000_000, 0)
	var l losses
	for n, want := range []time.Duration{0, 0, 5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second, 5 * time.Minute, 5 * time.Minute} {
		if got := l.note(start.Add(time.Duration(n)*time.Second), uint64(n)); got != want {
			t.Errorf("loss %d: held out for %s, want %s", n+1, got, want)
		}
	}
	l = losses{}
	for n := range 10 {
		if got := l.note(start.Add(time.Duration(n)*6*time.Minute), uint64(n)); got != 0 {
			t.Errorf("loss %d, every 6 minutes: held out for %s", n+1, got)
		}
	}
}

func TestLossThatIsSavedLateCountsOnce(t *testing.T) { // L5
	var l losses
	for n := range 10 { // the store is away for a while
		if got := l.note(time.Unix(1_000_000+int64(n), 0), 7); got != 0 {
			t.Errorf("try %d to save a loss: held out for %s", n+1, got)
		}
	}
}

func TestFlappingInstanceIsHeldOut(t *testing.T) { // L5
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		m := p.register("m", "1.0.0", "m-1")
		p.say(m.Token, message.Resume)
		for n := range 3 {
			if st := p.state("m"); st.Availability != message.Ready {
				t.Fatalf("before loss %d: %v", n+1, st.Availability)
			}
			p.Unreachable(p.state("m").Serving.Instances[0])
			p.Unreachable(&route.Instance{ID: "m-1", Module: "m"}) // it is out: no other loss
			p.say(m.Token, message.Resume)
		}
		if st := p.state("m"); st.Availability != message.Delayed {
			t.Fatalf("lost three times, and %v at once", st.Availability)
		}
		time.Sleep(leastHold - time.Millisecond)
		if st := p.state("m"); st.Availability != message.Delayed {
			t.Fatalf("it is %v before its time", st.Availability)
		}
		time.Sleep(2 * time.Millisecond)
		if st := p.state("m"); st.Availability != message.Ready {
			t.Errorf("it is %v after its time", st.Availability)
		}
		raised := func(key string) (n int) {
			p.note(func() {
				for _, a := range p.alerts {
					if a.Key == key {
						n++
					}
				}
			})
			return n
		}
		p.Unreachable(p.state("m").Serving.Instances[0])
		if got := raised(flapKey("m-1")); got != 1 {
			t.Errorf("%d alerts, want one", got)
		}
		time.Sleep(flapWindow + time.Second)
		p.note(func() {
			if !slices.Contains(p.resolved, flapKey("m-1")) {
				t.Errorf("resolved %v: the incident never ends", p.resolved)
			}
		})
		if got := p.weigh("m", lifecycle.Unreachable{Instance: "nobody"}); got != (lifecycle.Unreachable{Instance: "nobody"}) {
			t.Errorf("who is not there is held out: %v", got)
		}
	})
}

func TestCrashLoopIsHeldOut(t *testing.T) { // L5
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		serves := func() bool { return p.state("m").Availability == message.Ready }
		begin := func(version string) string {
			token := p.register("m", version, "m-1").Token
			p.say(token, message.Resume)
			return token
		}
		for n := range 4 { // the first, and three that say DISCONNECT before
			if token := begin("1.0.0"); !serves() {
				t.Fatalf("process %d does not serve, though none was lost", n)
			} else if n < 3 {
				p.say(token, message.Disconnect)
			}
		}
		for n := range 2 {
			if begin("1.0.0"); !serves() {
				t.Fatalf("held out after loss %d", n+1)
			}
		}
		begin("1.0.0")
		time.Sleep(leastHold - time.Millisecond)
		if serves() {
			t.Fatal("lost three times by quick crashes, and let in")
		}
		begin("1.0.0") // while it is held out it is not lost
		time.Sleep(2 * time.Millisecond)
		if !serves() {
			t.Error("still held out after its time")
		}
		if got := p.raisedNow(); !slices.Equal(got, []string{flapKey("m-1")}) {
			t.Errorf("alerts %v, want one", got)
		}
	})
}

func TestHeirIsNoLoss(t *testing.T) { // L5, U10
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		token := p.register("m", "1.0.0", "m-1").Token
		for range 5 {
			p.say(token, message.Update)
			token = p.register("m", "1.0.0", "m-1").Token
		}
		if p.say(token, message.Resume); p.state("m").Availability != message.Ready {
			t.Error("who inherited its UPDATE is held out")
		}
		if got := p.raisedNow(); got != nil {
			t.Errorf("alerts %v", got)
		}
	})
}

func TestWhomTheGatewaySpeaksForIsNoLoss(t *testing.T) { // L5, L4, G6
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		p.cfg.Modules = []config.Module{{Name: "m", Defaults: p.cfg.Defaults, Versions: []config.Version{{Version: module.MustVersion("1.0.0"), Upstreams: []string{"http://127.0.0.1:1"}}}}}
		id := p.cfg.Declared()[0].Instance
		for n := range 5 {
			if p.say(p.register("m", "1.0.0", id).Token, message.Resume); p.state("m").Availability != message.Ready {
				t.Fatalf("registered %d times, and held out", n+1)
			}
		}
	})
}
