package faulty

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// editing changes the body of POST calls whose path ends so.
func editing(path string, change func(*front, map[string]any)) hook {
	return hook{request: func(f *front, r *http.Request) *http.Response {
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, path) {
			return nil
		}
		var body map[string]any
		if json.Unmarshal(readBody(r), &body) == nil {
			change(f, body)
			setBody(r, body)
		}
		return nil
	}}
}

// answering changes the JSON of answers to calls whose path ends so.
func answering(path string, change func(*http.Response, map[string]any)) hook {
	return hook{response: func(_ *front, r *http.Response) {
		if strings.HasSuffix(r.Request.URL.Path, path) {
			rewrite(r, func(v map[string]any) { change(r, v) })
		}
	}}
}

// telling changes the state in answers to calls whose path ends so.
func telling(path, phase, instead string) hook {
	return answering(path, func(_ *http.Response, v map[string]any) {
		if state, is := v["state"].(map[string]any); is && state["phase"] == phase {
			state["phase"] = instead
		}
	})
}

// toModules changes the headers of requests to modules.
func toModules(change func(http.Header)) hook {
	return hook{request: func(_ *front, r *http.Request) *http.Response {
		change(r.Header)
		return nil
	}}
}

// fine says 200 instead of a problem.
func fine(r *http.Response, body string) {
	r.StatusCode = http.StatusOK
	r.Header = http.Header{"Content-Type": {"application/json"}}
	replaceBody(r, []byte(body))
}

// lifecycles are broken in what they do.
func lifecycles() []Variant {
	return []Variant{
		{Name: "grants-at-once", Means: "UPDATE is granted while the older version has runs", Rule: "U2", Case: "u-update/waits-for-the-older", control: answering("/announcements", func(r *http.Response, v map[string]any) {
			if v["notice"] == "delay" {
				r.StatusCode, v["outcome"] = http.StatusOK, "granted"
				delete(v, "notice")
			}
		})},
		{Name: "releases-too-early", Means: "requests reach who updates before its RESUME", Rule: "U2", Case: "u-update/new-requests-wait-meanwhile", data: hook{request: early}},
		{Name: "never-fences", Means: "a fenced version keeps its lease", Rule: "U8", Case: "u-update/fenced-token-opens-nothing", control: hook{response: func(_ *front, r *http.Response) {
			if r.StatusCode == http.StatusConflict && strings.HasSuffix(r.Request.URL.Path, "/lease") {
				fine(r, `{"state":{"phase":"serving"},"lease":"10s"}`)
			}
		}}},
		{Name: "forgets-the-epoch", Means: "requests to modules carry no epoch", Rule: "U8", Case: "u-update/epoch-rises", upstream: toModules(func(h http.Header) { h.Del("Modgate-Epoch") })},
		{Name: "epoch-stands-still", Means: "requests to modules carry the first epoch for ever", Rule: "U8", Case: "u-update/epoch-rises", upstream: toModules(func(h http.Header) { h.Set("Modgate-Epoch", "1") })},
		{Name: "writes-no-runs", Means: "requests to modules carry no run", Rule: "U11", Case: "u-update/runs-are-written", upstream: toModules(func(h http.Header) { h.Del("Modgate-Run") })},
		{Name: "honours-no-runs", Means: "runs that come in are ignored", Rule: "U11", Case: "u-update/the-run-may-come-back-through-another", data: hook{request: func(_ *front, r *http.Request) *http.Response {
			r.Header.Del("Modgate-Run")
			return nil
		}}},
		{Name: "passes-tokens-on", Means: "modules are shown tokens", Rule: "3.1-token", Case: "i-identity/token-is-stripped", upstream: toModules(func(h http.Header) { h.Set("Modgate-Token", "somebody's") })},
		{Name: "routes-to-the-first", Means: "new requests go to the version that is fenced", Rule: "V1", Case: "v-versions/highest-serves", data: hook{request: first}},
		{Name: "takes-lower-in", Means: "a lower version that comes later is said to start", Rule: "V3", Case: "v-versions/lower-that-comes-later-is-idle", control: telling("/v1/instances", "idle", "starting")},
		{Name: "floorless", Means: "a version below the floor is said to start", Rule: "V7", Case: "v-versions/below-the-floor-is-fenced", control: telling("/v1/instances", "fenced", "starting")},
		{Name: "replaces-at-once", Means: "a route goes over when the newcomer registers, not when it serves", Rule: "V10", Case: "v-versions/route-goes-over-under-load", data: hook{request: eager}},
		{Name: "replaces-nobody", Means: "whom a registration replaces is not read", Rule: "V10", Case: "v-versions/route-goes-over-under-load", control: editing("/v1/instances", func(_ *front, b map[string]any) { delete(b, "replaces") })},
		{Name: "forgets-seq", Means: "late announcements count", Rule: "U7", Case: "u-update/late-announcement-is-harmless", control: editing("/announcements", func(f *front, b map[string]any) {
			f.seq++
			b["seq"] = 1000 + f.seq
		})},
		{Name: "disconnects-at-once", Means: "DISCONNECT is answered before the runs are done", Rule: "L1", Case: "l-coming-and-going/disconnect-waits-for-runs", control: hook{request: leave}},
		{Name: "keeps-the-lost", Means: "leases do not end", Rule: "L2", Case: "l-coming-and-going/lost-lease", control: editing("/v1/instances", func(_ *front, b map[string]any) { b["lease"] = "5m" })},
		{Name: "all-is-met", Means: "every requirement is said to be met", Rule: "D1", Case: "d-requirements/registration-tells-states", control: answering("/v1/instances", func(_ *http.Response, v map[string]any) {
			list, _ := v["requirements"].([]any)
			for _, e := range list {
				if q, is := e.(map[string]any); is {
					q["state"] = "met"
				}
			}
		})},
		{Name: "forgets-requirements", Means: "a caller's own requirement is not looked at", Rule: "D3", Case: "d-requirements/wrong-version-is-missing", data: hook{request: func(_ *front, r *http.Request) *http.Response {
			r.Header.Del("Modgate-Token")
			return nil
		}}},
		{Name: "since-moves", Means: "the beginning of an absence is now", Rule: "A7", Case: "a-availability/since-does-not-move", control: answering("/books", func(_ *http.Response, v map[string]any) {
			if v["since"] != nil {
				v["since"] = time.Now().UTC().Format(time.RFC3339Nano)
			}
		})},
		{Name: "never-expires", Means: "missing modules are said to be delayed", Rule: "A1", Case: "a-availability/states-and-reasons", control: answering("/books", func(_ *http.Response, v map[string]any) {
			if v["state"] == "missing" {
				v["state"] = "delayed"
			}
		})},
		{Name: "open-door", Means: "any join secret does", Rule: "I1", Case: "i-identity/join-secret", control: hook{response: func(_ *front, r *http.Response) {
			if r.StatusCode == http.StatusUnauthorized && r.Request.URL.Path == "/v1/instances" {
				fine(r, `{"token":"a-token"}`)
				r.StatusCode = http.StatusCreated
			}
		}}},
		{Name: "open-administration", Means: "administrators' calls want no token", Rule: "I2", Case: "i-identity/admin-token", control: hook{response: func(_ *front, r *http.Response) {
			if r.StatusCode == http.StatusUnauthorized && strings.HasPrefix(r.Request.URL.Path, "/v1/admin/") {
				fine(r, `{"modules":[]}`)
			}
		}}},
		{Name: "says-one-fault", Means: "a wrong registration is told without pointers", Rule: "3.3-errors", Case: "w-wire/registration-tells-all-faults", control: answering("/v1/instances", func(_ *http.Response, v map[string]any) { delete(v, "errors") })},
	}
}

// early sends requests for a module that updates to who asked for it.
func early(f *front, r *http.Request) *http.Response {
	module, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	f.mu.Lock()
	upstream := f.updating[module]
	f.mu.Unlock()
	if upstream == "" {
		return nil
	}
	return forward(r, upstream)
}

// first sends requests to the instance of the module that was seen first in
// the order of ids.
func first(f *front, r *http.Request) *http.Response {
	module, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	f.mu.Lock()
	lowest, upstream := "", ""
	for id, in := range f.instances {
		if in.module == module && (lowest == "" || id < lowest) {
			lowest, upstream = id, in.upstream
		}
	}
	f.mu.Unlock()
	if upstream == "" {
		return nil
	}
	return forward(r, upstream)
}

// eager sends requests for the films' route to the films as soon as they are seen.
func eager(f *front, r *http.Request) *http.Response {
	f.mu.Lock()
	upstream := ""
	for _, in := range f.instances {
		if in.module == "films" {
			upstream = in.upstream
		}
	}
	f.mu.Unlock()
	if r.URL.Path != "/items" || upstream == "" {
		return nil
	}
	return forward(r, upstream)
}

func forward(r *http.Request, origin string) *http.Response {
	again, err := http.NewRequestWithContext(r.Context(), r.Method, origin+r.URL.RequestURI(), r.Body)
	if err != nil {
		return answer(http.StatusBadGateway, "")
	}
	again.Header = r.Header
	resp, err := http.DefaultTransport.RoundTrip(again)
	if err != nil {
		return answer(http.StatusBadGateway, "")
	}
	return resp
}

// leave answers DISCONNECT at once, and announces it behind the answer.
func leave(f *front, r *http.Request) *http.Response {
	if !strings.HasSuffix(r.URL.Path, "/announcements") {
		return nil
	}
	body := readBody(r)
	if !strings.Contains(string(body), `"disconnect"`) {
		return nil
	}
	behind, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, "http://"+f.target[true]+r.URL.Path, strings.NewReader(string(body)))
	if err != nil {
		return answer(http.StatusBadGateway, "")
	}
	behind.Header = r.Header
	go func() { // it ends with the core, at the latest
		if resp, err := http.DefaultTransport.RoundTrip(behind); err == nil {
			io.Copy(io.Discard, resp.Body) //nolint:errcheck // nobody reads it
			resp.Body.Close()
		}
	}()
	return answer(http.StatusOK, `{"outcome":"disconnected","state":{"phase":"out"}}`)
}
