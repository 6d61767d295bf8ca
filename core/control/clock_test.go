package control

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/message"
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
