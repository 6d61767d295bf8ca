//go:build linux && !race

package policies

import (
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// TestHitCostsLittle measures processor time of this thread, the least of
// interleaved slices, so that what else runs on the machine counts little. It
// fails on three times the target, and where a hit is not a hundred times
// cheaper than what it stands for.
func TestHitCostsLittle(t *testing.T) {
	for _, c := range []struct {
		name   string
		target float64 // nanoseconds
	}{{"constant", 10}, {"predicates=8,raw=2", 100}, {"predicates=64", 400}} {
		e := openFiles(t, hits[c.name])
		q := hit()
		p := e.Plan(q.Target)
		p.Request(&q)
		e.Request(&q)
		var plan, engine, direct, prepare []float64
		for range 11 {
			plan = append(plan, cost(20_000, func() { p.Request(&q) }))
			engine = append(engine, cost(20_000, func() { e.Request(&q) }))
			direct = append(direct, cost(200, func() { e.Decide(q) }))
			prepare = append(prepare, cost(20, func() { e.Plan(q.Target).prepare() }))
		}
		got, least := slices.Min(plan), slices.Min(direct)
		t.Logf("%-20s hit %6.1f ns by the plan (target %v), %6.1f by the engine; evaluated %6.1f µs, %5.0f times as much; prepared in %6.1f µs",
			c.name, got, c.target, slices.Min(engine), least/1000, least/got, slices.Min(prepare)/1000)
		if got > 3*c.target {
			t.Errorf("%s: a hit costs %.1f ns, want %v", c.name, got, c.target)
		}
		if least < 100*got {
			t.Errorf("%s: a hit is %.0f times cheaper than evaluation, want 100", c.name, least/got)
		}
	}
}

// cost returns the nanoseconds of processor time that one call of f takes.
func cost(n int, f func()) float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := threadTime()
	for range n {
		f()
	}
	return float64(threadTime()-before) / float64(n)
}

// threadTime returns the processor time of this thread, which getrusage knows
// to the tick only.
func threadTime() time.Duration {
	const threadClock = 3 // CLOCK_THREAD_CPUTIME_ID
	var ts syscall.Timespec
	if _, _, e := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, threadClock, uintptr(unsafe.Pointer(&ts)), 0); e != 0 {
		panic(e)
	}
	return time.Duration(ts.Nano())
}
