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
