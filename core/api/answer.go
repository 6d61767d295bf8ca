package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/modgate/modgate/core/control"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
)

// maxBody bounds what a call may send (3.3).
const maxBody = 256 << 10

// write answers with v as JSON.
func write(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"type":"`+string(message.ProblemInternal)+`","title":"Internal error","status":500}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(append(body, '\n')) //nolint:errcheck // the client is gone; nobody is left to tell
}

// fail answers with a problem (RFC 9457).
func fail(w http.ResponseWriter, status int, p message.Problem) {
	p.Status = status
	body, _ := json.Marshal(p)
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(append(body, '\n')) //nolint:errcheck // as in write
}

func unauthorized(w http.ResponseWriter, detail string) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="modgate"`)
	fail(w, http.StatusUnauthorized, message.Problem{Type: message.ProblemTokenRequired, Title: "Token required", Detail: detail})
}

// unavailable answers that the call may be tried again soon.
func unavailable(w http.ResponseWriter, err error) {
	w.Header().Set("Retry-After", "1")
	fail(w, http.StatusServiceUnavailable, message.Problem{Type: message.ProblemUnavailable, Title: "Not available now", Detail: err.Error()})
}

// failWith answers with the problem that err is.
func failWith(w http.ResponseWriter, err error) {
	var invalid *control.InvalidError
	var conflict *control.ConflictError
	switch {
	case errors.As(err, &invalid):
		fail(w, http.StatusBadRequest, message.Problem{Type: message.ProblemInvalid, Title: "Invalid", Detail: err.Error(), Errors: invalid.Faults})
	case errors.As(err, &conflict):
		fail(w, http.StatusConflict, message.Problem{Type: message.ProblemConflict, Title: "Conflict", Detail: err.Error()})
	case errors.Is(err, control.ErrUnauthorized):
		unauthorized(w, "the join secret does not open registration of this module")
	case errors.Is(err, lifecycle.ErrUnknown):
		fail(w, http.StatusNotFound, message.Problem{Type: message.ProblemUnknown, Title: "Unknown", Detail: err.Error()})
	case errors.Is(err, lifecycle.ErrFenced):
		fail(w, http.StatusConflict, message.Problem{Type: message.ProblemFenced, Title: "Fenced", Detail: "the version is fenced: stop writing and exit", Reason: message.ReasonFenced})
	case errors.Is(err, lifecycle.ErrRefused):
		fail(w, http.StatusConflict, message.Problem{Type: message.ProblemRefused, Title: "Refused", Detail: "a higher version serves, or the UPDATE was refused: register anew to ask again", Reason: message.ReasonRefused})
	default:
		unavailable(w, err)
	}
}

func invalid(faults []message.Fault) error { return &control.InvalidError{Faults: faults} }

// read decodes the body into v. It answers itself, and returns false, when
// the body is too large or not what is wanted.
func read(w http.ResponseWriter, r *http.Request, v any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil {
		if _, more := dec.Token(); more != io.EOF {
			err = errors.New("one JSON value is wanted, and nothing after it")
		}
	}
	var large *http.MaxBytesError
	switch {
	case err == nil:
		return true
	case errors.As(err, &large):
		fail(w, http.StatusRequestEntityTooLarge, message.Problem{Type: message.ProblemTooLarge, Title: "Too large", Detail: fmt.Sprintf("a body is at most %d bytes", maxBody)})
	default:
		failWith(w, invalid([]message.Fault{fault(err)}))
	}
	return false
}

// fault says where a body is not what is wanted.
func fault(err error) message.Fault {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) && kind.Field != "" {
		return message.Fault{
			Pointer: "/" + strings.ReplaceAll(kind.Field, ".", "/"),
			Detail:  fmt.Sprintf("want a %s, got a %s", kind.Type, kind.Value),
		}
	}
	return message.Fault{Detail: strings.TrimPrefix(err.Error(), "json: ")}
}

// preferWait reads RFC 7240's wait preference.
func preferWait(r *http.Request) (time.Duration, bool) {
	for _, line := range r.Header.Values("Prefer") {
		for pref := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(pref), "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			if n, err := strconv.Atoi(strings.Trim(strings.TrimSpace(value), `"`)); err == nil && n >= 0 {
				return min(time.Duration(n)*time.Second, maxWait), true
			}
		}
	}
	return 0, false
}

// maxWait bounds how long a call is held.
const maxWait = 5 * time.Minute

// recovered answers 500 where a handler panics, and logs it.
func recovered(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				log.Error("a control call panicked", "call", r.Method+" "+r.URL.Path, "cause", p, "stack", string(debug.Stack()))
				fail(w, http.StatusInternalServerError, message.Problem{Type: message.ProblemInternal, Title: "Internal error"})
			}
		}()
		next.ServeHTTP(w, r)
	})
}
