package gateway

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// Whatever a version tries that was dropped and goes on: its token opens
// nothing, and where callers must be identified it gets in without one neither
// (U8, I1).
func TestHostileOldVersionIsRefusedEverywhere(t *testing.T) { // U8, I1
	inWorld(t, func(cfg *config.Config) {
		ledger := config.DefaultModule("ledger", cfg.Defaults)
		ledger.Callers = config.Identified
		cfg.Modules = []config.Module{ledger}
	}, func(w *world) {
		for _, name := range []string{"ledger", "films"} {
			i := w.join(name, "1.0.0", w.host(name, saying(name)))
			i.say(message.Resume)
			defer i.alive()()
		}
		old := w.join("books", "1.0.0", w.host("old", saying("old")))
		old.say(message.Resume)
		(<-w.ask("/ledger/1", "Modgate-Token", old.token)).wants(w.t, 200, "ledger", 0)
		next := w.join("books", "2.0.0", w.host("next", saying("next")))
		defer next.alive()()
		next.say(message.Update)

		hostile := func(token, when string) {
			w.t.Helper()
			for _, path := range []string{"/books/1", "/films/1", "/ledger/1"} {
				a := <-w.ask(path, "Modgate-Token", token)
				if a.status != 503 || !strings.Contains(a.body, `"urn:modgate:missing"`) || !strings.Contains(a.body, `"fenced"`) {
					w.t.Errorf("%s, %s with its token: %d %s", when, path, a.status, a.body)
				}
			}
			by := w.caller.as(token)
			for path, body := range map[string]any{
				"PUT /v1/instances/books-1.0.0/lease":          nil,
				"POST /v1/instances/books-1.0.0/announcements": message.Announcement{Type: message.Update, Seq: 100},
				"POST /v1/alerts":                              map[string]string{"severity": "info", "summary": "trust me"},
			} {
				method, path, _ := strings.Cut(path, " ")
				var p message.Problem
				if status, err := by.call(method, path, body, &p); err != nil || status != 409 || p.Type != message.ProblemFenced {
					w.t.Errorf("%s, %s %s: %d %v %v", when, method, path, status, p.Type, err)
				}
			}
			for _, v := range []message.Verb{message.Resume, message.Update} {
				if status, err := by.call("POST", "/v1/instances/books-1.0.0/announcements", message.Announcement{Type: v, Seq: 200}, nil); err != nil || status != 409 {
					w.t.Errorf("%s, %v: %d %v", when, v, status, err)
				}
			}
			if status, err := by.call("GET", "/v1/admin/modules", nil, nil); err != nil || status != 401 {
				w.t.Errorf("%s, as an administrator: %d %v", when, status, err)
			}
		}
		hostile(old.token, "while the next version updates")
		next.say(message.Resume)
		hostile(old.token, "after that")
		anew := w.join("books", "1.0.0", w.host("old", saying("old")))
		hostile(anew.token, "registered anew")
		for token, want := range map[string]int{"": 401, "made-up": 503} {
			headers := []string{"Modgate-Token", token}
			if token == "" {
				headers = nil
			}
			if a := <-w.ask("/ledger/1", headers...); a.status != want {
				w.t.Errorf("ledger with the token %q: %d, want %d", token, a.status, want)
			}
		}
		(<-w.ask("/books/1")).wants(w.t, 200, "next", 0)
	})
}

// A sibling that registers while the holder updates must not be handed the
// grant's own epoch: its writes would pass the fence (U8).
func TestEpochIsHandedOnlyToWhoMayWrite(t *testing.T) { // U8, U9
	inWorld(t, nil, func(w *world) {
		register := func(id string) (out message.Registered) {
			status, err := w.caller.call("POST", "/v1/instances", message.Registration{
				Module: "books", Version: module.MustVersion("1.0.0"), Instance: id, Upstream: "http://nobody:80",
			}, &out)
			if err != nil || status != 201 {
				w.t.Fatalf("register %s: %d %v", id, status, err)
			}
			return out
		}
		holder := &instance{r: w.running, id: "a", token: register("a").Token}
		holder.say(message.Update)
		if r := register("b"); r.Epoch != nil {
			w.t.Errorf("the sibling was handed epoch %d", *r.Epoch)
		}
		if r := register("a"); r.Epoch == nil || *r.Epoch != 2 { // the holder's heir (U10)
			w.t.Errorf("the heir was handed epoch %v, want 2", r.Epoch)
		}
	})
}

// epochs answers with the epoch that came with the request.
func epochs(w http.ResponseWriter, r *http.Request) {
	io.WriteString(w, fmt.Sprint("epoch ", strings.Join(r.Header.Values("Modgate-Epoch"), ",")))
}

func TestEveryRequestBearsTheEpoch(t *testing.T) { // U8
	inWorld(t, nil, func(w *world) {
		old := w.join("books", "1.0.0", w.host("old", epochs))
		old.say(message.Resume)
		(<-w.ask("/books/1", "Modgate-Epoch", "99")).wants(w.t, 200, "epoch 0", 0)
		next := w.join("books", "2.0.0", w.host("next", epochs))
		next.say(message.Update)
		(<-w.ask("/books/1", "Modgate-Token", next.token)).wants(w.t, 200, "epoch 1", 0)
		next.say(message.Resume)
		(<-w.ask("/books/1")).wants(w.t, 200, "epoch 1", 0)
		third := w.join("books", "2.1.0", w.host("third", epochs))
		third.say(message.Resume) // a takeover: 2.0.0 is dropped in a new epoch
		synctest.Wait()
		(<-w.ask("/books/1")).wants(w.t, 200, "epoch 2", 0)
	})
}

// calling asks path on behalf of who, as a module does: with its token and,
// if it passes it on, the run of the request that it serves.
func (w *world) calling(who **instance, path string, passes bool) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		headers := []string{"Modgate-Token", (*who).token}
		if passes {
			headers = append(headers, "Modgate-Run", r.Header.Get("Modgate-Run"))
		}
		a := <-w.request(path, headers...)
		rw.WriteHeader(a.status)
		io.WriteString(rw, a.body)
	}
}

// Books 1.0.0 serves a request for which loans asks it in turn; meanwhile 2.0.0
// says UPDATE. Passed on, the run finds its way to 1.0.0, which can finish.
// Otherwise both wait for each other until the grace is over (U11, U2).
func TestUpdateThatWouldWaitForItself(t *testing.T) { // U11
	for passes, granted := range map[bool]time.Duration{true: time.Second, false: 4 * time.Minute} {
		t.Run(fmt.Sprintf("passed on %v", passes), func(t *testing.T) {
			inWorld(t, minutes(t), func(w *world) {
				var old, loans *instance
				onwards := w.calling(&old, "/loans/of", true)
				old = w.join("books", "1.0.0", w.host("old", func(rw http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/books/price" {
						io.WriteString(rw, "7 of 1.0.0")
						return
					}
					time.Sleep(time.Second)
					onwards(rw, r)
				}))
				old.say(message.Resume)
				defer old.alive()()
				loans = w.join("loans", "1.0.0", w.host("loans", w.calling(&loans, "/books/price", passes)))
				loans.say(message.Resume)
				defer loans.alive()()
				next := w.join("books", "2.0.0", w.host("next", saying("7 of 2.0.0")))
				defer next.alive()()

				run := w.ask("/books/1")
				update := next.later(message.Update)
				if a := <-update; a.Outcome != message.Granted || a.after != granted {
					w.t.Errorf("the UPDATE: %+v, want it granted after %v", a, granted)
				}
				next.say(message.Resume)
				if passes {
					(<-run).wants(w.t, 200, "7 of 1.0.0", granted)
				} else {
					(<-run).wants(w.t, 503, `"urn:modgate:delay"`, granted)
				}
			})
		})
	}
}

// A holder asks another module, which asks it in turn (U3, U11).
func TestRunOfAHolderComesBackToIt(t *testing.T) { // U11, U3
	inWorld(t, nil, func(w *world) {
		var books, loans *instance
		books = w.join("books", "1.0.0", w.host("books", saying("a price")))
		defer books.alive()()
		loans = w.join("loans", "1.0.0", w.host("loans", w.calling(&loans, "/books/price", true)))
		loans.say(message.Resume)
		defer loans.alive()()
		books.say(message.Update)
		(<-w.ask("/loans/1", "Modgate-Token", books.token)).wants(w.t, 200, "a price", 0)
		parked := w.ask("/books/1")
		time.Sleep(time.Second)
		books.say(message.Resume)
		(<-parked).wants(w.t, 200, "a price", time.Second)
	})
}

// incidents returns the keys of open alerts that begin with prefix.
func (w *world) incidents(prefix string) (keys []string) {
	w.t.Helper()
	var out struct {
		Incidents []struct {
			Key string `json:"key"`
		} `json:"incidents"`
	}
	if status, err := w.admin.call("GET", "/v1/admin/alerts", nil, &out); err != nil || status != 200 {
		w.t.Fatalf("alerts: %d %v", status, err)
	}
	for _, i := range out.Incidents {
		if strings.HasPrefix(i.Key, prefix) {
			keys = append(keys, i.Key)
		}
	}
	return keys
}

// Two holders that ask each other's modules: the second one is not parked.
// One alert, until the circle is open (U11, G5).
func TestCircleOfHoldersIsAnsweredDelay(t *testing.T) { // U11, G5
	inWorld(t, nil, func(w *world) {
		books := w.join("books", "1.0.0", w.host("books", saying("books")))
		defer books.alive()()
		loans := w.join("loans", "1.0.0", w.host("loans", saying("loans")), module.Requirement{ID: "books", Range: "1"})
		defer loans.alive()()
		books.say(message.Update)
		loans.say(message.Update)
		parked := w.ask("/loans/1", "Modgate-Token", books.token)
		for range 3 {
			a := <-w.ask("/books/1", "Modgate-Token", loans.token)
			a.wants(w.t, 503, `"cycle"`, 0)
			if !strings.Contains(a.header.Get("Modgate-Status"), "reason=cycle") || a.header.Get("Retry-After") == "" {
				w.t.Errorf("headers %v", a.header)
			}
		}
		if got := w.incidents("cycle/"); len(got) != 1 {
			w.t.Errorf("open alerts %v, want one", got)
		}
		loans.say(message.Resume)
		(<-parked).wants(w.t, 200, "loans", 0)
		books.say(message.Resume)
		if got := w.incidents("cycle/"); len(got) != 0 {
			w.t.Errorf("open alerts %v, want none once books is back", got)
		}
	})
}
