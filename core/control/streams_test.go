package control

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/message"
)

// endings returns how long after began the instance's streams were ended.
func (p *platform) endings(instance string, began time.Time) (after []time.Duration) {
	synctest.Wait()
	p.note(func() {
		for _, at := range p.ended[instance] {
			after = append(after, at.Sub(began))
		}
		p.ended = map[string][]time.Time{}
	})
	return after
}

// The streams of an older version end stream_grace after its drain began; if
// it serves again before, they live (V8, V4).
func TestStreamsHoldNoGrace(t *testing.T) { // V8
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		p.cfg.Defaults.StreamGrace, p.cfg.Defaults.Lease = 4*time.Second, time.Minute
		old := p.register("m", "1.0.0", "m-1")
		p.say(old.Token, message.Resume)
		if p.state("m").Serving.Instances[0].Enter(0) == nil { // a run that holds its grace
			t.Fatal("it takes no run")
		}
		next := p.register("m", "2.0.0", "m-2")
		began := time.Now()
		p.say(next.Token, message.Resume)
		time.Sleep(3 * time.Second)
		p.say(next.Token, message.Disconnect) // 1.0.0 serves again
		synctest.Wait()
		if s := p.state("m").Serving; s == nil || s.Version.String() != "1.0.0" {
			t.Fatal("1.0.0 does not serve again")
		}
		time.Sleep(30 * time.Second)
		if got := p.endings("m-1", began); got != nil {
			t.Errorf("its streams were ended after %v, though it serves", got)
		}

		next = p.register("m", "2.0.0", "m-2")
		began = time.Now()
		p.say(next.Token, message.Resume)
		time.Sleep(10 * time.Second)
		if got := p.endings("m-1", began); !slices.Equal(got, []time.Duration{4 * time.Second}) {
			t.Errorf("its streams were ended after %v, want once, after stream_grace, 4s", got)
		}
	})
}

func TestStreamsEndWithTheirInstance(t *testing.T) { // V8, U10
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		p.say(p.register("m", "1.0.0", "m-1").Token, message.Resume)
		began := time.Now()
		p.register("m", "1.0.0", "m-1") // its successor
		if got := p.endings("m-1", began); !slices.Equal(got, []time.Duration{0}) {
			t.Errorf("its streams were ended after %v, want once, at once", got)
		}
	})
}
