package control

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/store"
)

// When a machine goes down, nobody's loss waits until another one's is saved.
func TestManyLossesAreSavedTogether(t *testing.T) { // L2
	synctest.Test(t, func(t *testing.T) {
		g := &gathering{want: 3, all: make(chan struct{})}
		p := newPlatform(t, func(o *Options) { g.Store, o.Store = o.Store, g })
		defer p.close()
		for _, name := range []string{"a", "b", "c"} {
			p.say(p.register(name, "1.0.0", name+"-1").Token, message.Resume)
		}
		g.begun.Store(true)
		time.Sleep(p.cfg.Gateway.Settle + time.Second)
		for _, name := range []string{"a", "b", "c"} {
			if got := p.state(name).Reason; got != message.ReasonLost {
				t.Errorf("%s: reason %q, want lost", name, got)
			}
		}
	})
}

// gathering is a store that, once it has begun, writes no record before as many
// are to be written.
type gathering struct {
	store.Store
	want  int64
	begun atomic.Bool
	come  atomic.Int64
	all   chan struct{} // closed when they have come
}

func (g *gathering) Swap(space, key string, value []byte, expect store.Revision) (store.Revision, error) {
	if g.begun.Load() && space == recordSpace {
		if g.come.Add(1) == g.want {
			close(g.all)
		}
		<-g.all
	}
	return g.Store.Swap(space, key, value, expect)
}

// counting is a store that, when it is full, writes no record and counts who
// asked.
type counting struct {
	store.Store
	is    atomic.Bool
	asked atomic.Int64
}

func (c *counting) Swap(space, key string, value []byte, expect store.Revision) (store.Revision, error) {
	if !c.is.Load() || space != recordSpace {
		return c.Store.Swap(space, key, value, expect)
	}
	c.asked.Add(1)
	return 0, errCrash
}

// A deadline that cannot be saved is tried again, once a second.
func TestDeadlineThatCannotBeSavedWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := &counting{}
		p := newPlatform(t, func(o *Options) { full.Store, o.Store = o.Store, full })
		defer p.close()
		p.say(p.register("m", "1.0.0", "m-1").Token, message.Resume)
		full.is.Store(true)
		time.Sleep(p.cfg.Gateway.Settle + 10*time.Second)
		if n := full.asked.Load(); n < 5 || n > 11 {
			t.Errorf("tried %d times in ten seconds", n)
		}
	})
}
