package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/route"
)

// secret returns what the request authorises itself with (3.1), or "".
func secret(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// admin lets only the administrator's token through (I2).
func (s *server) admin(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(secret(r)))
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

// byInstance is a call that an instance makes.
type byInstance func(http.ResponseWriter, *http.Request, *route.Caller)

// instance lets the bearer of the token of instance {id} through. The token
// of a fenced one opens nothing, but says so to the machine, whose answer is
// ErrFenced.
func (s *server) instance(next byInstance) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who := s.Control.Bearer(secret(r))
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

// bearer lets every instance through whose token is not fenced (U8).
func (s *server) bearer(next byInstance) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who := s.Control.Bearer(secret(r))
		switch {
		case who == nil:
			unauthorized(w, "this call wants an instance's token; register to get one")
		case who.Fenced():
			failWith(w, lifecycle.ErrFenced)
		default:
			next(w, r, who)
		}
	}
}
