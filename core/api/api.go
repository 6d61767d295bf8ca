// Package api is the control plane over HTTP (lifecycle.md 3.3): modules
// register, renew, announce and listen; administrators look and act.
//
// It decides who may ask what, and how answers are written. What a message
// leads to is decided behind core/control.
package api

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/control"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/notify"
	"github.com/modgate/modgate/core/probe"
	"github.com/modgate/modgate/core/proxy"
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
	Plugins    func() []adapter.View
	Policies   func() PolicyStats
	Parked     func(module string) (requests int, longest time.Duration)
	Ready      func() error                                 // why not, or nil
	Reload     func(ctx context.Context) (any, bool, error) // diagnostics, whether anything changed
	Pending    func() []string                              // settings that the last one left to the next start
	Plan       func(ctx context.Context) (Plan, any, error) // what a reload would do, or diagnostics
	Version    string
	Log        *slog.Logger
}

type server struct {
	Options
	said messages
}

// New returns the handler of the control listener. Calls that are held end
// when the context of their request does.
func New(o Options) http.Handler {
	s := &server{Options: o}
	mux := http.NewServeMux()
	for path, calls := range s.paths() {
		mux.Handle(path, calls)
	}
	mux.HandleFunc("/", noCall)
	return recovered(o.Log, mux)
}

// paths lists the calls; openapi.json describes the same ones, held by a
// test.
func (s *server) paths() map[string]methods {
	return map[string]methods{
		"/v1/instances":                    {http.MethodPost: s.register},
		"/v1/instances/{id}/lease":         {http.MethodPut: s.instance(s.renew)},
		"/v1/instances/{id}/announcements": {http.MethodPost: s.instance(s.announce)},
		"/v1/instances/{id}/notices":       {http.MethodGet: s.instance(s.notices)},
		"/v1/alerts":                       {http.MethodPost: s.bearer(s.raise)},

		"/v1/admin/modules":                    {http.MethodGet: s.admin(s.modules)},
		"/v1/admin/modules/{module}":           {http.MethodGet: s.admin(s.module)},
		"/v1/admin/modules/{module}/history":   {http.MethodGet: s.admin(s.history)},
		"/v1/admin/modules/{module}/overrides": {http.MethodPost: s.admin(s.override)},
		"/v1/admin/requirements":               {http.MethodGet: s.admin(s.requirements)},
		"/v1/admin/alerts":                     {http.MethodGet: s.admin(s.alerts)},
		"/v1/admin/events":                     {http.MethodGet: s.admin(s.events)},
		"/v1/admin/processes":                  {http.MethodGet: s.admin(s.processes)},
		"/v1/admin/processes/{name}/start":     {http.MethodPost: s.admin(s.startProcess)},
		"/v1/admin/processes/{name}/stop":      {http.MethodPost: s.admin(s.stopProcess)},
		"/v1/admin/plugins":                    {http.MethodGet: s.admin(s.plugins)},
		"/v1/admin/reload":                     {http.MethodPost: s.admin(s.reload)},
		"/v1/admin/plan":                       {http.MethodPost: s.admin(s.plan)},

		"/livez":           {http.MethodGet: s.open(s.livez)},
		"/readyz":          {http.MethodGet: s.open(s.readyz)},
		"/metrics":         {http.MethodGet: s.open(s.metrics().ServeHTTP)},
		"/v1/openapi.json": {http.MethodGet: openAPI},
	}
}

// methods are the calls of one path. HEAD is GET; net/http keeps the body.
type methods map[string]http.HandlerFunc

// ServeHTTP implements http.Handler.
func (m methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if call, ok := m[method]; ok {
		call(w, r)
		return
	}
	allow := strings.Join(m.allowed(), ", ")
	w.Header().Set("Allow", allow)
	fail(w, http.StatusMethodNotAllowed, message.Problem{
		Type: message.ProblemMethod, Title: "Wrong method", Detail: r.URL.Path + " takes " + allow + ", not " + r.Method,
	})
}

func (m methods) allowed() []string {
	all := slices.Collect(maps.Keys(m))
	if m[http.MethodGet] != nil {
		all = append(all, http.MethodHead)
	}
	slices.Sort(all)
	return all
}

func noCall(w http.ResponseWriter, r *http.Request) {
	fail(w, http.StatusNotFound, message.Problem{
		Type: message.ProblemUnknown, Title: "No such call",
		Detail: r.Method + " " + r.URL.Path + " is not part of the control API; see /v1/openapi.json",
	})
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
