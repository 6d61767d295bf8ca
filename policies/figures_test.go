//go:build linux && !race

package policies

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

var figures = flag.Bool("figures", false, "measure what policies cost, and print it beside the targets")

// TestFigures measures all that policies are promised to cost, in one run, and
// prints a table. What one thread does is measured by its own processor time,
// the least of interleaved slices; what several do, by the clock too. Nothing
// fails: machines differ, and tests do not measure.
func TestFigures(t *testing.T) {
	if !*figures {
		t.Skip("measures only with -figures: make bench-policies")
	}
	table := [][3]string{{"what", "target", "measured"}, {"---", "---", "---"}}
	row := func(what, target, format string, args ...any) {
		table = append(table, [3]string{what, target, fmt.Sprintf(format, args...)})
	}
	for _, c := range []struct{ name, what, target string }{
		{"constant", "hit, constant decision", "10 ns"},
		{"predicates=8,raw=2", "hit, 8 predicates and 2 raw fields", "100 ns"},
		{"predicates=64", "hit, 64 predicates", "400 ns"},
	} {
		x := expensesOf(openFiles(t, hits[c.name]))
		row(c.what, "<= "+c.target, "%.1f ns; %d times cheaper than evaluation, %.1f µs", x.hit, int(x.direct/x.hit), x.direct/1000)
		row("– allocations", "0", "%v; evaluation %v", x.hitAllocs, x.directAllocs)
		row("– plan, once for each state of a module", "", "%.0f µs", x.plan/1000)
	}
	misses := missTimes(openFiles(t, hits["predicates=8,raw=2"]), 4000)
	row("miss, 8 predicates and 2 raw fields", "p50 <= 100 µs", "p50 %.0f µs, p99 %.0f µs", quantile(misses, 50)/1000, quantile(misses, 99)/1000)
	s := storm(t, 3*time.Second)
	row("outage, 100 state changes a second, 2 cores", ">= 2 million/s", "%.1f million/s by the clock, %.1f per 2 s of processor time; %.2f %% evaluated", s.byClock/1e6, 2*s.byProcessor/1e6, s.missed)
	r := reloads(t, 20)
	row("reload of one policy among 1,000, from disk", "<= 250 ms", "%.0f ms, at most %.0f ms; %.0f ms of processor time", r.median*1000, r.most*1000, r.processor*1000)
	row("– decisions meanwhile", "0 wrong or failed", "%d wrong or failed of %d", r.wrong, r.asked)

	fmt.Printf("%s, %d cores, %s\n\n", processor(), runtime.NumCPU(), runtime.Version())
	for _, cells := range table {
		fmt.Println("| " + strings.Join(cells[:], " | ") + " |")
	}
}

// TestHitIsWorthIt: a hit is a hundred times cheaper than what it stands for.
func TestHitIsWorthIt(t *testing.T) {
	for _, name := range []string{"constant", "predicates=8,raw=2", "predicates=64"} {
		if x := expensesOf(openFiles(t, hits[name])); x.direct < 100*x.hit {
			t.Errorf("%s: a hit costs %.1f ns, evaluation %.0f ns: want 100 times as much", name, x.hit, x.direct)
		}
	}
}

// expenses are in nanoseconds of this thread.
type expenses struct {
	hit, direct, plan       float64
	hitAllocs, directAllocs float64
}

func expensesOf(e *Engine) (x expenses) {
	q := hit()
	p := e.Plan(q.Target)
	p.Request(&q)
	var plan, direct, prepare []float64
	for range 200 {
		plan = append(plan, cost(5_000, func() { p.Request(&q) }))
		direct = append(direct, cost(20, func() { e.Decide(q) }))
		prepare = append(prepare, cost(4, func() { e.Plan(q.Target).prepare() }))
	}
	return expenses{
		slices.Min(plan), slices.Min(direct), slices.Min(prepare),
		testing.AllocsPerRun(100, func() { p.Request(&q) }), testing.AllocsPerRun(100, func() { e.Decide(q) }),
	}
}

// missTimes returns what n requests cost whose tenant nobody has seen, sorted.
func missTimes(e *Engine, n int) (list []float64) {
	q := hit()
	p := e.Plan(q.Target)
	p.Request(&q)
	for i := range n {
		q.HTTP.Tenant = fmt.Sprint("tenant", i)
		p.meter.due.Store(0)
		list = append(list, cost(1, func() { p.Request(&q) }))
	}
	slices.Sort(list)
	return list
}

func quantile(sorted []float64, percent int) float64 { return sorted[len(sorted)*percent/100] }

// outage is what came of a storm.
type outage struct{ byClock, byProcessor, missed float64 }

// stormState is the nth state of a module in a storm.
func stormState(n int) fallback.Target {
	t := hit().Target
	t.Reason, t.Losses = []message.Reason{message.ReasonUpdating, message.ReasonLost, message.ReasonStarting}[n%3], n%4
	return t
}

var (
	stormTenants = [...]string{"diku", "acme", "uni", "t4", "t5", "t6", "t7", "t8"}
	stormMethods = [...]string{"GET", "POST", "PUT", "HEAD"}
)

// storm is an outage: a module changes its state 100 times a second while two
// cores ask about it.
func storm(t *testing.T, d time.Duration) outage {
	e := openFiles(t, map[string]string{"site/a.rego": eight})
	var plan atomic.Pointer[Plan]
	set := func(n int) { plan.Store(e.Plan(stormState(n))) }
	set(0)
	var stop atomic.Bool
	var asked atomic.Int64
	var wg sync.WaitGroup
	began, used := time.Now(), processTime()
	for range 2 {
		wg.Go(func() {
			q, n := hit(), 0
			for ; !stop.Load(); n++ {
				q.HTTP.Tenant, q.HTTP.Method = stormTenants[n&7], stormMethods[n>>3&3]
				q.Target.Absent = time.Duration(n>>12&63) * time.Second
				plan.Load().Request(&q)
			}
			asked.Add(int64(n))
		})
	}
	tick := time.NewTicker(10 * time.Millisecond)
	for n := 1; time.Since(began) < d; n++ {
		<-tick.C
		set(n)
	}
	tick.Stop()
	stop.Store(true)
	wg.Wait()
	n := float64(asked.Load())
	return outage{n / time.Since(began).Seconds(), n / (processTime() - used).Seconds(), 100 * float64(e.Counts().Evaluated) / n}
}

// reloading is what came of reloads, in seconds.
type reloading struct {
	median, most, processor float64
	asked, wrong            int64
}

// reloads changes one policy of a thousand n times while another module and the
// changed one are asked about.
func reloads(t *testing.T, n int) (r reloading) {
	dir := t.TempDir()
	for i := range 1000 {
		write(t, dir, fmt.Sprintf("modules/m%d/a.rego", i), moduleText(i, 1))
	}
	var wrong atomic.Int64
	e, err := Open(Options{Dir: dir, Report: func(Fault) { wrong.Add(1) }})
	if err != nil || e.Diagnostics() != nil {
		t.Fatal(err, e.Diagnostics())
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; !stop.Load(); i++ {
			m := 7 + i%2
			q := delayed(fallback.Request, fmt.Sprint("m", m))
			q.HTTP.Method = "GET"
			if d := e.Request(&q); !strings.HasPrefix(d.By, "modules/") || d.Wait < time.Second || m == 8 && d.Wait != time.Second {
				wrong.Add(1)
			}
			r.asked++
			time.Sleep(50 * time.Microsecond)
		}
	})
	var took []float64
	used := processTime()
	for i := range n {
		write(t, dir, "modules/m7/a.rego", moduleText(7, 2+i))
		began := time.Now()
		if err := e.Reload(); err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(began).Seconds())
	}
	r.processor = (processTime() - used).Seconds() / float64(n)
	stop.Store(true)
	wg.Wait()
	slices.Sort(took)
	r.median, r.most, r.wrong = quantile(took, 50), took[n-1], wrong.Load()
	return r
}

// moduleText is a policy of some size of module m<i>.
func moduleText(i, wait int) string {
	return fmt.Sprintf(`package modgate.modules.m%d

request := {"action": "delay", "wait_s": %d} if input.request.method in {"GET", "HEAD"}

absence := {"action": "delay", "ttl_s": 30} if {
	input.target.reason == "lost"
	input.target.losses < 3
}

update := {"action": "defer", "retry_after_s": 60} if input.now.hour in {8, 9, 10}

grace := {"grace_s": 45}
`, i, wait)
}
