package api

import (
	"errors"
	"net/http"

	"github.com/modgate/modgate/core/probe"
)

// processes answers GET /v1/admin/processes, by name.
func (s *server) processes(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, map[string]any{"processes": s.Processes.List()})
}

// startProcess answers POST /v1/admin/processes/{name}/start.
func (s *server) startProcess(w http.ResponseWriter, r *http.Request) {
	s.processAnswer(w, r, s.Processes.Start(r.PathValue("name")))
}

// stopProcess answers POST /v1/admin/processes/{name}/stop.
func (s *server) stopProcess(w http.ResponseWriter, r *http.Request) {
	s.processAnswer(w, r, s.Processes.Stop(r.PathValue("name")))
}

// processAnswer answers with the process as it is now, or why not.
func (s *server) processAnswer(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, probe.ErrUnknown):
		unknown(w, err.Error())
	case err != nil: // it runs already, or does not run, or its command is wrong
		conflict(w, err.Error())
	default:
		for _, p := range s.Processes.List() {
			if p.Name == r.PathValue("name") {
				write(w, http.StatusOK, p)
			}
		}
	}
}
