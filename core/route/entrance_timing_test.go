//go:build unix

package route

import (
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A run is counted in and out by two atomic additions. What they cost hangs on
// whether another core writes the same word: "apart" each core has a door of
// its own, as mostly in the proxy; "together" they meet at one.
func BenchmarkEnterLeave(b *testing.B) {
	i, _ := reporting()
	b.Run("apart", func(b *testing.B) { contend(b, func(core uint32) { i.Enter(core).Leave() }) })
	b.Run("together", func(b *testing.B) { contend(b, func(uint32) { i.Enter(0).Leave() }) })
}

// BenchmarkRuns is what choosing the less busy of two instances reads, twice.
func BenchmarkRuns(b *testing.B) {
	i, _ := reporting()
	for b.Loop() {
		if i.Runs() != 0 {
			b.Fatal("there is a run")
		}
	}
}

// contend has f done b.N times in all, on every core at once, and reports what
// one time costs the core that it is on. Where other programs took a core, the
// cores were not at it at once: of such rounds nothing is reported, if there are
// any others; "whole-%" says how many there were.
func contend(b *testing.B, f func(core uint32)) {
	const round = 1_000_000 // times for each core
	cores := runtime.GOMAXPROCS(0)
	var all, whole struct{ times, used int64 }
	b.ReportAllocs()
	for all.times < int64(b.N) {
		start, before := time.Now(), used(b)
		var at sync.WaitGroup
		for core := range uint32(cores) {
			at.Go(func() {
				for range round {
					f(core)
				}
			})
		}
		at.Wait()
		spent, passed := used(b)-before, time.Since(start).Nanoseconds()
		all.times, all.used = all.times+int64(cores*round), all.used+spent
		if spent*100 >= passed*int64(cores)*95 {
			whole.times, whole.used = whole.times+int64(cores*round), whole.used+spent
		}
	}
	b.ReportMetric(100*float64(whole.times)/float64(all.times), "whole-%")
	if whole.times == 0 {
		whole = all
	}
	b.ReportMetric(float64(whole.used)/float64(whole.times), "ns/op")
}

// used returns the processor time of this process, in nanoseconds.
func used(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
