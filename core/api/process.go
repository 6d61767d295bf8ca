package api

import (
	"net/http"
)

// startProcess answers POST /v1/admin/processes/{name}/start.
func (s *server) startProcess(w http.ResponseWriter, r *http.Request) {
	s.processAnswer(w, r, s.Processes.Start(r.PathValue("name")))
}

// stopProcess answers POST /v1/admin/processes/{name}/stop.
func (s *server) stopProcess(w http.ResponseWriter, r *http.Request) {
	s.processAnswer(w, r, s.Processes.Stop(r.PathValue("name")))
}

func (s *server) processAnswer(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		unavailable(w, err)
		return
	}
	write(w, http.StatusOK, map[string]string{"process": r.PathValue("name")})
}
