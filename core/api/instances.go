package api

import (
	"net/http"
	"time"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// register answers POST /v1/instances: with the token, and with the state of
// each requirement (D1).
func (s *server) register(w http.ResponseWriter, r *http.Request) {
	join := secret(r)
	if join == "" {
		unauthorized(w, "registration wants the join secret")
		return
	}
	var reg message.Registration
	if !read(w, r, &reg) {
		return
	}
	registered, err := s.Control.Register(reg, join)
	if err != nil {
		failWith(w, err)
		return
	}
	w.Header().Set("Location", "/v1/instances/"+registered.Instance)
	write(w, http.StatusCreated, registered)
}

// renew answers PUT /v1/instances/{id}/lease.
func (s *server) renew(w http.ResponseWriter, _ *http.Request, who *route.Caller) {
	renewed, err := s.Control.Renew(who)
	if err != nil {
		failWith(w, err)
		return
	}
	write(w, http.StatusOK, renewed)
}

// announce answers POST /v1/instances/{id}/announcements: 200 with an
// outcome, or 202 while it is pending.
func (s *server) announce(w http.ResponseWriter, r *http.Request, who *route.Caller) {
	var a message.Announcement
	if !read(w, r, &a) {
		return
	}
	if faults := a.Check(); faults != nil {
		invalid(w, faults)
		return
	}
	wait, asked := preferWait(r)
	answer, err := s.Control.Announce(r.Context(), who, a, wait)
	if err != nil {
		failWith(w, err)
		return
	}
	if asked && a.Type != message.Disconnect { // which is held as long as it takes (L1)
		applied(w, wait)
	}
	if answer.Outcome != message.Pending {
		write(w, http.StatusOK, answer)
		return
	}
	retryAfter(w, time.Duration(answer.TTL))
	write(w, http.StatusAccepted, answer)
}

// notices answers GET /v1/instances/{id}/notices with a stream (3.4).
func (s *server) notices(w http.ResponseWriter, r *http.Request, who *route.Caller) {
	if !beginStream(w, r) {
		return
	}
	id := who.Instance.ID
	standing := func() []message.Notice { return s.Control.Standing(id) }
	s.Notices.Stream(r.Context(), w, id, r.Header.Get("Last-Event-ID"), standing) //nolint:errcheck // the reader left
}

// beginStream writes the head of a stream of Server-Sent Events, and reports
// whether a body is wanted.
func beginStream(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	return r.Method != http.MethodHead
}
