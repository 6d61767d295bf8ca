// Package api is the control plane over HTTP (lifecycle.md 3.3): modules
// register, renew, announce and listen; administrators look and act.
//
// It decides who may ask what, and how answers are written. What a message
// leads to is decided behind core/control.
package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/control"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/notify"
	"github.com/modgate/modgate/core/probe"
	"github.com/modgate/modgate/core/proxy"
	"github.com/modgate/modgate/core/route"
)

// Options are what the API works with.
type Options struct {
	Control    *control.Control
	Notices    *notify.Post
	Alerts     *alert.Desk
	Processes  *probe.Supervisor
	AdminToken [32]byte // SHA-256 of the administrator's token (I2)
	Open       bool     // the listener is loopback: health and metrics need no token
	Feed       *Feed
	Stats      func() proxy.Stats
	Parked     func(module string) (requests int, longest time.Duration)
	Ready      func() error                                 // why not, or nil
	Reload     func(ctx context.Context) (any, bool, error) // diagnostics, whether anything changed
	Version    string
	Log        *slog.Logger
}

type server struct {
	Options
}

// New returns the handler of the control listener.
func New(o Options) http.Handler {
	s := &server{o}
	mux := http.NewServeMux()
	for pattern, handle := range s.routes() {
		mux.HandleFunc(pattern, handle)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, message.Problem{Type: message.ProblemUnknown, Title: "No such call", Detail: r.Method + " " + r.URL.Path + " is not part of the control API; see /v1/openapi.json"})
	})
	return recovered(o.Log, mux)
}

// routes lists the calls; openapi.json documents the same ones, held by a
// test.
func (s *server) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"POST /v1/instances":                    s.register,
		"PUT /v1/instances/{id}/lease":          s.instance(s.renew),
		"POST /v1/instances/{id}/announcements": s.instance(s.announce),
		"GET /v1/instances/{id}/notices":        s.instance(s.notices),
		"POST /v1/alerts":                       s.raise,

		"GET /v1/admin/modules":                  s.admin(s.modules),
		"GET /v1/admin/modules/{module}":         s.admin(s.module),
		"GET /v1/admin/modules/{module}/history": s.admin(s.history),
		"GET /v1/admin/requirements":             s.admin(s.requirements),
		"GET /v1/admin/alerts":                   s.admin(s.alerts),
		"GET /v1/admin/events":                   s.admin(s.events),
		"GET /v1/admin/processes":                s.admin(s.processes),
		"POST /v1/admin/processes/{name}/start":  s.admin(s.startProcess),
		"POST /v1/admin/processes/{name}/stop":   s.admin(s.stopProcess),
		"POST /v1/admin/reload":                  s.admin(s.reload),

		"GET /livez":           s.open(s.livez),
		"GET /readyz":          s.open(s.readyz),
		"GET /metrics":         s.open(s.metrics().ServeHTTP),
		"GET /v1/openapi.json": s.openapi,
	}
}

// bearer returns the secret or token of the request (3.1), or "".
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// admin lets only the administrator's token through (I2).
func (s *server) admin(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(bearer(r)))
		if subtle.ConstantTimeCompare(got[:], s.AdminToken[:]) != 1 {
			unauthorized(w, "this call wants the administrator's token")
			return
		}
		next(w, r)
	}
}

// open lets everyone through on a loopback listener.
func (s *server) open(next http.HandlerFunc) http.HandlerFunc {
	if s.Open {
		return next
	}
	return s.admin(next)
}

// instance lets the bearer of the token of instance {id} through.
func (s *server) instance(next func(http.ResponseWriter, *http.Request, *route.Caller)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who := s.Control.Bearer(bearer(r))
		switch {
		case who == nil:
			unauthorized(w, "this call wants the instance's token; register to get one")
		case who.Instance.ID != r.PathValue("id"):
			unauthorized(w, "the token is another instance's")
		default:
			next(w, r, who)
		}
	}
}

func (s *server) livez(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, map[string]string{"status": "pass", "version": s.Version})
}

func (s *server) readyz(w http.ResponseWriter, _ *http.Request) {
	if err := s.Ready(); err != nil {
		unavailable(w, err)
		return
	}
	write(w, http.StatusOK, map[string]string{"status": "pass", "version": s.Version})
}
