package modgate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ErrFenced is returned when the gateway says that this version or process
// has been replaced: stop writing, and exit (U8).
var ErrFenced = errors.New("fenced: another version or process has taken over")

// Problem is an answer that the gateway made itself (RFC 9457, lifecycle.md
// 3.2 and 3.3): on the data plane instead of the module that was asked.
type Problem struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail"`
	Module   string `json:"module"`
	Reason   string `json:"reason"`
	Required string `json:"required"`
	Found    string `json:"found"`
	Errors   []struct {
		Pointer string `json:"pointer"`
		Detail  string `json:"detail"`
	} `json:"errors"`

	RetryAfter time.Duration `json:"-"` // zero: none was named
}

// problemWord is what all problem types of the gateway begin with.
const problemWord = "urn:modgate:"

// Delayed reports DELAY: the module will be back, ask again.
func (p *Problem) Delayed() bool { return p.Type == problemWord+"delay" }

// Missing reports MISSING: do without the module.
func (p *Problem) Missing() bool { return p.Type == problemWord+"missing" }

// Is makes errors.Is(err, ErrFenced) tell what the gateway told.
func (p *Problem) Is(target error) bool {
	return target == ErrFenced && (p.Type == problemWord+"fenced" || p.Missing() && p.Reason == "fenced")
}

func (p *Problem) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s", p.Status, strings.TrimPrefix(p.Type, problemWord))
	if p.Reason != "" {
		fmt.Fprintf(&b, " (%s)", p.Reason)
	}
	if text := p.Detail; text != "" {
		b.WriteString(": " + text)
	} else if p.Title != "" {
		b.WriteString(": " + p.Title)
	}
	for _, e := range p.Errors {
		fmt.Fprintf(&b, "; %s: %s", e.Pointer, e.Detail)
	}
	return b.String()
}

// readProblem reads an answer that is no success. What is no problem of the
// gateway's keeps its status and the beginning of its text.
func readProblem(resp *http.Response) *Problem {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // what was cut off says no more than its beginning
	p := &Problem{}
	if json.Unmarshal(body, p) != nil || p.Type == "" {
		*p = Problem{Title: string(body[:min(len(body), 200)])}
	}
	p.Status = resp.StatusCode
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		p.RetryAfter = time.Duration(n) * time.Second
	}
	return p
}

// passing reports whether err may go away by itself: the gateway cannot be
// reached, or is not ready. What it has decided stays.
func passing(err error) bool {
	var p *Problem
	if !errors.As(err, &p) {
		return true
	}
	switch p.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
