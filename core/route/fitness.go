package route

import (
	"sync/atomic"
	"time"
)

// Fitness is how well an instance does, as the requests to it see. It sorts
// instances of one version among each other; the lifecycle knows nothing of
// it. The zero value is that of an instance that was never used.
type Fitness struct {
	since  atomic.Int64 // began to take requests, in Unix nanoseconds; 0: not yet
	failed atomic.Int64 // in a row
	out    atomic.Int64 // gets no requests before, in Unix nanoseconds
	times  atomic.Int64 // it was put out without having done well in between
}

// leastShare is what an instance gets that has only begun.
const leastShare = 0.1

// Share returns the part of its requests that an instance should get, which
// rises over slow from a tenth to 1 from the first time that it is asked for.
func (f *Fitness) Share(now time.Time, slow time.Duration) float64 {
	since := f.since.Load()
	if since == 0 {
		f.since.CompareAndSwap(0, now.UnixNano())
		since = now.UnixNano()
	}
	elapsed := now.UnixNano() - since
	if elapsed >= int64(slow) {
		return 1
	}
	return max(leastShare, float64(elapsed)/float64(slow))
}

// begin makes the instance one that has only begun.
func (f *Fitness) begin() { f.since.Store(0) }

// Out reports whether the instance is to get no requests where another can
// take them.
func (f *Fitness) Out(now time.Time) bool {
	out := f.out.Load()
	return out != 0 && now.UnixNano() < out
}

const longestOut = 5 * time.Minute

// Failed notes that the instance gave no proper answer. After limit of those
// in a row it is out, for base at first and twice as long each time, up to
// five minutes; then it begins anew. One caller is told that it is out now.
func (f *Fitness) Failed(now time.Time, limit int, base time.Duration) (out bool) {
	if f.failed.Add(1) != int64(limit) {
		return false
	}
	times := min(f.times.Add(1), 16)
	f.out.Store(now.Add(min(base<<(times-1), longestOut)).UnixNano())
	f.failed.Store(0)
	f.begin()
	return true
}

// Succeeded notes that the instance gave a proper answer to a request that
// began at began.
func (f *Fitness) Succeeded(began time.Time) {
	if f.failed.Load() != 0 {
		f.failed.Store(0)
	}
	if f.times.Load() != 0 && !f.Out(began) {
		f.times.Store(0)
	}
}
