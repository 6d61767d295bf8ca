package notify

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modgate/modgate/core/message"
)

// Over sockets, while streams come and go: the turns of a subject are told in
// their order, whichever way, and the last is told.
func TestHammerWebhook(t *testing.T) {
	var requests atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1) == 1 {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	defer s.Close()

	const subjects, turns = 4, 300
	var mu sync.Mutex
	truth, told := map[string]message.Notice{}, map[string]uint64{}
	owed := func(string) (owed []message.Notice) {
		mu.Lock()
		defer mu.Unlock()
		for subject, n := range truth {
			if told[subject] < n.Turn {
				owed = append(owed, n)
			}
		}
		return owed
	}
	p := Open(Options{Told: func(n message.Notice) {
		mu.Lock()
		defer mu.Unlock()
		if told[n.Subject] > n.Turn {
			t.Errorf("%s was told turn %d after %d", n.Subject, n.Turn, told[n.Subject])
		}
		told[n.Subject] = n.Turn
	}})
	defer p.Close()
	p.Attach(Webhook{Instance: "a", URL: s.URL})
	p.Deliver(owed)

	becomes := func(n message.Notice) {
		mu.Lock()
		truth[n.Subject] = n
		mu.Unlock()
		p.Put(n)
	}
	var all sync.WaitGroup
	for i := range subjects {
		all.Go(func() {
			for turn := range uint64(turns) {
				becomes(about(fmt.Sprint("s", i), notice(delay, turn+1)))
			}
		})
	}
	all.Go(func() {
		for range 20 {
			connectionBreaks(listen(t, p, "", owed("a")...))
		}
	})
	all.Wait()
	for i := range subjects { // no stream is there to take these
		becomes(about(fmt.Sprint("s", i), notice(resume, turns+1)))
	}
	for end := time.Now().Add(20 * time.Second); len(owed("a")) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still owed: %v", owed("a"))
		}
	}
	if requests.Load() < 2 {
		t.Error("the webhook was not tried again")
	}
}
