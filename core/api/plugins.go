package api

import "net/http"

// plugins answers GET /v1/admin/plugins, by name.
func (s *server) plugins(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, map[string]any{"plugins": s.Plugins()})
}
