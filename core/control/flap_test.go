package control

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
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
