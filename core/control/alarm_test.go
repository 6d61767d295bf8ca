package control

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

// calls keeps what administrators are told because a policy says so.
type calls struct {
	mu    sync.Mutex
	say   []fallback.Incident
	asked []fallback.Query
	told  []string
}

func (c *calls) alerts(q fallback.Query) []fallback.Incident {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, q)
	return slices.Clone(c.say)
}

func (c *calls) call(_, key string, i fallback.Incident) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = append(c.told, i.Severity+" "+key)
}

// now sets what the policy says, and returns what was asked and told since.
func (c *calls) now(say ...fallback.Incident) (asked []fallback.Query, told []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked, told = c.asked, c.told
	c.say, c.asked, c.told = say, nil, nil
	return asked, told
}

// While a gateway opens, policies are not asked; then they are, about every
// module.
func TestPolicyIsAskedFromTheBeginningOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &calls{}
		p := newPlatform(t)
		p.register("m", "1.0.0", "m-1")
		p.register("n", "1.0.0", "n-1")
		p.Close()
		o := p.options(p.store)
		o.Alerts, o.Call = c.alerts, c.call
		var err error
		if p.Control, err = Open(o); err != nil {
			t.Fatal(err)
		}
		defer p.close()
		time.Sleep(alarmPause + time.Second)
		if asked, _ := c.now(); len(asked) != 0 {
			t.Errorf("asked %+v before the beginning", asked)
		}
		p.Begin()
		synctest.Wait()
		if asked, _ := c.now(); len(asked) != 2 {
			t.Errorf("asked %+v, want about both modules", asked)
		}
	})
}

func TestPolicyIsAskedWhatTheAdministratorMustKnow(t *testing.T) { // G5
	synctest.Test(t, func(t *testing.T) {
		c := &calls{}
		p := newPlatform(t, func(o *Options) { o.Alerts, o.Call = c.alerts, c.call })
		defer p.close()
		p.cfg.Defaults.Lease = time.Hour
		m := p.register("m", "1.0.0", "m-1")
		p.say(m.Token, message.Resume)
		synctest.Wait()
		c.now()
		time.Sleep(time.Minute)
		if asked, _ := c.now(); len(asked) > 1 { // one more, to see that it is over
			t.Errorf("while nothing is wrong, asked %d times in a minute", len(asked))
		}

		p.say(m.Token, message.Update)
		synctest.Wait()
		asked, _ := c.now(fallback.Incident{Code: "a", Severity: "warning"})
		if len(asked) == 0 || asked[0].Entrypoint != fallback.Alert || asked[0].Target.State != message.Delayed || asked[0].Parked.Count != 3 {
			t.Fatalf("asked %+v", asked)
		}
		p.modules["m"].route.Missing.Add(100)
		time.Sleep(alarmPause)
		synctest.Wait()
		asked, told := c.now(fallback.Incident{Code: "a", Severity: "critical"}, fallback.Incident{Code: "b", Severity: "info"})
		if len(asked) != 1 || asked[0].Trouble.Missing != 20 || !slices.Equal(told, []string{"warning alert/m/a"}) {
			t.Errorf("asked %+v, told %v", asked, told)
		}
		p.note(func() { p.resolved = nil })
		time.Sleep(alarmPause)
		synctest.Wait()
		if _, told := c.now(); !slices.Equal(told, []string{"critical alert/m/a", "info alert/m/b"}) {
			t.Errorf("graver, and one more: told %v", told)
		}
		p.say(m.Token, message.Resume)
		synctest.Wait()
		p.note(func() {
			slices.Sort(p.resolved)
			for _, key := range []string{"alert/m/a", "alert/m/b"} {
				if !slices.Contains(p.resolved, key) {
					t.Errorf("resolved %v, want %s", p.resolved, key)
				}
			}
		})
	})
}

func TestRateOfWhoIsTurnedAway(t *testing.T) {
	start := time.Unix(1_000_000, 0)
	var r rate
	for _, c := range []struct {
		after            time.Duration
		delayed, missing uint64
		want             fallback.Trouble
	}{
		{0, 1000, 1000, fallback.Trouble{}}, // of a time that nobody knows
		{5 * time.Second, 1050, 1000, fallback.Trouble{Delayed: 10}},
		{5*time.Second + 10*time.Millisecond, 9999, 9999, fallback.Trouble{Delayed: 10}}, // too soon to tell
		{7 * time.Second, 1050, 1007, fallback.Trouble{Missing: 4}},
	} {
		if got := r.measure(start.Add(c.after), c.delayed, c.missing); got != c.want {
			t.Errorf("after %v: got %+v, want %+v", c.after, got, c.want)
		}
	}
}

func TestPolicyIsToldWhatARecordDoesNotHold(t *testing.T) { // U1, L5
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		p.cfg.Defaults.Lease = time.Hour
		a, b := p.register("a", "1.0.0", "a-1"), p.register("b", "1.0.0", "b-1")
		p.say(b.Token, message.Resume)
		p.say(a.Token, message.Update)
		p.note(func() { p.asked = nil })
		p.say(b.Token, message.Update)
		p.note(func() {
			for _, q := range p.asked {
				if q.Entrypoint == fallback.Update && q.Platform.Updating != 1 {
					t.Errorf("told that %d others update, want 1", q.Platform.Updating)
				}
			}
		})
		edition := p.modules["b"].route.State().Edition
		p.Reconsider()
		if st := p.modules["b"].route.State(); st.Edition <= edition || st.Availability != message.Delayed {
			t.Errorf("reconsidered: %+v", st)
		}
		p.note(func() {
			if len(p.reviewed) == 0 {
				t.Error("nobody was reviewed")
			}
		})
	})
}
