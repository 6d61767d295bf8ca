package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/message"
)

// receiver is the webhook of instance a, and what is true to it.
type receiver struct {
	*Post
	t     *testing.T
	start time.Time

	mu       sync.Mutex
	answer   func(id string) int // status, 0 for never; guarded by mu, as below
	requests []*http.Request
	bodies   [][]byte
	attempts []string         // "id at" since the last call of wants
	truth    []message.Notice // by subject
	told     map[string]string
	alerts   []string
}

// receive attaches a webhook that takes everything.
func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t, start: time.Now(), told: map[string]string{}}
	r.answers(func(string) int { return http.StatusNoContent })
	r.Post = Open(Options{
		Transport: r,
		Told:      func(n message.Notice) { r.note(func() { r.told[n.Subject] = n.ID() }) },
		Overdue:   func(w Webhook, cause error) { r.alert("overdue %s: %v", w.Instance, cause) },
		Settled:   func(w Webhook) { r.alert("settled %s", w.Instance) },
	})
	t.Cleanup(r.Close)
	r.Attach(r.webhook())
	r.Deliver(r.owed)
	return r
}

func (r *receiver) webhook() Webhook {
	return Webhook{Instance: "a", Module: "loans", URL: "http://loans.example:9101/_modgate?key=secret", Key: []byte("a key of twenty-four bytes")}
}

// RoundTrip is the network.
func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	var event struct{ ID, Source string }
	if err := json.Unmarshal(body, &event); err != nil {
		return nil, err
	}
	var status int
	r.note(func() {
		r.requests, r.bodies = append(r.requests, req), append(r.bodies, body)
		r.attempts = append(r.attempts, fmt.Sprintf("%s %v", event.ID, time.Since(r.start)))
		status = r.answer(event.ID)
	})
	if status == 0 {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	if status < 0 {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Location": {"http://elsewhere.example/"}}, Body: http.NoBody, Request: req}, nil
}

func (r *receiver) note(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

func (r *receiver) answers(f func(id string) int) { r.note(func() { r.answer = f }) }

func (r *receiver) always(status int) { r.answers(func(string) int { return status }) }

func (r *receiver) alert(format string, args ...any) {
	r.note(func() { r.alerts = append(r.alerts, fmt.Sprintf(format, args...)) })
}

// becomes makes n true, and puts it.
func (r *receiver) becomes(n message.Notice) {
	r.note(func() {
		r.truth = slices.DeleteFunc(r.truth, func(old message.Notice) bool { return old.Subject == n.Subject })
		r.truth = append(r.truth, n)
	})
	r.Put(n)
}

// again makes true of the subject what it was told last.
func (r *receiver) again(subject string) {
	r.note(func() {
		r.truth = slices.DeleteFunc(r.truth, func(n message.Notice) bool { return n.Subject == subject })
	})
}

func (r *receiver) owed(instance string) (owed []message.Notice) {
	if instance != "a" {
		return nil
	}
	r.note(func() {
		for _, n := range r.truth {
			if r.told[n.Subject] != n.ID() {
				owed = append(owed, n)
			}
		}
	})
	return owed
}

// wants compares the attempts since the last call, each "id at".
func (r *receiver) wants(want ...string) {
	r.t.Helper()
	synctest.Wait()
	r.note(func() {
		if got := strings.Join(r.attempts, ", "); got != strings.Join(want, ", ") {
			r.t.Errorf("attempts %s, want %s", got, strings.Join(want, ", "))
		}
		r.attempts = nil
	})
}

func (r *receiver) wantsAlerts(want ...string) {
	r.t.Helper()
	synctest.Wait()
	r.note(func() {
		if !slices.Equal(r.alerts, want) {
			r.t.Errorf("alerts %q, want %q", r.alerts, want)
		}
		r.alerts = nil
	})
}
