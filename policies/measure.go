package policies

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/modgate/modgate/core/fallback"
)

// Measure is what one question costs, for people who tune a policy. Times are
// those of this machine, now.
type Measure struct {
	Direct Expense `json:"direct"`          // by direct evaluation
	Plan   Expense `json:"plan,omitzero"`   // to find what the answer depends on, once for each state of a module
	Hit    Expense `json:"hit,omitzero"`    // from the cache; zero for what is not cached
	Ratio  float64 `json:"ratio,omitempty"` // of direct to hit
	Cost   Cost    `json:"cost"`
}

// Expense is what one call takes.
type Expense struct {
	Nanoseconds float64 `json:"ns"`
	Allocations float64 `json:"allocations"`
}

func (x Expense) String() string {
	unit, n := "ns", x.Nanoseconds
	if n >= 1000 {
		unit, n = "µs", n/1000
	}
	return fmt.Sprintf("%8.1f %s %6.0f allocations", n, unit, x.Allocations)
}

func (m Measure) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "direct evaluation %v\n", m.Direct)
	if m.Plan != (Expense{}) {
		fmt.Fprintf(&b, "plan              %v, once for each state of a module\n", m.Plan)
	}
	if m.Hit != (Expense{}) {
		fmt.Fprintf(&b, "hit               %v\n", m.Hit)
		fmt.Fprintf(&b, "ratio                1 : %.0f\n", m.Ratio)
	}
	fmt.Fprintf(&b, "cost              %v\n", m.Cost)
	return b.String()
}

// Measure asks q again and again, for about a quarter of a second.
func (e *Engine) Measure(q fallback.Query) Measure {
	m := Measure{Direct: each(func() { e.Decide(q) })}
	if q.Entrypoint != fallback.Request {
		m.Cost.Bypass = "asked on transitions only"
		return m
	}
	m.Plan = each(func() { e.Plan(q.Target).prepare() })
	p := e.Plan(q.Target)
	r := p.prepare()
	m.Cost = newCost("", &r.found)
	p.Request(&q)
	if r.find(&q, e.o.Zone) != nil {
		m.Hit = each(func() { p.Request(&q) })
		m.Ratio = m.Direct.Nanoseconds / m.Hit.Nanoseconds
	}
	return m
}

// each returns what one call of f takes, in the best of a few rounds.
func each(f func()) (best Expense) {
	const round = 10 * time.Millisecond
	for n, rounds := 1, 0; rounds < 5; {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		for range n {
			f()
		}
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		if took < round {
			n *= 2
			continue
		}
		one := Expense{float64(took) / float64(n), float64((after.Mallocs - before.Mallocs) / uint64(n))}
		if best.Nanoseconds == 0 || one.Nanoseconds < best.Nanoseconds {
			best = one
		}
		rounds++
	}
	return best
}
