package policies

import (
	"fmt"
	"time"

	"github.com/modgate/modgate/core/fallback"
)

// Measure is what one question costs, for people who tune a policy. Times are
// those of this machine, now.
type Measure struct {
	Evaluated time.Duration // by direct evaluation
	Planned   time.Duration // to find what the answer depends on, once for each state of a module
	Hit       time.Duration // from the cache; zero for what is not cached
	Cost      Cost
}

func (m Measure) String() string {
	if m.Hit == 0 {
		return fmt.Sprintf("%v each time (%s)", m.Evaluated, m.Cost)
	}
	return fmt.Sprintf("%v from the cache, %.0f times less than the %v of an evaluation; %v to prepare (%s)",
		m.Hit, float64(m.Evaluated)/float64(m.Hit), m.Evaluated, m.Planned, m.Cost)
}

// Measure asks q again and again, for about a quarter of a second.
func (e *Engine) Measure(q fallback.Query) Measure {
	m := Measure{Evaluated: each(func() { e.Decide(q) })}
	if q.Entrypoint != fallback.Request {
		m.Cost.Bypass = "asked on transitions only"
		return m
	}
	m.Planned = each(func() { e.Plan(q.Target).prepare() })
	p := e.Plan(q.Target)
	r := p.prepare()
	m.Cost = Cost{Bypass: r.found.bypass}
	for i := range r.found.predicates {
		m.Cost.Predicates = append(m.Cost.Predicates, r.found.predicates[i].String())
	}
	for _, f := range r.found.raw {
		m.Cost.Raw = append(m.Cost.Raw, f.String())
	}
	p.Request(&q)
	if r.find(&q, e.o.Zone) != nil {
		m.Hit = each(func() { p.Request(&q) })
	}
	return m
}

// each returns how long one call of f takes, of the best of a few rounds.
func each(f func()) (best time.Duration) {
	const round = 10 * time.Millisecond
	for n, rounds := 1, 0; rounds < 5; {
		began := time.Now()
		for range n {
			f()
		}
		took := time.Since(began)
		if took < round {
			n *= 2
			continue
		}
		if one := took / time.Duration(n); best == 0 || one < best {
			best = max(one, 1)
		}
		rounds++
	}
	return best
}
