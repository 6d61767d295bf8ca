package control

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/store"
	"github.com/modgate/modgate/core/store/bolt"
)

func TestRestCountsWhenTheClockWasSetBack(t *testing.T) { // G7
	var p *platform
	dir := t.TempDir()
	var token string
	synctest.Test(t, func(t *testing.T) {
		p = newPlatformIn(t, dir)
		defer p.close()
		time.Sleep(time.Hour)
		other := p.register("other", "1.0.0", "o-1")
		p.say(other.Token, message.Resume)
		token = p.register("m", "1.0.0", "m-1").Token
		p.say(token, message.Update) // update_ttl runs from here
		time.Sleep(5 * time.Second)
		p.say(p.register("last", "1.0.0", "l-1").Token, message.Resume) // the last save
	})
	for range 2 { // the clock of each world begins anew; the last finds nothing to set back
		synctest.Test(t, func(t *testing.T) {
			p.t = t
			p.open()
			defer p.close()
			view, _ := p.Overview("m")
			if left := time.Duration(view.TTL); left != p.cfg.Defaults.UpdateTTL-5*time.Second {
				t.Errorf("left of the UPDATE: %s, want %s", left, p.cfg.Defaults.UpdateTTL-5*time.Second)
			}
			if until := time.Until(p.state("m").Until); until != time.Duration(view.TTL) {
				t.Errorf("requests wait for %s, the control API says %s", until, time.Duration(view.TTL))
			}
			if p.Bearer(token) == nil {
				t.Error("the token did not survive")
			}
		})
	}
}

// refusing is a store that does not save the record of one module.
type refusing struct {
	store.Store
	module string
}

func (r refusing) Swap(space, key string, value []byte, expect store.Revision) (store.Revision, error) {
	if space == recordSpace && key == r.module {
		return 0, errors.New("the disk is full")
	}
	return r.Store.Swap(space, key, value, expect)
}

// A start that fails half-way has set some records back, which the next one
// does not do again.
func TestClockIsSetBackOnceThoughAStartFails(t *testing.T) { // G7
	dir := t.TempDir()
	var p *platform
	synctest.Test(t, func(t *testing.T) {
		p = newPlatformIn(t, dir)
		defer p.close()
		time.Sleep(time.Hour)
		p.say(p.register("m", "1.0.0", "m-1").Token, message.Update)
		p.say(p.register("last", "1.0.0", "l-1").Token, message.Resume)
	})
	synctest.Test(t, func(t *testing.T) { // an hour before
		s, err := bolt.Open(p.path, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		time.Sleep(time.Second)
		if _, err := Open(p.options(refusing{s, "last"})); err == nil {
			t.Fatal("a gateway starts whose store does not save")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		p.t = t
		time.Sleep(2 * time.Second)
		p.open()
		defer p.close()
		view, _ := p.Overview("m")
		if left, want := time.Duration(view.TTL), p.cfg.Defaults.UpdateTTL-time.Second; left != want {
			t.Errorf("left of the UPDATE: %s, want %s", left, want)
		}
	})
}

func TestTimeDoesNotFall(t *testing.T) { // G7
	synctest.Test(t, func(t *testing.T) {
		c := &Control{started: time.Now()}
		time.Sleep(time.Minute)
		if got := c.now().Sub(c.started); got != time.Minute {
			t.Errorf("after a minute %s have passed", got)
		}
	})
	c := &Control{started: time.Now()} // outside: the clock of a world has no monotonic reading
	stored := c.now().Round(0).Add(time.Minute)
	for what, at := range map[string]time.Time{"now": c.now(), "an instant of a record": c.until(stored)} {
		if at == at.Round(0) {
			t.Errorf("%s is %v, want it with a monotonic reading", what, at)
		}
	}
	if !c.until(stored).Equal(stored) || !c.until(time.Time{}).IsZero() {
		t.Error("an instant of a record is another on the clock of the process")
	}
}
