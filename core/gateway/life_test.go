package gateway

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
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
		cfg.Defaults.Lease = 5 * time.Minute
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

// The order in which parked requests come to the module after RESUME, read
// from its log: callers take turns, each in its own order, at the rate that
// is configured (A5).
func TestParkedRequestsCallersTakeTurns(t *testing.T) { // A5
	inWorld(t, func(cfg *config.Config) { cfg.Defaults.Release.Rate = 100 }, func(w *world) {
		var order []string
		books := w.join("books", "1.0.0", w.host("books", func(_ http.ResponseWriter, r *http.Request) {
			w.mu.Lock()
			defer w.mu.Unlock()
			order = append(order, r.URL.Path[len("/books/"):])
		}))
		defer books.alive()()
		var waits []<-chan answer
		for _, c := range []struct {
			name string
			n    int
		}{{"many", 200}, {"few", 3}, {"two", 3}} {
			i := w.join(c.name, "1.0.0", "http://nobody:80")
			i.say(message.Resume)
			defer i.alive()()
			for n := range c.n {
				waits = append(waits, w.request("/books/"+c.name+fmt.Sprint(n), "Modgate-Token", i.token))
				time.Sleep(time.Millisecond)
			}
		}
		start := time.Now()
		books.say(message.Resume)
		for _, wait := range waits {
			if a := <-wait; a.status != 200 {
				w.t.Errorf("answered %d %s", a.status, a.body)
			}
		}
		if got, want := strings.Join(order[:12], " "), "many0 few0 two0 many1 few1 two1 many2 few2 two2 many3 many4 many5"; got != want {
			w.t.Errorf("the first requests were %s, want %s", got, want)
		}
		for n, id := range order[9:] {
			if want := fmt.Sprint("many", n+3); id != want {
				w.t.Fatalf("request %d was %s, want %s", n+9, id, want)
			}
		}
		if took := time.Since(start); took != 205*10*time.Millisecond {
			w.t.Errorf("206 requests took %v at 100 a second, want 2.05s", took)
		}
	})
}

// crash kills the gateway and starts another on what it had saved. What it had
// in memory goes on in the background, as a partition would have it.
func (w *world) crash() (buried func()) {
	w.t.Helper()
	dir := w.t.TempDir()
	for _, name := range []string{"modgate.db", adminTokenFile} {
		b, err := os.ReadFile(filepath.Join(w.cfg.Gateway.DataDir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), b, 0o600)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	former := w.running
	cfg := *w.cfg
	cfg.Gateway.DataDir = dir
	w.cfg = &cfg
	w.open(w.t)
	return former.close
}

// The grace of an UPDATE goes on over a crash and ends when it would have,
// though the run that it is for ends early: nobody counts it any more (G6).
func TestGraceEndsWhenItWouldHaveThoughTheGatewayCrashed(t *testing.T) { // G1, G6, U2
	inWorld(t, minutes(t), func(w *world) {
		old := w.join("books", "1.0.0", w.host("old", taking(2*time.Minute, "old")))
		old.say(message.Resume)
		run := w.ask("/books/1")
		next := w.join("books", "2.0.0", w.host("next", saying("next")))
		first := next.laterFor(message.Update, 20)
		time.Sleep(time.Minute)
		<-first
		bury := w.crash()
		old.r, next.r = w.running, w.running
		defer old.alive()()
		defer next.alive()()
		(<-run).wants(w.t, 200, "old", 2*time.Minute)
		bury()
		next.seq-- // it says it again (U7)
		if a := <-next.later(message.Update); a.Outcome != message.Granted {
			w.t.Errorf("the UPDATE: %+v", a)
		}
		if passed := time.Since(w.began); passed != 4*time.Minute {
			w.t.Errorf("granted after %v, want at the grace's end, 4m", passed)
		}
		parked := w.ask("/books/2")
		bury = w.crash()
		next.r, old.r = w.running, w.running
		if _, epoch := next.renew(); epoch == nil || *epoch != 1 {
			w.t.Errorf("after the second crash the holder's epoch is %v, want 1", epoch)
		}
		again := w.ask("/books/3")
		next.say(message.Resume)
		(<-again).wants(w.t, 200, "next", 0)
		bury() // its parked request is answered DELAY
		if a := <-parked; a.status != 503 {
			w.t.Errorf("the request that was parked at the crash got %d", a.status)
		}
	})
}
