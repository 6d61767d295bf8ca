package route

import (
	"testing"
	"time"
)

func TestShareRisesFromATenth(t *testing.T) {
	var f Fitness
	start := time.Unix(1000, 0)
	for _, tc := range []struct {
		after time.Duration
		want  float64
	}{{0, 0.1}, {500 * time.Millisecond, 0.1}, {5 * time.Second, 0.5}, {10 * time.Second, 1}, {time.Hour, 1}} {
		if got := f.Share(start.Add(tc.after), 10*time.Second); got != tc.want {
			t.Errorf("after %v: share %v, want %v", tc.after, got, tc.want)
		}
	}
	if got := new(Fitness).Share(start, -1); got != 1 {
		t.Errorf("without a slow start: share %v, want 1", got)
	}
}

// An instance that was closed begins anew when it is opened; one that drained
// and serves again does not (V4).
func TestOpenedInstanceBeginsAnew(t *testing.T) {
	i := NewInstance("a", "m", "1.0.0", "http://h", func(*Instance, uint64) {})
	start := time.Unix(1000, 0)
	i.Share(start, time.Second)
	i.Enter(0)
	i.Drain(1)
	i.Open()
	if got := i.Share(start.Add(time.Hour), time.Second); got != 1 {
		t.Errorf("after a drain that was called off: share %v, want 1", got)
	}
	i.Close()
	i.Open()
	if got := i.Share(start.Add(time.Hour), time.Second); got != leastShare {
		t.Errorf("opened again: share %v, want %v", got, leastShare)
	}
}

func TestInstanceIsOutAfterFailuresInARow(t *testing.T) {
	var f Fitness
	at := time.Unix(1000, 0)
	fail := func(n int) (out bool) {
		for range n {
			out = f.Failed(at, 3, time.Second)
		}
		return out
	}
	if fail(2) || f.Out(at) {
		t.Error("out after two failures, want three")
	}
	f.Succeeded(at)
	if fail(2) || f.Out(at) {
		t.Error("out though it succeeded in between")
	}
	if !fail(1) || !f.Out(at) {
		t.Error("not out after three failures")
	}
	if got := f.Share(at, time.Second); got != leastShare {
		t.Errorf("share %v after it was out, want %v", got, leastShare)
	}

	// Twice as long each time, up to five minutes.
	want := time.Second
	for range 12 {
		if !f.Out(at.Add(want-1)) || f.Out(at.Add(want)) {
			t.Fatalf("not out for %v", want)
		}
		at = at.Add(want)
		f.Succeeded(at.Add(-time.Minute)) // began before it was out: says nothing
		fail(3)
		want = min(2*want, longestOut)
	}
	at = at.Add(want)
	f.Succeeded(at)
	fail(3)
	if f.Out(at.Add(time.Second)) {
		t.Error("it did well in between, and is out for longer than at first")
	}
}
