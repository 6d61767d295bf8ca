package control

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

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
		i := p.state("m").Serving.Instances[0]
		run := i.Enter(0)
		if run == nil {
			t.Fatal("the serving instance takes no run")
		}
		next := p.register("m", "2.0.0", "m-2")
		if a := p.say(next.Token, message.Update); a.Outcome != message.Pending || a.State.Reason != message.ReasonWaiting {
			t.Fatalf("update while a run is in flight: %+v", a)
		}
		own := i.EnterOwn(1)
		if i.Enter(0) != nil || own == nil {
			t.Fatal("a draining instance takes its own runs and no others")
		}
		run.Leave()
		own.Leave() // the last
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

// A module that no longer provides an interface, which it had in too low a
// version, is no longer what its callers lack: they are routed on (D3).
func TestCallerLacksNothingOfWhoProvidesItNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		dep := p.register("d", "1.0.0", "d-1", module.Requirement{ID: "tags", Range: "2.0"})
		reg := message.Registration{
			Module: "m", Version: module.MustVersion("1.0.0"), Instance: "m-1", Upstream: "http://127.0.0.1:1",
			Provides: []module.Interface{{ID: "tags", Version: "1.0"}},
		}
		lacking := func() int {
			t.Helper()
			m, err := p.Register(reg, joinSecret)
			if err != nil {
				t.Fatal(err)
			}
			p.say(m.Token, message.Resume)
			g := p.live.Load()
			return len(p.Bearer(dep.Token).Unmet(g.Modules["m"]))
		}
		if n := lacking(); n != 1 {
			t.Fatalf("tags 2.0 is required, 1.0 is there: %d lacking", n)
		}
		reg.Provides = nil
		if n := lacking(); n != 0 {
			t.Errorf("m provides tags no more, and yet %d lacking", n)
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
		run := p.state("m").Serving.Instances[0].Enter(0)
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
