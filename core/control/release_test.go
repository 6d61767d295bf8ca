package control

import (
	"testing"
	"testing/synctest"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

func TestParkedAreReleasedAsFastAsThePolicySays(t *testing.T) { // A5
	for _, c := range []struct{ said, want int }{{0, 20_000}, {50, 50}, {1_000_000, 100_000}} {
		synctest.Test(t, func(t *testing.T) {
			p := newPlatform(t)
			defer p.close()
			p.policy.Rate = c.said
			m := p.register("m", "1.0.0", "m-1")
			p.asked, p.rates = nil, nil
			p.say(m.Token, message.Resume)
			if len(p.rates) != 1 || p.rates[0] != c.want {
				t.Errorf("released at %v a second, want once at %d", p.rates, c.want)
			}
			q := p.asked[len(p.asked)-1]
			if q.Entrypoint != fallback.Resume || q.Target.Module != "m" || q.Target.State != message.Ready || q.Target.Serving != "1.0.0" || q.Parked.Count != 3 {
				t.Errorf("asked %+v", q)
			}
			p.rates = nil
			p.say(m.Token, message.Update) // who is parked looks at once: it cannot go there
			if len(p.rates) != 1 || p.rates[0] != 0 {
				t.Errorf("released at %v a second, want once, at once", p.rates)
			}
		})
	}
}

func TestRateOfRelease(t *testing.T) { // A5
	r := config.Release{Rate: 10, MaxRate: 20}
	for said, want := range map[int]int{-1: 10, 0: 10, 1: 1, 20: 20, 21: 20} {
		if got := r.Clamp(said); got != want {
			t.Errorf("the policy says %d: %d, want %d", said, got, want)
		}
	}
}
