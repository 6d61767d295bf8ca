package gateway

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/policies"
)

// withPolicies starts a gateway with a folder of policies, by path, and the
// header Tenant for the tenant.
func withPolicies(t *testing.T, files map[string]string, change ...func(*config.Config)) (*running, string) {
	t.Helper()
	dir := t.TempDir()
	for p, text := range files {
		writePolicy(t, dir, p, text)
	}
	cfg := testConfig(child{t.TempDir(), anyPort, anyPort})
	cfg.Gateway.Policies, cfg.Gateway.TenantHeader, cfg.Gateway.Settle = dir, "Tenant", 0
	for _, f := range change {
		f(cfg)
	}
	r := startWith(t, cfg)
	r.o.Reload = func() (*config.Config, any) {
		next := *cfg
		return &next, nil
	}
	return r, dir
}

func writePolicy(t *testing.T, dir, p, text string) {
	t.Helper()
	name := filepath.Join(dir, filepath.FromSlash(p))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	// As tools that change files under others' eyes do: whole, or not at all.
	if err := os.WriteFile(name+".new", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
}

// ask sends a request of a tenant, and returns status, body and headers.
func (r *running) ask(method, path, tenant string) (int, string, http.Header) {
	r.t.Helper()
	req, err := http.NewRequest(method, r.data+path, http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Tenant", tenant)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

// metrics returns what /metrics says.
func (r *running) metrics() string {
	r.t.Helper()
	resp, err := http.Get("http://" + r.caller.control + "/metrics")
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// told returns the summary of the open incident of that key.
func (r *running) told(key string) string {
	for _, i := range r.alerts.Open() {
		if i.Key == key {
			return i.Summary
		}
	}
	return ""
}

const byTenant = `package modgate.site

request := {"action": "fallback", "fallback": {"static": {"status": 200, "body": "cached"}}, "rule": "gold"} if {
	input.target.state == "delayed"
	data.tenants[input.request.tenant] == "gold"
	input.request.method == "GET"
}

request := {"action": "delay", "mode": "reply", "retry_after_s": 7, "status": 429, "headers": {"X-Tier": "bronze"}, "rule": "bronze"} if {
	input.target.state == "delayed"
	data.tenants[input.request.tenant] == "bronze"
}
`

func TestPolicyAnswersByTenantDuringAnOutage(t *testing.T) { // A3
	r, dir := withPolicies(t, map[string]string{"site/a.rego": byTenant, "data/tenants.json": `{"diku": "gold", "acme": "bronze"}`})
	i := r.register("books", "1.0.0", says(t, "a book"))
	i.say(message.Resume)
	if status, body, _ := r.ask("GET", "/books/1", "diku"); status != 200 || body != "a book" {
		t.Fatalf("while it is ready: %d %s", status, body)
	}
	i.say(message.Update)
	for range 20 {
		if status, body, _ := r.ask("GET", "/books/1", "diku"); status != 200 || body != "cached" {
			t.Errorf("gold: %d %s", status, body)
		}
		if status, _, h := r.ask("GET", "/books/1", "acme"); status != 429 || h.Get("Retry-After") != "7" || h.Get("X-Tier") != "bronze" {
			t.Errorf("bronze: %d %v", status, h)
		}
	}
	got := r.metrics()
	for _, want := range []string{
		`modgate_policy_decisions_total{entrypoint="request",rule="gold",unit="site"} 20`,
		`modgate_policy_decisions_total{entrypoint="request",rule="bronze",unit="site"} 20`,
		`modgate_policy_evaluations_total 2`,
		`modgate_policy_decisions_total{entrypoint="update",rule="grant",unit="base"} 1`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no %s", want)
		}
	}

	// Who is parked is asked about again when data changes: uni becomes bronze.
	answered := make(chan int, 1)
	go func() {
		status, _, _ := r.ask("POST", "/books", "uni")
		answered <- status
	}()
	r.until("it is parked", func() bool { n, _ := r.parked("books"); return n == 1 })
	writePolicy(t, dir, "data/tenants.json", `{"diku": "gold", "acme": "bronze", "uni": "bronze"}`)
	if status := <-answered; status != 429 {
		t.Errorf("the parked request got %d", status)
	}
	i.say(message.Resume)
	if status, body, _ := r.ask("POST", "/books/1", "acme"); status != 200 || body != "a book" {
		t.Errorf("afterwards: %d %s", status, body)
	}
}

func TestPolicyWatchesAModuleThatIsReady(t *testing.T) { // A2
	r, dir := withPolicies(t, map[string]string{"data/tenants.json": "{}"})
	r.register("books", "1.0.0", says(t, "a book")).say(message.Resume)
	r.register("shelf", "1.0.0", says(t, "the shelf")).say(message.Resume)
	if status, body, _ := r.ask("GET", "/books/1", "acme"); status != 200 || body != "a book" {
		t.Fatalf("before: %d %s", status, body)
	}
	writePolicy(t, dir, "modules/books/a.rego", `package modgate.modules.books

watch := {"requests": true}

request := {"action": "delay", "mode": "reply", "retry_after_s": 60, "status": 429} if {
	input.target.state == "ready"
	input.request.tenant == "acme"
}

request := {"action": "fallback", "fallback": {"module": "shelf"}} if {
	input.target.state == "ready"
	startswith(input.request.path, "/books/old/")
}
`)
	if _, _, err := r.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, body, h := r.ask("GET", "/books/1", "acme"); h.Get("Retry-After") != "60" || !strings.Contains(body, `"ttl":"1m0s"`) {
		t.Errorf("when to come again: %v %s", h, body)
	}
	for _, c := range []struct {
		path, tenant string
		status       int
		body         string
	}{
		{"/books/1", "diku", 200, "a book"},
		{"/books/1", "acme", 429, `"reason":"refused"`},
		{"/books/old/1", "diku", 200, "the shelf"},
		{"/shelf/1", "acme", 200, "the shelf"},
	} {
		if status, body, _ := r.ask("GET", c.path, c.tenant); status != c.status || !strings.Contains(body, c.body) {
			t.Errorf("%s of %s: got %d %s, want %d %s", c.path, c.tenant, status, body, c.status, c.body)
		}
	}
	writePolicy(t, dir, "modules/books/a.rego", "package modgate.modules.books\n")
	if _, _, err := r.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := r.ask("GET", "/books/1", "acme"); status != 200 {
		t.Errorf("when nobody watches: got %d", status)
	}
}

func TestPolicyCallsTheAdministrator(t *testing.T) { // G5, A5, U1
	r, dir := withPolicies(t, map[string]string{"site/a.rego": `package modgate.site

alert["away"] := {"severity": "critical", "summary": sprintf("%s is away for an update", [input.target.module]), "detail": input.target.note} if {
	input.target.state == "delayed"
	input.target.reason == "updating"
}

alert["unmet"] := {"severity": "info", "summary": "books lacks something"} if input.trouble.unmet == 1

resume := {"rate_per_s": 5, "rule": "slowly"}
`})
	i := r.register("books", "1.0.0", says(t, "a book"))
	i.say(message.Resume)
	i.say(message.Update)
	const key = "alert/books/away"
	r.until("the administrator is called", func() bool { return r.told(key) == "books is away for an update" })
	i.say(message.Resume)
	r.until("it is over", func() bool { return r.told(key) == "" })
	if got := r.policies.Decisions(); got[policies.Rule{Entrypoint: fallback.Resume, Unit: "site", Name: "slowly"}] == 0 {
		t.Errorf("resume was not asked: %v", got)
	}
	i.say(message.Update)
	r.until("the administrator is called again", func() bool { return r.told(key) != "" })
	writePolicy(t, dir, "site/a.rego", "package modgate.site\n")
	r.until("the rule is gone", func() bool { return r.told(key) == "" })
}

func TestFallbackThatIsNotToBeHadIsAnIncident(t *testing.T) { // A3, G5
	r, _ := withPolicies(t, map[string]string{"site/a.rego": `package modgate.site

request := {"action": "fallback", "fallback": {"module": "shelf"}} if {
	input.target.module == "books"
	input.target.state != "ready"
}
`})
	books := r.register("books", "1.0.0", says(t, "a book"))
	shelf := r.register("shelf", "1.0.0", says(t, "the shelf"))
	lacks := func() string { return r.told("fallback/books/shelf") }
	ask := func(want int) {
		t.Helper()
		req, err := http.NewRequest("GET", r.data+"/books/1", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Prefer", "wait=0")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Fatalf("got %d, want %d", resp.StatusCode, want)
		}
	}
	ask(503)
	ask(503)
	if got := lacks(); !strings.Contains(got, "shelf is delayed too") {
		t.Errorf("told %q", got)
	}
	shelf.say(message.Resume)
	r.until("the fallback is there", func() bool { return lacks() == "" })
	ask(200)
	shelf.say(message.Update)
	ask(503)
	if lacks() == "" {
		t.Error("without it again: not told")
	}
	books.say(message.Resume)
	r.until("it is not needed any more", func() bool { return lacks() == "" })
}
