package faulty

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Variants lists the broken cores.
func Variants() []Variant {
	return append(append(answers(), lifecycles()...), notices()...)
}

// delay reports whether an answer is DELAY or MISSING.
func says(r *http.Response, word string) bool {
	return strings.HasPrefix(r.Header.Get("Modgate-Status"), word)
}

// dropping removes a header from answers on the data plane.
func dropping(name string) hook {
	return hook{response: func(_ *front, r *http.Response) { r.Header.Del(name) }}
}

// answers are broken in what they tell callers.
func answers() []Variant {
	return []Variant{
		{Name: "no-retry-after", Means: "DELAY without Retry-After", Rule: "3.2-delay", Case: "w-wire/delay-problem", data: dropping("Retry-After")},
		{Name: "no-status", Means: "answers without Modgate-Status", Rule: "3.1-status", Case: "w-wire/status-of-delay", data: dropping("Modgate-Status")},
		{Name: "no-proxy-status", Means: "answers without Proxy-Status", Rule: "3.2-unknown", Case: "a-availability/unknown-module", data: dropping("Proxy-Status")},
		{Name: "no-request-id", Means: "answers without Modgate-Request-Id", Rule: "3.1-request-id", Case: "w-wire/request-id-on-every-answer", data: dropping("Modgate-Request-Id")},
		{Name: "rounds-down", Means: "Retry-After is rounded down", Rule: "3.2-delay", Case: "w-wire/delay-problem", data: hook{response: roundDown}},
		{Name: "hopeful", Means: "MISSING says when to come back", Rule: "3.2-missing", Case: "w-wire/missing-problem", data: hook{response: func(_ *front, r *http.Response) {
			if says(r, "missing") {
				r.Header.Set("Retry-After", "5")
			}
		}}},
		{Name: "false-404", Means: "a module that has not registered yet is 404", Rule: "G3", Case: "g-gateway/no-false-404", data: hook{response: func(_ *front, r *http.Response) {
			if says(r, "delay") {
				r.StatusCode = http.StatusNotFound
			}
		}}},
		{Name: "no-since", Means: "problems do not say since when", Rule: "3.2-problem", Case: "w-wire/delay-problem", data: hook{response: func(_ *front, r *http.Response) {
			if says(r, "delay") {
				rewrite(r, func(v map[string]any) { delete(v, "since") })
			}
		}}},
		{Name: "no-pages", Means: "browsers get JSON", Rule: "3.2-browser", Case: "w-wire/browser-page", data: hook{request: func(_ *front, r *http.Request) *http.Response {
			r.Header.Del("Accept")
			return nil
		}}},
		{Name: "no-cors", Means: "answers cannot be read by browsers", Rule: "3.2-cors", Case: "w-wire/cors-of-gateway-answers", data: dropping("Access-Control-Allow-Origin")},
		{Name: "silent-resume", Means: "answers do not say that they waited", Rule: "3.2-resume", Case: "a-availability/parked-until-resume", data: hook{response: func(_ *front, r *http.Response) {
			if says(r, "resume") {
				r.Header.Del("Modgate-Status")
			}
		}}},
		{Name: "never-parks", Means: "nothing is parked", Rule: "A3", Case: "a-availability/parked-until-resume", data: hook{request: func(_ *front, r *http.Request) *http.Response {
			r.Header.Set("Prefer", "wait=0")
			return nil
		}}},
		{Name: "deaf-to-prefer", Means: "Prefer: wait is ignored", Rule: "A6", Case: "a-availability/prefer-wait-bounds-parking", data: hook{request: func(_ *front, r *http.Request) *http.Response {
			r.Header.Del("Prefer")
			return nil
		}}},
		{Name: "unbounded", Means: "who finds no place is let in later", Rule: "A6", Case: "a-availability/queue-is-bounded", data: hook{request: func(f *front, r *http.Request) *http.Response {
			return f.insist(r)
		}}},
		{Name: "parks-repliers", Means: "on_delay = reply is forgotten", Rule: "A8", Case: "a-availability/caller-that-wants-a-reply", control: editing("/v1/instances", func(_ *front, b map[string]any) { delete(b, "on_delay") })},
		{Name: "loses-bodies", Means: "bodies do not arrive", Rule: "A2", Case: "a-availability/ready-passes", data: hook{request: func(_ *front, r *http.Request) *http.Response {
			readBody(r)
			r.Body, r.ContentLength = http.NoBody, 0
			return nil
		}}},
		{Name: "decodes-paths", Means: "paths are decoded on the way", Rule: "A2", Case: "a-availability/ready-passes", data: hook{request: func(_ *front, r *http.Request) *http.Response {
			r.URL.RawQuery = strings.ReplaceAll(r.URL.RawQuery, "%2F", "/")
			return nil
		}}},
		{Name: "no-turns", Means: "callers are not told apart in the waiting room", Rule: "A5", Case: "a-availability/callers-take-turns", data: hook{request: func(_ *front, r *http.Request) *http.Response {
			r.Header.Del("Modgate-Token")
			return nil
		}}},
		{Name: "token-is-none", Means: "a bad token is treated as none", Rule: "I1", Case: "i-identity/bad-token-is-refused", data: hook{request: func(_ *front, r *http.Request) *http.Response {
			if r.Header.Get("Modgate-Token") == "nonsense" {
				r.Header.Del("Modgate-Token")
			}
			return nil
		}}},
	}
}

// roundDown is off by one where a part of a second is left.
func roundDown(_ *front, r *http.Response) {
	if n, err := strconv.Atoi(r.Header.Get("Retry-After")); err == nil {
		r.Header.Set("Retry-After", strconv.Itoa(int(math.Max(1, float64(n-1)))))
	}
}

// insist asks again and again while there is no place.
func (f *front) insist(r *http.Request) *http.Response {
	body := readBody(r)
	for {
		again, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+f.target[false]+r.URL.RequestURI(), strings.NewReader(string(body)))
		if err != nil {
			return answer(http.StatusBadGateway, "")
		}
		again.Header = r.Header
		resp, err := http.DefaultTransport.RoundTrip(again)
		if err != nil {
			return answer(http.StatusBadGateway, fmt.Sprintf("%q", err))
		}
		if !strings.Contains(resp.Header.Get("Proxy-Status"), "connection_limit_reached") {
			return resp
		}
		resp.Body.Close()
		time.Sleep(50 * time.Millisecond)
	}
}
