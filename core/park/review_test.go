package park

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestReviewWakesWhoMayNotStay: the others keep their places, and who parks
// by an older edition afterwards looks again. (A3)
func TestReviewWakesWhoMayNotStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRoom(Limits{})
		woken := make(chan string, 4)
		wait := func(name string, edition uint64, stays func() bool) {
			go func() {
				if _, err := r.Wait(Request{Module: "m", Turn: 1, Edition: edition, Stays: stays}, time.Now().Add(time.Minute), nil); err != nil {
					name += " " + err.Error()
				}
				woken <- name
			}()
			synctest.Wait()
		}
		patient := true
		wait("stays", 1, func() bool { return patient })
		wait("goes", 1, func() bool { return false })
		wait("has no say", 1, nil)
		wait("knows better", 2, func() bool { return false })
		r.Review("m", 2)
		synctest.Wait()
		if got := <-woken; got != "goes" || len(woken) != 0 || r.Parked("m").Parked != 3 {
			t.Fatalf("woken: %s and %d more; parked %+v", got, len(woken), r.Parked("m"))
		}
		r.Review("other", 3)
		wait("late", 1, func() bool { return true })
		if got := <-woken; got != "late" {
			t.Errorf("woken: %s, want who comes late", got)
		}
		patient = false
		r.Review("m", 3)
		got := map[string]bool{<-woken: true, <-woken: true}
		if !got["stays"] || !got["knows better"] {
			t.Errorf("woken: %v", got)
		}
		time.Sleep(time.Minute)
		if got := <-woken; got != "has no say "+ErrExpired.Error() {
			t.Errorf("woken: %s", got)
		}
		if p, b := r.Total(); p != 0 || b != 0 {
			t.Errorf("left behind: %d, %d bytes", p, b)
		}
	})
}

// TestReviewLosesToRelease: who is released while he is asked about is woken
// once.
func TestReviewLosesToRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRoom(Limits{})
		done := make(chan error, 1)
		go func() {
			_, err := r.Wait(Request{Module: "m", Turn: 1, Edition: 1, Stays: func() bool {
				r.Release("m", 2, 0)
				return false
			}}, time.Now().Add(time.Minute), nil)
			done <- err
		}()
		synctest.Wait()
		r.Review("m", 2)
		if err := <-done; err != nil && !errors.Is(err, ErrExpired) {
			t.Error(err)
		}
		if p, _ := r.Total(); p != 0 {
			t.Errorf("%d parked", p)
		}
	})
}

// TestRecallLetsAllLookAgain: some routes of the module lead elsewhere now.
// Who parks by an older edition afterwards looks again, too; who has seen the
// newer one waits, and a ramp goes on. (V10)
func TestRecallLetsAllLookAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRoom(Limits{})
		woken := make(chan string, 8)
		wait := func(name string, edition uint64) {
			go func() {
				if _, err := r.Wait(Request{Module: "m", Turn: 1, Edition: edition}, time.Now().Add(time.Minute), nil); err != nil {
					name += " " + err.Error()
				}
				woken <- name
			}()
			synctest.Wait()
		}
		wait("first", 1)
		wait("second", 1)
		r.Recall("m", 2)
		if got := [...]string{<-woken, <-woken}; got != [...]string{"first", "second"} && got != [...]string{"second", "first"} {
			t.Errorf("woken: %v", got)
		}
		wait("late", 1)
		if got := <-woken; got != "late" {
			t.Errorf("woken: %s, want who comes late", got)
		}
		wait("knows better", 2)
		r.Recall("other", 3)
		r.Recall("m", 1)
		wait("by a recall before", 1)
		synctest.Wait()
		if got := r.Parked("m").Parked; got != 0 || len(woken) != 2 {
			t.Errorf("%d parked, %d woken; want both woken", got, len(woken))
		}
		if p, b := r.Total(); p != 0 || b != 0 {
			t.Errorf("left behind: %d, %d bytes", p, b)
		}
	})
}
