// Package reply writes what the library's modules answer. It decides the
// form, never the content.
package reply

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/modgate/modgate/hcl/examples/library/modgate"
)

// bodyMax bounds what a request may carry.
const bodyMax = 64 << 10

// Read decodes a request's JSON body into v. If it cannot, it answers 400 and
// returns false.
func Read(w http.ResponseWriter, r *http.Request, v any) bool {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyMax)).Decode(v)
	if err != nil {
		Text(w, http.StatusBadRequest, "not the JSON that is wanted: "+err.Error())
		return false
	}
	return true
}

// JSON answers with v.
func JSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		Error(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that has left needs no answer
}

// Text answers with a line for people.
func Text(w http.ResponseWriter, status int, text string) {
	JSON(w, status, map[string]string{"message": text})
}

// Away answers that the service is not available now: another module is
// delayed or missing. retryAfter says when asking again makes sense; zero
// says that nobody knows.
func Away(w http.ResponseWriter, retryAfter time.Duration, text string) {
	if retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((retryAfter+time.Second-1)/time.Second)))
	}
	Text(w, http.StatusServiceUnavailable, text)
}

// Error answers for err: a fenced process sends its users elsewhere, which the
// gateway has done already for all but the requests that were on their way.
func Error(w http.ResponseWriter, err error) {
	if errors.Is(err, modgate.ErrFenced) || errors.Is(err, modgate.ErrStale) {
		Away(w, time.Second, "This process has been replaced, please try again")
		return
	}
	slog.Error("request", "err", err)
	Text(w, http.StatusInternalServerError, "Something went wrong here")
}
