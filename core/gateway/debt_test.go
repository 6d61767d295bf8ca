package gateway

import (
	"bufio"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// An instance that is owed a notice and hears of none is an incident until it
// opens a stream (N1, G5).
func TestWhoOpensNoStreamIsAnIncidentUntilItDoes(t *testing.T) { // N1, G5
	long := func(cfg *config.Config) { cfg.Defaults.Lease, cfg.Defaults.LeaseBounds.Max = time.Hour, time.Hour }
	inWorld(t, long, func(w *world) {
		books := w.join("books", "1.0.0", w.host("books", saying("a book")))
		books.say(message.Resume)
		loans := w.join("loans", "1.0.0", w.host("loans", saying("a loan")), module.Requirement{ID: "books", Range: "1"})
		loans.say(message.Resume)
		began := time.Now()
		books.say(message.Update) // and is never done
		time.Sleep(15*time.Minute - time.Second - time.Since(began))
		if keys := w.incidents("notices/"); keys != nil {
			w.t.Errorf("before 15 minutes are over: %v", keys)
		}
		time.Sleep(2 * time.Second)
		if keys := w.incidents("notices/"); !slices.Equal(keys, []string{"notices/loans-1.0.0"}) {
			w.t.Errorf("after 15 minutes: %v, want one about loans", keys)
		}
		loans.hearUntilSynced()
		if keys := w.incidents("notices/"); keys != nil {
			w.t.Errorf("once it opened a stream: %v", keys)
		}
	})
}

// hearUntilSynced opens a stream of notices and reads its snapshot.
func (i *instance) hearUntilSynced() {
	i.r.t.Helper()
	c := i.r.caller.as(i.token)
	req, err := http.NewRequest("GET", "http://"+c.control+"/v1/instances/"+i.id+"/notices", http.NoBody)
	if err != nil {
		i.r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+i.token)
	resp, err := c.client.Do(req)
	if err != nil {
		i.r.t.Fatal(err)
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if strings.TrimPrefix(lines.Text(), "event: ") == "synced" {
			synctest.Wait()
			return
		}
	}
	i.r.t.Fatal("the stream ended before its snapshot did")
}
