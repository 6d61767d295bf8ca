package route

import (
	"sync"
	"sync/atomic"
	"testing"
)

// entered returns an instance's door, by which a run has come in.
func entered(t *testing.T, d *Door) *Door {
	t.Helper()
	if d == nil {
		t.Fatal("the instance does not take the run")
	}
	return d
}

// reporting returns an instance and the turns of which drains were reported.
func reporting() (i *Instance, turns *[]uint64) {
	turns = new([]uint64)
	return NewInstance("a", "m", "1.0.0", "http://h", func(_ *Instance, turn uint64) { *turns = append(*turns, turn) }), turns
}

func TestDrainIsReportedOnceAfterTheLastRun(t *testing.T) { // U2
	i, turns := reporting()
	run := entered(t, i.Enter(0))
	i.Drain(7)
	if i.Enter(0) != nil || i.Enter(1) != nil {
		t.Error("a draining instance takes a new run")
	}
	own := entered(t, i.EnterOwn(1))
	run.Leave()
	if len(*turns) != 0 {
		t.Fatalf("reported %v with a run in flight", *turns)
	}
	own.Leave()
	if len(*turns) != 1 || (*turns)[0] != 7 {
		t.Fatalf("reported %v, want [7]", *turns)
	}
	if i.EnterOwn(0) != nil {
		t.Error("after the report a run entered")
	}
	i.Open()
	entered(t, i.Enter(0))
	if i.Runs() != 1 {
		t.Errorf("opened again, it has %d runs", i.Runs())
	}
}

func TestIdleInstanceIsDrainedAtOnce(t *testing.T) {
	i, turns := reporting()
	i.Drain(1)
	if len(*turns) != 1 {
		t.Errorf("reported %v", *turns)
	}
	i.Drain(2)
	i.Close()
	if len(*turns) != 1 {
		t.Errorf("reported %v, though there was nothing to drain", *turns)
	}
}

// While a run is inside, its own enter, whichever door they try first.
func TestOwnRunsFindTheDoorThatIsOpen(t *testing.T) { // U2
	i, turns := reporting()
	run := entered(t, i.Enter(3))
	i.Drain(1)
	for at := range uint32(2 * doors) {
		own := entered(t, i.EnterOwn(at))
		if i.Runs() != 2 {
			t.Errorf("%d runs", i.Runs())
		}
		own.Leave()
	}
	run.Leave()
	if len(*turns) != 1 || i.Runs() != 0 {
		t.Errorf("reported %v, %d runs", *turns, i.Runs())
	}
}

func TestRunsEndInAClosedInstance(t *testing.T) {
	i, turns := reporting()
	run := entered(t, i.Enter(5))
	i.Close()
	if i.Enter(5) != nil || i.EnterOwn(5) != nil {
		t.Error("a closed instance takes a run")
	}
	run.Leave()
	if i.Runs() != 0 || len(*turns) != 0 {
		t.Errorf("%d runs, reported %v", i.Runs(), *turns)
	}
	i.Open()
	entered(t, i.Enter(5)).Leave()
	i.Drain(2)
	if len(*turns) != 1 || (*turns)[0] != 2 {
		t.Errorf("reported %v, want [2]", *turns)
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
		for at := range uint32(4) {
			callers.Go(func() {
				for run := i.Enter(at); run != nil; run = i.Enter(at) {
					inside.Add(1)
					if own := i.EnterOwn(at + 1); own != nil {
						own.Leave()
					} else {
						t.Error("a run of one that is inside was refused")
					}
					inside.Add(-1)
					run.Leave()
				}
			})
		}
		i.Drain(1)
		if n := <-drained; n != 0 {
			t.Fatalf("reported with %d runs inside", n)
		}
		callers.Wait()
		if n := i.Runs(); n != 0 {
			t.Fatalf("%d runs are left", n)
		}
	}
}

// A drain that is taken back and begun anew is reported once for its turn.
func TestEachDrainIsReportedOnceHammer(t *testing.T) {
	const drains = 2000
	var reports [drains + 1]atomic.Int64
	i := NewInstance("a", "m", "1.0.0", "http://h", func(_ *Instance, turn uint64) { reports[turn].Add(1) })
	var over atomic.Bool
	var callers sync.WaitGroup
	for at := range uint32(3) {
		callers.Go(func() {
			for !over.Load() {
				if run := i.Enter(at); run != nil {
					run.Leave()
				}
			}
		})
	}
	for turn := range uint64(drains) {
		i.Drain(turn)
		i.Open()
	}
	i.Drain(drains)
	over.Store(true)
	callers.Wait()
	for turn := range reports {
		if n := reports[turn].Load(); n > 1 || n == 0 && turn == drains {
			t.Errorf("drain %d was reported %d times", turn, n)
		}
	}
	if n := i.Runs(); n != 0 {
		t.Errorf("%d runs are left", n)
	}
}
