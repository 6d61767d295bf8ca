package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/modgate/modgate/core/control"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
)

// write answers with v as JSON.
func write(w http.ResponseWriter, status int, v any) {
	send(w, status, "application/json", v)
}

// fail answers with a problem (RFC 9457).
func fail(w http.ResponseWriter, status int, p message.Problem) {
	p.Status = status
	problem(w, status, p)
}

// problem answers with p, a message.Problem that may have further members.
func problem(w http.ResponseWriter, status int, p any) {
	send(w, status, "application/problem+json", p)
}

func send(w http.ResponseWriter, status int, kind string, v any) {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false) // people read ">= 1.4"
	if err := enc.Encode(v); err != nil {
		panic(err) // v is of our own types; recovered answers 500
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	body.WriteTo(w) //nolint:errcheck // the client is gone; nobody is left to tell
}

func unauthorized(w http.ResponseWriter, detail string) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="modgate"`)
	fail(w, http.StatusUnauthorized, message.Problem{Type: message.ProblemTokenRequired, Title: "Token required", Detail: detail})
}

// retryAfter says when to try again.
func retryAfter(w http.ResponseWriter, d time.Duration) {
	w.Header().Set("Retry-After", strconv.FormatInt(message.RetryAfter(d), 10))
}

// unavailable answers that the call may be tried again soon.
func unavailable(w http.ResponseWriter, err error) {
	retryAfter(w, time.Second)
	fail(w, http.StatusServiceUnavailable, message.Problem{Type: message.ProblemUnavailable, Title: "Not available now", Detail: err.Error()})
}

// unknown answers that there is nothing of that name.
func unknown(w http.ResponseWriter, detail string) {
	fail(w, http.StatusNotFound, message.Problem{Type: message.ProblemUnknown, Title: "Unknown", Detail: detail})
}

func conflict(w http.ResponseWriter, detail string) {
	fail(w, http.StatusConflict, message.Problem{Type: message.ProblemConflict, Title: "Conflict", Detail: detail})
}

// refused answers an UPDATE that somebody refused, or that comes too late.
func refused(w http.ResponseWriter, detail string) {
	fail(w, http.StatusConflict, message.Problem{Type: message.ProblemRefused, Title: "Refused", Reason: message.ReasonRefused, Detail: detail})
}

// invalid answers with all that is wrong with a body.
func invalid(w http.ResponseWriter, faults []message.Fault) {
	fail(w, http.StatusBadRequest, message.Problem{
		Type: message.ProblemInvalid, Title: "Invalid", Detail: (&control.InvalidError{Faults: faults}).Error(), Errors: faults,
	})
}

// failWith answers with the problem that err is.
func failWith(w http.ResponseWriter, err error) {
	var wrong *control.InvalidError
	var taken *control.ConflictError
	var denied *lifecycle.RefusedError
	switch {
	case errors.As(err, &wrong):
		invalid(w, wrong.Faults)
	case errors.As(err, &taken):
		conflict(w, err.Error())
	case errors.Is(err, control.ErrUnauthorized):
		unauthorized(w, "the join secret does not open registration of this module")
	case errors.Is(err, lifecycle.ErrUnknown): // since its token was looked up
		unauthorized(w, "the instance was replaced or dropped; its token is void")
	case errors.Is(err, lifecycle.ErrFenced):
		fail(w, http.StatusConflict, message.Problem{
			Type: message.ProblemFenced, Title: "Fenced", Detail: "the version is fenced: stop writing and exit", Reason: message.ReasonFenced,
		})
	case errors.As(err, &denied):
		refused(w, denied.Why+": register anew to ask again")
	case errors.Is(err, lifecycle.ErrRefused):
		refused(w, "a higher version serves, or the UPDATE was refused: register anew to ask again")
	default:
		unavailable(w, err)
	}
}

// recovered answers 500 where a handler panics, and logs it. After a part of
// an answer it closes the connection.
func recovered(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				panic(p)
			default:
				log.Error("a control call panicked", "call", r.Method+" "+r.URL.Path, "cause", p, "stack", string(debug.Stack()))
				w.Header().Set("Connection", "close")
				fail(w, http.StatusInternalServerError, message.Problem{Type: message.ProblemInternal, Title: "Internal error"})
			}
		}()
		next.ServeHTTP(w, r)
	})
}
