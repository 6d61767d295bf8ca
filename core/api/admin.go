package api

import (
	"net/http"
	"strconv"

	"github.com/modgate/modgate/core/control"
	"github.com/modgate/modgate/core/message"
)

// moduleView is a module with who waits for it.
type moduleView struct {
	control.Overview
	Parked      int              `json:"parked"`
	LongestWait message.Duration `json:"longest_wait,omitzero"`
}

func (s *server) view(o control.Overview) moduleView {
	n, longest := s.Parked(o.Module)
	return moduleView{o, n, message.Duration(longest)}
}

// modules answers GET /v1/admin/modules.
func (s *server) modules(w http.ResponseWriter, _ *http.Request) {
	all := []moduleView{}
	for _, o := range s.Control.Overviews() {
		all = append(all, s.view(o))
	}
	write(w, http.StatusOK, map[string]any{"modules": all})
}

// module answers GET /v1/admin/modules/{module}.
func (s *server) module(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("module")
	o, known := s.Control.Overview(name)
	if !known {
		noModule(w, name)
		return
	}
	write(w, http.StatusOK, s.view(o))
}

func noModule(w http.ResponseWriter, name string) {
	unknown(w, "no module "+strconv.Quote(name)+" is registered or configured")
}

// requirements answers GET /v1/admin/requirements.
func (s *server) requirements(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, map[string]any{"requirements": s.Control.Requirements()})
}

// reload answers POST /v1/admin/reload: 200 when the configuration of the
// files is in force, 400 with diagnostics when it is wrong and the former one
// stays.
func (s *server) reload(w http.ResponseWriter, r *http.Request) {
	diagnostics, changed, err := s.Reload(r.Context())
	switch {
	case err != nil:
		unavailable(w, err)
	case diagnostics != nil:
		problem(w, http.StatusBadRequest, reloadProblem{
			Problem: message.Problem{
				Type: message.ProblemInvalid, Title: "Invalid", Status: http.StatusBadRequest,
				Detail: "the configuration is wrong; the former one stays in force",
			},
			Diagnostics: diagnostics,
		})
	default:
		write(w, http.StatusOK, map[string]bool{"changed": changed})
	}
}

// reloadProblem says what is wrong with the configuration.
type reloadProblem struct {
	message.Problem
	Diagnostics any `json:"diagnostics"` // of package hcl
}
