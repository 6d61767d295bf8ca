package proxy

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dunglas/httpsfv"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// wantProblem checks what every answer of the gateway has in common.
func wantProblem(t *testing.T, resp *http.Response, body string, status int, typ message.ProblemType, why message.Reason) message.Problem {
	t.Helper()
	var p message.Problem
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("answer %d %q: %v", resp.StatusCode, body, err)
	}
	if resp.StatusCode != status || p.Status != status || p.Type != typ || p.Reason != why {
		t.Errorf("answer = %d %s %s, want %d %s %s", resp.StatusCode, p.Type, p.Reason, status, typ, why)
	}
	if ct := resp.Header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("Content-Type = %q", ct)
	}
	if id := resp.Header.Get("Modgate-Request-Id"); id == "" || id != p.RequestID {
		t.Errorf("Modgate-Request-Id = %q, request_id = %q", id, p.RequestID)
	}
	if resp.Header.Get("Date") == "" {
		t.Error("no Date")
	}
	if s := resp.Header.Get("Proxy-Status"); s != "" {
		if _, err := httpsfv.UnmarshalList([]string{s}); err != nil {
			t.Errorf("Proxy-Status %q: %v", s, err)
		}
	}
	return p
}

// statusOf reads Modgate-Status as what it is, a structured item.
func statusOf(t *testing.T, resp *http.Response) (word string, parameters map[string]any) {
	t.Helper()
	item, err := httpsfv.UnmarshalItem(resp.Header.Values("Modgate-Status"))
	if err != nil {
		t.Fatalf("Modgate-Status %q: %v", resp.Header.Get("Modgate-Status"), err)
	}
	parameters = map[string]any{}
	for _, name := range item.Params.Names() {
		v, _ := item.Params.Get(name)
		if tok, ok := v.(httpsfv.Token); ok {
			v = string(tok)
		}
		parameters[name] = v
	}
	return string(item.Value.(httpsfv.Token)), parameters
}

func TestDelayAnswer(t *testing.T) {
	g := start(t)
	m := g.module("inventory")
	st := g.away(m, message.ReasonUpdating, 11500*time.Millisecond)
	next := *st
	next.Plan = fallback.Always{Reply: true, Detail: "The books are being sorted."}
	g.set(m, next)
	resp, body := g.do("GET", "/inventory", "", "Modgate-Request-Id", "my-id-1")
	p := wantProblem(t, resp, body, 503, message.ProblemDelay, message.ReasonUpdating)
	if got := resp.Header.Get("Retry-After"); got != "12" {
		t.Errorf("Retry-After = %q, want 12: rounded up", got)
	}
	if got, want := resp.Header.Get("Proxy-Status"), `modgate; error=destination_unavailable; details="delay"`; got != want {
		t.Errorf("Proxy-Status = %q, want %q", got, want)
	}
	if got, want := resp.Header.Get("Modgate-Status"), `delay;module="inventory";reason=updating;ttl=12;epoch=7`; got != want {
		t.Errorf("Modgate-Status = %q, want %q", got, want)
	}
	if word, params := statusOf(t, resp); word != "delay" || params["module"] != "inventory" || params["ttl"] != int64(12) {
		t.Errorf("Modgate-Status = %s %v", word, params)
	}
	if p.Module != "inventory" || p.Epoch != 7 || p.Since.IsZero() || p.TTL <= 0 || p.Detail != "The books are being sorted." {
		t.Errorf("problem = %+v", p)
	}
	if p.RequestID != "my-id-1" {
		t.Errorf("request id = %q, want it kept", p.RequestID)
	}
}

func TestMissingAnswer(t *testing.T) {
	g := start(t)
	m := g.module("inventory")
	g.set(m, route.State{Availability: message.Missing, Reason: message.ReasonExpired, Since: time.Now()})
	resp, body := g.do("GET", "/inventory", "")
	wantProblem(t, resp, body, 503, message.ProblemMissing, message.ReasonExpired)
	if got := resp.Header.Values("Retry-After"); got != nil {
		t.Errorf("Retry-After = %q, want none", got)
	}
	if got, want := resp.Header.Get("Modgate-Status"), `missing;module="inventory";reason=expired;epoch=7`; got != want {
		t.Errorf("Modgate-Status = %q, want %q", got, want)
	}
}

func TestPolicySaysMissing(t *testing.T) {
	g := start(t)
	m := g.module("inventory")
	next := *g.away(m, message.ReasonLost, time.Minute)
	next.Plan = fallback.Always{Action: fallback.Miss}
	g.set(m, next)
	resp, body := g.do("GET", "/inventory", "")
	wantProblem(t, resp, body, 503, message.ProblemMissing, message.ReasonLost)
}

func TestUnknownPath(t *testing.T) {
	g := start(t)
	resp, body := g.do("GET", "/nowhere", "")
	wantProblem(t, resp, body, 404, message.ProblemUnknown, message.ReasonUnknown)
	if got, want := resp.Header.Get("Proxy-Status"), `modgate; error=destination_not_found`; got != want {
		t.Errorf("Proxy-Status = %q, want %q", got, want)
	}
}

func TestUnknownPathWhileStartingIsDelay(t *testing.T) {
	// G3: never a false 404 after a start.
	g := start(t)
	g.publish(func(gen *route.Generation) { gen.StartingUntil = time.Now().Add(time.Minute) })
	resp, body := g.do("GET", "/nowhere", "")
	wantProblem(t, resp, body, 503, message.ProblemDelay, message.ReasonStarting)
	if resp.Header.Get("Retry-After") != "60" {
		t.Errorf("Retry-After = %q, want 60", resp.Header.Get("Retry-After"))
	}
}

func TestVanishedPathSaysRemovedIn(t *testing.T) {
	// V9.
	g := start(t)
	m := g.module("m", route.Entry{Path: "/old", RemovedIn: "2.0.0"})
	g.ready(m, instance("a", "m", "2.0.0", answers(t, "new")))
	resp, body := g.do("GET", "/old", "")
	if p := wantProblem(t, resp, body, 404, message.ProblemUnknown, message.ReasonUnknown); p.Detail != "removed-in 2.0.0" {
		t.Errorf("detail = %q", p.Detail)
	}
}

func TestFencedTokenIsNeverTreatedAsNone(t *testing.T) {
	// I1, U8.
	g := start(t)
	m := g.module("m")
	a := instance("a", "m", "1.0.0", answers(t, "hello"))
	g.ready(m, a)
	token, c := g.caller(a)
	if resp, _ := g.do("GET", "/m", "", "Modgate-Token", token); resp.StatusCode != 200 {
		t.Errorf("with a good token: %d, want 200", resp.StatusCode)
	}
	c.SetFenced(true)
	for name, token := range map[string]string{"fenced": token, "bad": "no such token", "empty": ""} {
		resp, body := g.do("GET", "/m", "", "Modgate-Token", token)
		wantProblem(t, resp, body, 503, message.ProblemMissing, message.ReasonFenced)
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

func TestIdentifiedModuleWantsAToken(t *testing.T) {
	g := start(t)
	m := g.module("m")
	a := instance("a", "m", "1.0.0", answers(t, "hello"))
	g.set(m, route.State{Availability: message.Ready, Serving: version(a), Identified: true})
	resp, body := g.do("GET", "/m", "")
	wantProblem(t, resp, body, 401, message.ProblemTokenRequired, message.NoReason)
	token, _ := g.caller(a)
	if resp, _ := g.do("GET", "/m", "", "Modgate-Token", token); resp.StatusCode != 200 {
		t.Errorf("with a token: %d, want 200", resp.StatusCode)
	}
}

func TestBrowserGetsAPage(t *testing.T) {
	g := start(t)
	g.module("m") // A1: unknown
	resp, body := g.do("GET", "/<script>", "", "Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	if resp.StatusCode != 404 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") || !strings.Contains(body, "<h1>") {
		t.Errorf("answer = %d %q %q, want a page", resp.StatusCode, resp.Header.Get("Content-Type"), body)
	}
	for _, accept := range []string{"application/json, text/html", "*/*", ""} {
		if wantsPage([]byte(accept)) {
			t.Errorf("Accept %q gets a page", accept)
		}
	}
}

func TestScriptsMayReadTheGatewaysAnswers(t *testing.T) {
	g := start(t, func(o *Options) { o.Origins = []string{"https://library.example"} })
	m := g.module("m")
	g.set(m, route.State{Availability: message.Missing})
	for origin, credentials := range map[string]string{"https://library.example": "true", "https://other.example": ""} {
		resp, _ := g.do("GET", "/m", "", "Origin", origin)
		h := resp.Header
		if h.Get("Access-Control-Allow-Origin") != origin || h.Get("Vary") != "Origin" ||
			h.Get("Access-Control-Allow-Credentials") != credentials ||
			h.Get("Access-Control-Expose-Headers") != "Retry-After, Modgate-Status, Modgate-Request-Id, Proxy-Status" {
			t.Errorf("%s: headers = %v", origin, h)
		}
	}
	if resp, _ := g.do("GET", "/m", ""); resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("CORS without an Origin")
	}
}

func TestPreflightToAnAbsentModuleIsAllowed(t *testing.T) {
	g := start(t)
	m := g.module("m")
	g.away(m, message.ReasonLost, time.Minute)
	resp, _ := g.do("OPTIONS", "/m", "", "Origin", "https://library.example",
		"Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "X-Mine")
	if resp.StatusCode != 204 || resp.Header.Get("Access-Control-Allow-Methods") != "PUT" ||
		resp.Header.Get("Access-Control-Allow-Headers") != "X-Mine" {
		t.Errorf("answer = %d %v, want 204 that allows PUT with X-Mine", resp.StatusCode, resp.Header)
	}
}

func TestStaticFallback(t *testing.T) {
	// A3.
	g := start(t)
	m := g.module("m")
	next := *g.away(m, message.ReasonLost, time.Minute)
	next.Plan = fallback.Always{Action: fallback.Substitute, Fallback: fallback.Fallback{
		Static: &fallback.Static{Status: 200, Headers: [][2]string{{"Content-Type", "application/json"}}, Body: "[]"},
	}}
	g.set(m, next)
	resp, body := g.do("GET", "/m", "")
	if resp.StatusCode != 200 || body != "[]" || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("answer = %d %q %v", resp.StatusCode, body, resp.Header)
	}
}

func TestFallbackToModuleAndOlderVersion(t *testing.T) {
	// A3: if the fallback is not to be had, the module's own state decides.
	g := start(t)
	m, other := g.module("m"), g.module("other")
	g.ready(other, instance("o", "other", "1.0.0", answers(t, "other")))
	st := *g.away(m, message.ReasonUpdating, time.Minute)
	st.Older = version(instance("a", "m", "1.0.0", answers(t, "older")))
	for _, c := range []struct {
		f    fallback.Fallback
		want string
	}{{fallback.Fallback{Module: "other"}, "other"}, {fallback.Fallback{Older: true}, "older"}} {
		st.Plan = fallback.Always{Action: fallback.Substitute, Fallback: c.f}
		g.set(m, st)
		if resp, body := g.do("GET", "/m", ""); resp.StatusCode != 200 || body != c.want {
			t.Errorf("fallback %+v: %d %q, want %q", c.f, resp.StatusCode, body, c.want)
		}
	}
	st.Availability, st.Until = message.Missing, time.Time{}
	st.Plan = fallback.Always{Action: fallback.Substitute, Fallback: fallback.Fallback{Module: "nobody"}}
	g.set(m, st)
	resp, body := g.do("GET", "/m", "")
	wantProblem(t, resp, body, 503, message.ProblemMissing, message.ReasonUpdating)
}
