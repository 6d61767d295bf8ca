package policies

import (
	"runtime"
	"sync/atomic"
	"time"
)

// What one module may have evaluated: a client that sends ever new values of a
// field that a policy takes raw would else keep a core busy, and all of
// them with a policy that runs into its deadline.
const (
	missesPerSecond = 2000
	missesAtOnce    = 500
	meteredShare    = 4 // one part in so many of the processors' time is for policies that run into their deadline
)

// meter grants missesPerSecond, after a rest missesAtOnce more. The zero meter
// is full.
type meter struct {
	due atomic.Int64 // when the next is free, in nanoseconds since the engine was opened
}

// charge is for an evaluation that went on for as long as it may.
func (m *meter) charge(took time.Duration) {
	m.due.Add(int64(took * meteredShare / time.Duration(runtime.GOMAXPROCS(0))))
}

// take reports whether there is one more, that long after the engine was
// opened.
func (m *meter) take(now time.Duration) bool {
	const each = int64(time.Second / missesPerSecond)
	at := int64(now) + missesAtOnce*each
	for {
		due := m.due.Load()
		next := max(due, int64(now)) + each
		if next > at {
			return false
		}
		if m.due.CompareAndSwap(due, next) {
			return true
		}
	}
}
