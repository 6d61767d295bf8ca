package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// Bounds of a message to the administrator.
const (
	maxSummary = 256  // bytes
	maxDetail  = 4096 // bytes
	keptSaid   = 100  // latest messages that are shown
)

// raised is the body of POST /v1/alerts.
type raised struct {
	Severity *alert.Severity `json:"severity"`
	Summary  string          `json:"summary"`
	Detail   string          `json:"detail"`
}

// check returns everything that is wrong with r, or nil.
func (r raised) check() (faults []message.Fault) {
	if r.Severity == nil {
		faults = append(faults, message.Fault{Pointer: "/severity", Detail: `want "info", "warning" or "critical"`})
	}
	if r.Summary == "" || len(r.Summary) > maxSummary || strings.ContainsAny(r.Summary, "\r\n") {
		faults = append(faults, message.Fault{Pointer: "/summary", Detail: fmt.Sprintf("want one line of 1 to %d bytes; the rest belongs to detail", maxSummary)})
	}
	if len(r.Detail) > maxDetail {
		faults = append(faults, message.Fault{Pointer: "/detail", Detail: fmt.Sprintf("want at most %d bytes", maxDetail)})
	}
	return faults
}

// raise answers POST /v1/alerts: a module tells the administrator something
// (G5).
func (s *server) raise(w http.ResponseWriter, r *http.Request, who *route.Caller) {
	var body raised
	if !read(w, r, &body) {
		return
	}
	if faults := body.check(); faults != nil {
		invalid(w, faults)
		return
	}
	from := who.Instance
	said := alert.Alert{Severity: *body.Severity, Module: from.Module, Summary: body.Summary, Detail: body.Detail}
	if wait := s.Alerts.Say(from.ID, said); wait > 0 {
		retryAfter(w, wait)
		fail(w, http.StatusTooManyRequests, message.Problem{
			Type: message.ProblemTooMany, Title: "Too many alerts", Detail: "this instance says too much to the administrator; nothing was passed on", Module: from.Module,
		})
		return
	}
	s.said.add(saidAlert{Alert: said, Instance: from.ID, Time: time.Now().UTC()})
	w.WriteHeader(http.StatusAccepted)
}

// alerts answers GET /v1/admin/alerts: what is wrong now, and what modules
// said lately; the oldest first.
func (s *server) alerts(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, map[string]any{"incidents": s.Alerts.Open(), "messages": s.said.all(), "lost": s.Alerts.Lost()})
}

// saidAlert is a module's message as administrators see it.
type saidAlert struct {
	alert.Alert
	Instance string    `json:"instance"`
	Time     time.Time `json:"time"`
}

// messages remembers the latest messages of modules. The zero value has none.
type messages struct {
	mu   sync.Mutex
	list []saidAlert // guarded by mu
}

func (m *messages) add(a saidAlert) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.list) == keptSaid {
		m.list = slices.Delete(m.list, 0, 1)
	}
	m.list = append(m.list, a)
}

// all returns a copy, never nil.
func (m *messages) all() []saidAlert {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]saidAlert{}, m.list...)
}
