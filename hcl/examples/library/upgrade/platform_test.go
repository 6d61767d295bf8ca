package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// platform is gateway and library in one, in memory. It takes its time, so
// that a bubble's clock moves.
type platform struct {
	lose, double, refuse bool // what is wrong with it

	mu      sync.Mutex
	books   []map[string]any // guarded by mu
	loans   []map[string]any // guarded by mu
	state   state            // guarded by mu
	started []string         // processes; guarded by mu
	resumed chan struct{}    // closed while the catalogue is ready; guarded by mu
}

func newPlatform() *platform {
	p := &platform{state: state{State: "ready", Serving: "1.4.0"}, resumed: make(chan struct{})}
	close(p.resumed)
	return p
}

// RoundTrip answers without a network.
func (p *platform) RoundTrip(r *http.Request) (*http.Response, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/admin/modules/catalogue", func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		write(w, http.StatusOK, p.state)
	})
	mux.HandleFunc("POST /v1/admin/processes/{name}/start", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.started = append(p.started, r.PathValue("name"))
		p.mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
		go p.upgrade()
	})
	mux.HandleFunc("GET /catalogue/books", p.list)
	mux.HandleFunc("POST /catalogue/books", p.parked(p.add))
	mux.HandleFunc("GET /catalogue/books/{id}", p.parked(p.get))
	mux.HandleFunc("POST /loans", p.lend)
	mux.HandleFunc("GET /loans", func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		write(w, http.StatusOK, map[string]any{"loans": p.loans})
	})
	w := httptest.NewRecorder()
	time.Sleep(time.Millisecond)
	mux.ServeHTTP(w, r)
	return w.Result(), nil
}

// upgrade takes a second to be granted and two to restructure.
func (p *platform) upgrade() {
	p.mu.Lock()
	p.state, p.resumed = state{State: "delayed", Reason: "waiting", Serving: "1.4.0"}, make(chan struct{})
	resumed := p.resumed
	p.mu.Unlock()
	time.Sleep(time.Second)
	p.mu.Lock()
	p.state = state{State: "delayed", Reason: "updating"}
	p.mu.Unlock()
	time.Sleep(2 * time.Second)
	p.mu.Lock()
	p.state = state{State: "ready", Serving: "2.0.0"}
	p.mu.Unlock()
	close(resumed)
}

// parked holds requests while the catalogue is away.
func (p *platform) parked(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		resumed := p.resumed
		p.mu.Unlock()
		select {
		case <-resumed:
		default:
			if p.refuse {
				write(w, http.StatusServiceUnavailable, map[string]string{"type": "urn:modgate:delay"})
				return
			}
			<-resumed
			w.Header().Set("Modgate-Status", "resume;module=catalogue;waited=1")
		}
		next(w, r)
	}
}

func (p *platform) add(w http.ResponseWriter, r *http.Request) {
	var b map[string]any
	text, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(text, &b) != nil {
		write(w, http.StatusBadRequest, nil)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.books) + 1
	b["id"], b["change"] = fmt.Sprintf("b%d", n), n
	if !p.lose || n != 7 {
		p.books = append(p.books, b)
	}
	if p.double && n == 7 {
		p.books = append(p.books, map[string]any{"id": "b8", "title": b["title"], "author": b["author"], "change": 8})
	}
	write(w, http.StatusCreated, b)
}

func (p *platform) get(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.books {
		if b["id"] == r.PathValue("id") {
			write(w, http.StatusOK, b)
			return
		}
	}
	write(w, http.StatusNotFound, nil)
}

func (p *platform) list(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	books := p.books
	if r.FormValue("after") != "0" {
		books = nil // one page holds all
	}
	write(w, http.StatusOK, map[string]any{"books": books})
}

func (p *platform) lend(w http.ResponseWriter, r *http.Request) {
	var l map[string]any
	if json.NewDecoder(r.Body).Decode(&l) != nil {
		write(w, http.StatusBadRequest, nil)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.books {
		if b["id"] == l["book"] {
			l["title"] = b["title"]
		}
	}
	l["id"] = fmt.Sprintf("l%d", len(p.loans)+1)
	p.loans = append(p.loans, l)
	write(w, http.StatusCreated, l)
}

func write(w http.ResponseWriter, status int, body any) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a recorder takes everything
}
