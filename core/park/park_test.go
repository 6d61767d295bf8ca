package park

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func caller(s string) Caller { return Caller{Instance: s} }

// parked starts a Wait for a minute and returns once it stands in its line.
func parked(t *testing.T, r *Room, q Request) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := r.Wait(q, time.Now().Add(time.Minute), nil)
		done <- err
	}()
	synctest.Wait()
	return done
}

func TestReleaseBeforeParkingIsNotLost(t *testing.T) {
	// The interleaving of architecture.md 4: the request reads turn 4, the
	// module resumes and is released at turn 5, then the request parks.
	synctest.Test(t, func(t *testing.T) {
		r := NewRoom(Limits{})
		seen := uint64(4)
		r.Release("m", 5, 0)
		start := time.Now()
		if _, err := r.Wait(Request{Module: "m", Turn: seen}, start.Add(time.Hour), nil); err != nil {
			t.Errorf("Wait after the release of a later turn: %v, want nil", err)
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("waited %v, want to return at once", d)
		}
	})
}

func TestReleaseOfTheTurnSeenWasBeforeTheLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRoom(Limits{})
		r.Release("m", 5, 0)
		done := parked(t, r, Request{Module: "m", Turn: 5})
		if got := r.Parked("m").Parked; got != 1 {
			t.Fatalf("parked = %d, want 1: nothing was released since the look", got)
		}
		r.Release("m", 6, 0)
		if err := <-done; err != nil {
			t.Errorf("Wait = %v, want nil", err)
		}
	})
}

func TestReleaseWakesOnlyItsModule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRoom(Limits{})
		a := parked(t, r, Request{Module: "a"})
		b := parked(t, r, Request{Module: "b"})
		r.Release("a", 1, 0)
		if err := <-a; err != nil {
			t.Errorf("a: %v, want nil", err)
		}
		synctest.Wait()
		if n := len(b); n != 0 {
			t.Error("b was woken with a")
		}
		r.Release("b", 1, 0)
		<-b
	})
}

func TestParkedRequestsCallersTakeTurns(t *testing.T) {
	// A5: first come first served within a caller, round robin among callers.
	var q queue
	for _, s := range []string{"a1", "a2", "a3", "b1", "c1", "c2"} {
		q.push(&waiter{Request: Request{Holder: s, Caller: caller(s[:1])}})
	}
	var got []string
	for w := q.pop(); w != nil; w = q.pop() {
		got = append(got, w.Holder)
	}
	if want := []string{"a1", "b1", "c1", "a2", "c2", "a3"}; !slices.Equal(got, want) {
		t.Errorf("order = %v, want %v", got, want)
	}
}

func TestRoomIsBounded(t *testing.T) {
	// A6: per module, per caller, and in bytes.
	for _, c := range []struct {
		name   string
		limits Limits
		second Request
	}{
		{"module", Limits{PerModule: 1}, Request{Module: "m", Caller: caller("b")}},
		{"module by its own bound", Limits{Modules: map[string]Bounds{"m": {1, 1}}}, Request{Module: "m", Caller: caller("b")}},
		{"module by the bound of all, which is narrower", Limits{PerModule: 1, Modules: map[string]Bounds{"m": {5, 5}}}, Request{Module: "m", Caller: caller("b")}},
		{"caller of a module", Limits{Modules: map[string]Bounds{"m": {5, 1}}}, Request{Module: "m", Caller: caller("a")}},
		{"caller", Limits{PerCaller: 1}, Request{Module: "n", Caller: caller("a")}},
		{"bytes", Limits{Bytes: 150}, Request{Module: "n", Caller: caller("b"), Bytes: 100}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := NewRoom(c.limits)
				first := parked(t, r, Request{Module: "m", Caller: caller("a"), Bytes: 100})
				if _, err := r.Wait(c.second, time.Now().Add(time.Minute), nil); !errors.Is(err, ErrFull) {
					t.Errorf("second Wait = %v, want ErrFull", err)
				}
				r.Release("m", 1, 0)
				<-first
				c.second.Turn = 1
				second := parked(t, r, c.second)
				if n, _ := r.Total(); n != 1 {
					t.Errorf("parked = %d after the place was given back, want 1", n)
				}
				r.Release(c.second.Module, 2, 0)
				if err := <-second; err != nil {
					t.Errorf("Wait = %v, want nil", err)
				}
			})
		})
	}
}

func TestModulesBoundIsItsOwn(t *testing.T) {
	// A6: whoever waits for another module, or has gone up the ramp, counts as before.
	synctest.Test(t, func(t *testing.T) {
		r := NewRoom(Limits{Modules: map[string]Bounds{"m": {3, 2}, "shut": {}}})
		full := func(q Request) bool {
			_, err := r.Wait(q, time.Now().Add(time.Nanosecond), nil)
			return errors.Is(err, ErrFull)
		}
		a := Request{Module: "m", Caller: caller("a")}
		waits := []<-chan error{parked(t, r, a), parked(t, r, Request{Module: "n", Caller: caller("a")}), parked(t, r, a)}
		if !full(a) || full(Request{Module: "m", Caller: caller("b")}) || full(Request{Module: "n", Caller: caller("a")}) || !full(Request{Module: "shut", Caller: caller("b")}) {
			t.Error("want no room for a third request of a's to m, nor for any to shut, and room for others")
		}
		if count, limit := r.Waiting("m"); count != 2 || limit != 3 {
			t.Errorf("%d of %d wait, want 2 of 3", count, limit)
		}
		if _, limit := r.Waiting("shut"); limit != 0 {
			t.Errorf("room for %d where there is none", limit)
		}
		r.Limit(Limits{Modules: map[string]Bounds{"m": {3, 3}}})
		waits = append(waits, parked(t, r, a))
		if !full(Request{Module: "m", Caller: caller("b")}) {
			t.Error("a fourth request is parked where there is room for three")
		}
		r.Limit(Limits{Modules: map[string]Bounds{"m": {1, 1}}})
		if count, limit := r.Waiting("m"); count != 3 || limit != 1 {
			t.Errorf("%d of %d wait after the bound was lowered, want 3 of 1", count, limit)
		}
		r.Release("m", 1, 0)
		r.Release("n", 1, 0)
		for _, done := range waits {
			if err := <-done; err != nil {
				t.Errorf("Wait = %v, want nil", err)
			}
		}
	})
}

func TestDefaultBounds(t *testing.T) {
	want := Limits{PerModule: 10_000, PerCaller: 1_000, Bytes: 64 << 20}
	if got := NewRoom(Limits{}).limits; !reflect.DeepEqual(got, want) {
		t.Errorf("limits = %+v, want those of lifecycle.md 3.5, %+v", got, want)
	}
}

func TestDeadlineEndsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRoom(Limits{})
		start := time.Now()
		_, err := r.Wait(Request{Module: "m", Bytes: 7}, start.Add(3*time.Second), nil)
		if !errors.Is(err, ErrExpired) || time.Since(start) != 3*time.Second {
			t.Errorf("Wait = %v after %v, want ErrExpired after 3s", err, time.Since(start))
		}
		if n, b := r.Total(); n != 0 || b != 0 {
			t.Errorf("left behind %d requests, %d bytes", n, b)
		}
		if _, err := r.Wait(Request{Module: "m"}, time.Now(), nil); !errors.Is(err, ErrExpired) {
			t.Errorf("Wait until now = %v, want ErrExpired", err)
		}
	})
}

func TestLeavingClientFreesItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRoom(Limits{PerModule: 1})
		left := make(chan struct{})
		done := make(chan error, 1)
		go func() {
			_, err := r.Wait(Request{Module: "m"}, time.Now().Add(time.Hour), left)
			done <- err
		}()
		synctest.Wait()
		close(left)
		if err := <-done; !errors.Is(err, ErrLeft) {
			t.Errorf("Wait = %v, want ErrLeft", err)
		}
		if n := r.Parked("m").Parked; n != 0 {
			t.Errorf("parked = %d, want 0", n)
		}
	})
}

func TestCloseAnswersEveryone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRoom(Limits{})
		done := parked(t, r, Request{Module: "m"})
		r.Close()
		r.Close()
		if err := <-done; !errors.Is(err, ErrClosed) {
			t.Errorf("Wait = %v, want ErrClosed", err)
		}
		if _, err := r.Wait(Request{Module: "m"}, time.Now().Add(time.Hour), nil); !errors.Is(err, ErrClosed) {
			t.Errorf("Wait after Close = %v, want ErrClosed", err)
		}
	})
}

func TestCircleOfHoldersIsNotParked(t *testing.T) {
	// U11: a's holder waits for b, b's for c; c's would wait for a.
	synctest.Test(t, func(t *testing.T) {
		r := NewRoom(Limits{})
		ab := parked(t, r, Request{Module: "b", Holder: "a"})
		bc := parked(t, r, Request{Module: "c", Holder: "b"})
		ca := Request{Module: "a", Holder: "c"}
		if _, err := r.Wait(ca, time.Now().Add(time.Minute), nil); !errors.Is(err, ErrCycle) {
			t.Errorf("c waits for a: %v, want ErrCycle", err)
		}
		plain := parked(t, r, Request{Module: "a"})
		if n := r.Parked("a").Parked; n != 1 {
			t.Errorf("parked at a = %d, want 1: who holds nothing closes no circle", n)
		}
		r.Release("b", 1, 0)
		<-ab
		open := parked(t, r, ca)
		if n := r.Parked("a").Parked; n != 2 {
			t.Errorf("parked at a = %d, want 2: the circle is open", n)
		}
		r.Release("a", 1, 0)
		r.Release("c", 1, 0)
		for _, done := range []<-chan error{bc, plain, open} {
			if err := <-done; err != nil {
				t.Errorf("Wait = %v, want nil", err)
			}
		}
		if len(r.edges) != 0 {
			t.Errorf("edges left behind: %v", r.edges)
		}
	})
}

func TestParkedCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRoom(Limits{})
		if got := r.Parked("m"); got != (Counts{}) {
			t.Errorf("of an unknown module: %+v, want nothing", got)
		}
		a := parked(t, r, Request{Module: "m", Caller: caller("a")})
		time.Sleep(2 * time.Second)
		b := parked(t, r, Request{Module: "m", Caller: caller("b")})
		time.Sleep(time.Second)
		if got, want := r.Parked("m"), (Counts{Parked: 2, Callers: 2, Longest: 3 * time.Second}); got != want {
			t.Errorf("Parked = %+v, want %+v", got, want)
		}
		r.Release("m", 1, 0)
		<-a
		<-b
	})
}

func TestHammer(t *testing.T) {
	// Everything at once; nobody is lost, nothing is left behind.
	r := NewRoom(Limits{PerModule: 50, PerCaller: 40, Bytes: 4000})
	var turn atomic.Uint64
	stop := make(chan struct{})
	var releases, waits sync.WaitGroup
	releases.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				r.Release(fmt.Sprint("m", rand.IntN(3)), turn.Add(1), rand.IntN(2)*100_000)
			}
		}
	})
	for i := range 64 {
		waits.Go(func() {
			for range 500 {
				left := make(chan struct{})
				if rand.IntN(4) == 0 {
					close(left)
				}
				q := Request{
					Module: fmt.Sprint("m", rand.IntN(3)), Turn: turn.Load(), Caller: caller(fmt.Sprint(i % 5)),
					Holder: []string{"", "m0", "m1"}[rand.IntN(3)], Bytes: int64(rand.IntN(100)),
				}
				pass, _ := r.Wait(q, time.Now().Add(time.Duration(rand.IntN(2000))*time.Microsecond), left)
				pass.Done(Outcome(rand.IntN(3)))
			}
		})
	}
	waits.Wait()
	close(stop)
	releases.Wait()
	if n, b := r.Total(); n != 0 || b != 0 || len(r.calls) != 0 || len(r.edges) != 0 {
		t.Errorf("left behind: %d requests, %d bytes, callers %v, edges %v", n, b, r.calls, r.edges)
	}
	for name, l := range r.lots {
		if l.waiting.turns != nil || l.going.turns != nil || l.callers() != 0 {
			t.Errorf("%s: lines left behind", name)
		}
	}
}

func BenchmarkParkAndRelease(b *testing.B) {
	// The bookkeeping alone: without the goroutine that sleeps meanwhile.
	r := NewRoom(Limits{})
	q := Request{Module: "m", Caller: caller("a")}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.enter(q); err != nil {
			b.Fatal(err)
		}
		q.Turn++
		r.Release("m", q.Turn, 0)
	}
}
