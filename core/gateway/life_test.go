package gateway

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
)

func TestAbsenceOfAnHour(t *testing.T) { // A4, A7, L1, L3
	inWorld(t, func(cfg *config.Config) {
		patient(t, cfg)
		cfg.Defaults.TTL, cfg.Defaults.AbsenceMax, cfg.Defaults.TTLBounds.Max = time.Hour, 2*time.Hour, 2*time.Hour
	}, func(w *world) {
		up := w.host("books", saying("a book"))
		books := w.join("books", "1.0.0", up)
		books.say(message.Resume)
		(<-w.ask("/books/1")).wants(w.t, 200, "a book", 0)
		books.say(message.Disconnect)
		early := w.ask("/books/1")
		time.Sleep(59 * time.Minute)
		late := w.ask("/books/1")
		(<-early).wants(w.t, 503, `"urn:modgate:missing"`, time.Hour)
		(<-late).wants(w.t, 503, `"urn:modgate:missing"`, time.Minute)
		books = w.join("books", "1.0.0", up) // a later return still ends it
		books.say(message.Resume)
		(<-w.ask("/books/1")).wants(w.t, 200, "a book", 0)
	})
}

func TestGraceEndsWithTheLastRun(t *testing.T) { // U2: then, not at the next poll
	inWorld(t, minutes(t), func(w *world) {
		old := w.join("books", "1.0.0", w.host("old", taking(3*time.Minute+time.Millisecond, "old")))
		old.say(message.Resume)
		defer old.alive()()
		run := w.ask("/books/1")
		next := w.join("books", "2.0.0", w.host("next", saying("next")))
		defer next.alive()()
		update := next.later(message.Update)
		time.Sleep(time.Minute)
		parked := w.ask("/books/2")
		if a := <-update; a.Outcome != message.Granted || a.after != 3*time.Minute+time.Millisecond {
			w.t.Errorf("the UPDATE was %+v, want granted with the run's end", a)
		}
		(<-run).wants(w.t, 200, "old", 3*time.Minute+time.Millisecond)
		next.say(message.Resume)
		(<-parked).wants(w.t, 200, "next", 2*time.Minute+time.Millisecond)
	})
}

func TestGraceOfMinutesEndsThoughARunGoesOn(t *testing.T) { // U2, U8
	inWorld(t, minutes(t), func(w *world) {
		old := w.join("books", "1.0.0", w.host("old", taking(20*time.Minute, "old")))
		old.say(message.Resume)
		stop := old.alive()
		run := w.ask("/books/1")
		next := w.join("books", "2.0.0", w.host("next", saying("next")))
		defer next.alive()()
		update := next.later(message.Update)
		time.Sleep(3 * time.Minute)
		if status, epoch := old.renew(); status != 200 || epoch == nil || *epoch != 0 {
			w.t.Errorf("within its grace the old version renews with %d %v", status, epoch)
		}
		if a := <-update; a.Outcome != message.Granted || a.after != 4*time.Minute {
			w.t.Errorf("the UPDATE was %+v, want granted at the grace's end", a)
		}
		stop()
		if status, epoch := old.renew(); status != 409 || epoch != nil {
			w.t.Errorf("after its grace the old version renews with %d %v", status, epoch)
		}
		(<-run).wants(w.t, 200, "old", 20*time.Minute) // nobody cuts it off
	})
}

// minutes is a configuration of long graces.
func minutes(t *testing.T) func(*config.Config) {
	return func(cfg *config.Config) {
		patient(t, cfg)
		cfg.Defaults.Grace, cfg.Defaults.UpdateTTL, cfg.Defaults.AbsenceMax = 4*time.Minute, 5*time.Minute, time.Hour
		cfg.Gateway.Timeouts.FirstByte = time.Hour
	}
}

func TestLostLeaseAndReturn(t *testing.T) { // L2, L3
	inWorld(t, func(cfg *config.Config) { cfg.Defaults.Lease = 10 * time.Second }, func(w *world) {
		up := w.host("books", saying("a book"))
		books := w.join("books", "1.0.0", up)
		books.say(message.Resume)
		stop := books.alive()
		time.Sleep(5 * time.Minute)
		(<-w.ask("/books/1")).wants(w.t, 200, "a book", 0)
		stop()
		time.Sleep(10*time.Second + time.Millisecond) // since the last renewal
		parked := w.ask("/books/1")
		synctest.Wait()
		if n, _ := w.parked("books"); n != 1 {
			w.t.Fatalf("%d requests are parked when the lease is over, want 1", n)
		}
		time.Sleep(20 * time.Second)
		books.say(message.Resume)
		(<-parked).wants(w.t, 200, "a book", 20*time.Second)
	})
}

func TestHeldAnnouncementSaysWhatIsLeftWhenItIsAnswered(t *testing.T) { // 3.3
	inWorld(t, minutes(t), func(w *world) {
		old := w.join("books", "1.0.0", w.host("old", taking(20*time.Minute, "old")))
		old.say(message.Resume)
		defer old.alive()()
		run := w.ask("/books/1")
		next := w.join("books", "2.0.0", w.host("next", saying("next")))
		defer next.alive()()
		if a := <-next.laterFor(message.Update, 60); a.status != 202 || time.Duration(a.TTL) != 3*time.Minute || a.after != time.Minute {
			w.t.Errorf("after a minute of a grace of four: %+v", a)
		}
		<-run
	})
}
