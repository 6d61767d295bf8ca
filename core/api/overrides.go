package api

import (
	"errors"
	"net/http"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
)

// override answers POST /v1/admin/modules/{module}/overrides: with the module
// as it stands then, or 409 and the reason (O1).
func (s *server) override(w http.ResponseWriter, r *http.Request) {
	var o message.Override
	if !read(w, r, &o) {
		return
	}
	name := r.PathValue("module")
	now, err := s.Control.Override(name, o)
	var cannot *lifecycle.OverrideError
	switch {
	case errors.Is(err, lifecycle.ErrUnknownModule):
		noModule(w, name)
	case errors.As(err, &cannot):
		conflict(w, err.Error())
	case err != nil:
		failWith(w, err)
	default:
		write(w, http.StatusOK, s.view(now))
	}
}
