// Package modgatetest is a gateway for the tests of modules: it answers the
// control API at once, says what the test tells it to say, and keeps what it
// was told. It decides nothing: no version drains, no lease runs out.
package modgatetest

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/modgate/modgate/hcl/examples/library/modgate"
)

// Announcement is what a module announced.
type Announcement struct {
	Type string
	Seq  int64
}

// Alert is what a module told the administrators.
type Alert struct{ Severity, Summary, Detail string }

// The secrets of this gateway.
const (
	JoinSecret = "join-secret"
	Token      = "instance-token"
)

// Lease is what every registration gets: short, so that tests need not wait.
const Lease = "90ms"

// Gateway is a control listener and a data listener.
type Gateway struct {
	Announcements chan Announcement
	Alerts        chan Alert
	Streams       chan string // Last-Event-ID of each stream of notices that was opened

	control, data *httptest.Server

	mu      sync.Mutex
	epoch   uint64                        // guarded by mu
	phase   string                        // guarded by mu; of the instance
	fenced  bool                          // guarded by mu
	trouble []int                         // guarded by mu; statuses of the next answers of the control API
	decide  func(Announcement) (int, any) // guarded by mu; nil: agree
	serve   http.Handler                  // guarded by mu; the data plane
	event   chan string                   // unbuffered: sent when a stream takes it
}

// New starts a gateway in epoch 1 that ends with the test.
func New(t *testing.T) *Gateway {
	t.Helper()
	g := &Gateway{
		Announcements: make(chan Announcement, 100), Alerts: make(chan Alert, 100), Streams: make(chan string, 100),
		epoch: 1, phase: "starting", event: make(chan string), serve: http.NotFoundHandler(),
	}
	control := http.NewServeMux()
	control.HandleFunc("POST /v1/instances", g.register)
	control.HandleFunc("PUT /v1/instances/{id}/lease", g.renew)
	control.HandleFunc("POST /v1/instances/{id}/announcements", g.announce)
	control.HandleFunc("GET /v1/instances/{id}/notices", g.notices)
	control.HandleFunc("POST /v1/alerts", g.alert)
	g.control = httptest.NewServer(g.guard(control))
	g.data = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		serve := g.serve
		g.mu.Unlock()
		serve.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		g.control.CloseClientConnections() // streams have no end of their own
		g.control.Close()
		g.data.Close()
	})
	return g
}

// Environment is what a process of this gateway is told.
func (g *Gateway) Environment() modgate.Environment {
	return modgate.Environment{Control: g.control.URL, Data: g.data.URL, JoinSecret: JoinSecret}
}

// Register registers an instance named "here".
func (g *Gateway) Register(t *testing.T, r modgate.Registration) *modgate.Instance {
	t.Helper()
	r.Instance = "here"
	in, err := modgate.Register(t.Context(), g.Environment(), r, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// Raise raises the epoch.
func (g *Gateway) Raise(epoch uint64) { g.set(func() { g.epoch = epoch }) }

// Put puts the instance in a phase, as renewals say.
func (g *Gateway) Put(phase string) { g.set(func() { g.phase = phase }) }

// Fence makes the token void.
func (g *Gateway) Fence() { g.set(func() { g.fenced = true }) }

// Trouble makes the next calls of the control API fail with the statuses.
func (g *Gateway) Trouble(statuses ...int) { g.set(func() { g.trouble = statuses }) }

// Decide makes f answer announcements: a status and a body.
func (g *Gateway) Decide(f func(Announcement) (int, any)) { g.set(func() { g.decide = f }) }

// Serve makes h the data plane.
func (g *Gateway) Serve(h http.Handler) { g.set(func() { g.serve = h }) }

func (g *Gateway) set(change func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change()
}

// Tell sends a notice and returns when a stream has it.
func (g *Gateway) Tell(number int, kind modgate.Kind, subject, reason string) {
	g.event <- fmt.Sprintf("id: %d\nevent: dev.modgate.%s.v1\ndata: {\"subject\":%q,\"id\":\"%d\",\"data\":{\"module\":%[3]q,\"reason\":%[5]q}}\n\n",
		number, kind, subject, number, reason)
}

// Synced ends a snapshot.
func (g *Gateway) Synced() { g.event <- "event: synced\ndata: {}\n\n" }

// Break ends the open stream of notices.
func (g *Gateway) Break() { g.event <- "" }

// guard answers with trouble, or checks the bearer.
func (g *Gateway) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		trouble, fenced := 0, g.fenced
		if len(g.trouble) > 0 {
			trouble, g.trouble = g.trouble[0], g.trouble[1:]
		}
		g.mu.Unlock()
		registers := r.URL.Path == "/v1/instances"
		switch bearer := r.Header.Get("Authorization"); {
		case trouble != 0:
			answer(w, trouble, map[string]any{"type": "urn:modgate:trouble", "detail": "as the test wants it"})
		case registers && bearer != "Bearer "+JoinSecret, !registers && bearer != "Bearer "+Token:
			answer(w, http.StatusUnauthorized, map[string]any{"type": "urn:modgate:token-required"})
		case fenced && !registers:
			answer(w, http.StatusConflict, map[string]any{"type": "urn:modgate:fenced"})
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (g *Gateway) register(w http.ResponseWriter, r *http.Request) {
	var reg modgate.Registration
	if err := json.NewDecoder(r.Body).Decode(&reg); err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"type": "urn:modgate:invalid", "detail": err.Error()})
		return
	}
	for i := range reg.Requires {
		reg.Requires[i].State = modgate.StateMet
	}
	g.mu.Lock()
	body := map[string]any{
		"instance": reg.Instance, "token": Token, "epoch": g.epoch, "lease": Lease,
		"state": map[string]string{"phase": g.phase}, "requirements": reg.Requires,
	}
	g.mu.Unlock()
	answer(w, http.StatusCreated, body)
}

func (g *Gateway) renew(w http.ResponseWriter, _ *http.Request) {
	g.mu.Lock()
	body := map[string]any{"epoch": g.epoch, "lease": Lease, "state": map[string]string{"phase": g.phase}}
	g.mu.Unlock()
	answer(w, http.StatusOK, body)
}

func (g *Gateway) announce(w http.ResponseWriter, r *http.Request) {
	var a Announcement
	if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"type": "urn:modgate:invalid", "detail": err.Error()})
		return
	}
	g.mu.Lock()
	decide := g.decide
	g.mu.Unlock()
	if decide == nil {
		// What the test does on hearing of it comes after what follows from it.
		status, body := g.agree(a)
		g.Announcements <- a
		answer(w, status, body)
		return
	}
	g.Announcements <- a // first: decide may wait for what the test does next
	status, body := decide(a)
	answer(w, status, body)
}

// agree grants what is asked for, an UPDATE in the next epoch.
func (g *Gateway) agree(a Announcement) (int, any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	outcome := ""
	switch a.Type {
	case "update":
		g.epoch++
		outcome, g.phase = "granted", "updating"
	case "resume":
		outcome, g.phase = "resumed", "serving"
	case "disconnect":
		outcome, g.phase = "disconnected", "out"
	}
	return http.StatusOK, map[string]any{"outcome": outcome, "epoch": g.epoch, "state": map[string]string{"phase": g.phase}}
}

func (g *Gateway) notices(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	out := http.NewResponseController(w)
	_, err := fmt.Fprint(w, "retry: 1\n\n")
	if err != nil || out.Flush() != nil {
		return
	}
	g.Streams <- r.Header.Get("Last-Event-ID")
	for {
		select {
		case e := <-g.event:
			if e == "" {
				return
			}
			if _, err := fmt.Fprint(w, e); err != nil || out.Flush() != nil {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}

func (g *Gateway) alert(w http.ResponseWriter, r *http.Request) {
	var a Alert
	if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"type": "urn:modgate:invalid", "detail": err.Error()})
		return
	}
	g.Alerts <- a
	w.WriteHeader(http.StatusAccepted)
}

// Away answers on the data plane as a gateway does for a module that is not
// ready: kind is Delay or Missing.
func Away(w http.ResponseWriter, kind modgate.Kind, reason string) {
	if kind == modgate.Delay {
		w.Header().Set("Retry-After", "7")
	}
	answer(w, http.StatusServiceUnavailable, map[string]any{"type": "urn:modgate:" + string(kind), "reason": reason})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a test that has ended needs no answer
}
