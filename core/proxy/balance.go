package proxy

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/modgate/modgate/core/route"
)

// enter picks an instance of v that takes new requests and enters it, or any
// that does.
func (x *exchange) enter(st *route.State, v *route.Version) bool {
	if len(v.Instances) == 0 {
		return false
	}
	i := v.Instances[0]
	if len(v.Instances) > 1 {
		i = x.pick(v.Instances)
	}
	d := i.Enter(processor())
	for n := 0; d == nil; n++ {
		if n == len(v.Instances) {
			return false
		}
		i = v.Instances[n]
		d = i.Enter(processor())
	}
	x.place = place{instance: i, door: d, version: v, state: st}
	return true
}

// pick returns the less busy of two instances at random; of one that has only
// begun, the other takes a part of what would be its own. One that is out or
// refused the last connection is picked only if both are.
func (x *exchange) pick(all []*route.Instance) *route.Instance {
	now := time.Now()
	n := len(all)
	first, second := rand.IntN(n), rand.IntN(n-1)
	if second >= first {
		second++
	}
	a, b := all[first], all[second]
	switch badA, badB := x.avoids(a, all, now), x.avoids(b, all, now); {
	case badA && badB:
		at := slices.IndexFunc(all, func(i *route.Instance) bool { return !x.avoids(i, all, now) })
		if at >= 0 {
			return all[at]
		}
	case badA:
		return b
	case badB:
		return a
	}
	if b.Runs() < a.Runs() {
		a, b = b, a
	}
	if share := a.Share(now, x.terms.SlowStart); share < 1 && rand.Float64() >= share*2/(share+b.Share(now, x.terms.SlowStart)) {
		return b
	}
	return a
}

// avoids reports whether another instance of all is to be preferred to i. If
// most are out, that is no reason: something else is wrong.
func (x *exchange) avoids(i *route.Instance, all []*route.Instance, now time.Time) bool {
	if i == x.shunned {
		return true
	}
	if !i.Out(now) {
		return false
	}
	out := 0
	for _, j := range all {
		if j.Out(now) {
			out++
		}
	}
	return out*2 <= len(all)
}

// failed notes that the instance gave no proper answer, through no fault of
// the client.
func (x *exchange) failed() {
	i, l := x.place.instance, x.terms
	if i != nil && l.Failures > 0 && i.Failed(time.Now(), l.Failures, l.Ejection) {
		x.p.stats.ejected.Add(1)
		x.p.Log.Warn("an instance gives no proper answers; others take its requests for a while", "module", i.Module, "instance", i.ID, "upstream", i.Upstream)
	}
}

// budget bounds how many requests are sent again because an instance failed:
// a part of all that it gets, and a few at once. Else retries would be what
// keeps an instance down. The zero value is full.
type budget struct{ spent atomic.Int64 } // hundredths of a retry

const fullBudget = 10 * 100

// earn notes a request, which earns percent of a retry.
func (b *budget) earn(percent int) {
	if b.spent.Load() > 0 {
		b.spent.Add(-int64(percent))
	}
}

// spend takes one retry, if it is there.
func (b *budget) spend() bool {
	if b.spent.Add(100) <= fullBudget {
		return true
	}
	b.spent.Add(-100)
	return false
}
