package route

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A run is counted in and out by two atomic additions to one word. On a machine
// that does other things as well their time says little; so that of two bare
// ones, in turns with it and contended by as many cores, is reported beside it.
func BenchmarkEnterLeave(b *testing.B) {
	const round = 20_000 // pairs of each core, at a time
	i := NewInstance("a", "m", "1.0.0", "http://h", func(*Instance, uint64) {})
	bare := struct {
		_    [64]byte
		word atomic.Int64
		_    [64]byte
	}{}
	cores := runtime.GOMAXPROCS(0)
	var counted, added time.Duration
	pairs := 0
	b.ReportAllocs()
	for pairs < b.N {
		b.StopTimer()
		added += contend(cores, func() {
			for range round {
				if bare.word.Add(1) == 0 {
					return
				}
				bare.word.Add(-1)
			}
		})
		b.StartTimer()
		counted += contend(cores, func() {
			for range round {
				if i.Enter() {
					i.Leave()
				}
			}
		})
		pairs += cores * round
	}
	b.ReportMetric(float64(counted.Nanoseconds())/float64(pairs), "ns/op")
	b.ReportMetric(float64(added.Nanoseconds())/float64(pairs), "bare-ns/op")
	b.ReportMetric(float64(counted)/float64(added), "x-bare")
}

// contend returns how long it takes until f is done on so many cores.
func contend(cores int, f func()) time.Duration {
	var all sync.WaitGroup
	start := time.Now()
	for range cores {
		all.Go(f)
	}
	all.Wait()
	return time.Since(start)
}
