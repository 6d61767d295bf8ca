package route

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestDrainIsReportedOnceAfterTheLastRun(t *testing.T) { // U2
	var turns []uint64
	i := NewInstance("a", "m", "1.0.0", "http://h", func(_ *Instance, turn uint64) { turns = append(turns, turn) })
	i.Enter()
	i.Drain(7)
	if i.Enter() {
		t.Error("a draining instance takes a new run")
	}
	if !i.EnterOwn() {
		t.Error("a draining instance refuses its own run")
	}
	i.Leave()
	if len(turns) != 0 {
		t.Fatalf("reported %v with a run in flight", turns)
	}
	i.Leave()
	if len(turns) != 1 || turns[0] != 7 {
		t.Fatalf("reported %v, want [7]", turns)
	}
	if i.EnterOwn() {
		t.Error("after the report a run entered")
	}
	i.Open()
	if !i.Enter() || i.Runs() != 1 {
		t.Error("opened again, it takes no run")
	}
}

func TestIdleInstanceIsDrainedAtOnce(t *testing.T) {
	reports := 0
	i := NewInstance("a", "m", "1.0.0", "http://h", func(*Instance, uint64) { reports++ })
	i.Drain(1)
	if reports != 1 {
		t.Errorf("%d reports", reports)
	}
}

// Whoever entered before the drain is seen by it; whoever comes after is
// refused: hammered, since the interleavings are the processor's.
func TestNobodyIsInsideAfterTheReportHammer(t *testing.T) {
	for range 200 {
		var inside atomic.Int64
		drained := make(chan int64, 1)
		i := NewInstance("a", "m", "1.0.0", "http://h", func(*Instance, uint64) { drained <- inside.Load() })
		var callers sync.WaitGroup
		for range 4 {
			callers.Go(func() {
				for i.Enter() {
					inside.Add(1)
					inside.Add(-1)
					i.Leave()
				}
			})
		}
		i.Drain(1)
		if n := <-drained; n != 0 {
			t.Fatalf("reported with %d runs inside", n)
		}
		callers.Wait()
	}
}

func TestTwoRefusalsPutAnInstanceOut(t *testing.T) { // L6
	i := NewInstance("a", "m", "1.0.0", "http://h", nil)
	now := time.Unix(1000, 0)
	steps := []struct {
		after time.Duration
		out   bool
	}{{0, false}, {50 * time.Millisecond, false}, {100 * time.Millisecond, true}, {200 * time.Millisecond, false}}
	for _, s := range steps {
		if got := i.Refuse(now.Add(s.after)); got != s.out {
			t.Errorf("refused after %v: out %v, want %v", s.after, got, s.out)
		}
	}
	i.Reached()
	if i.Refuse(now.Add(time.Second)) {
		t.Error("out by the first refusal after a connection was made")
	}
}
