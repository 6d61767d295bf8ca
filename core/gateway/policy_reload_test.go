package gateway

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// TestPoliciesAreReadAnewUnderLoad: by the API, all the time, while requests
// pour in: each is answered by some text that was in force.
func TestPoliciesAreReadAnewUnderLoad(t *testing.T) {
	text := func(n int) string {
		return fmt.Sprintf("package modgate.site\nrequest := {\"action\": \"missing\", \"status\": %d, \"headers\": {\"X-Text\": \"%d\"}, \"rule\": \"text\"} if input.request.tenant != \"\"\n", 400+n, n)
	}
	r, dir := withPolicies(t, map[string]string{"site/a.rego": text(0)})
	i := r.register("books", "1.0.0", says(t, "a book"))
	i.say(message.Resume)
	i.say(message.Update)
	var stop atomic.Bool
	var load sync.WaitGroup
	var asked, newest atomic.Int64
	for w := range 4 {
		load.Go(func() {
			for n := 0; !stop.Load(); n++ {
				status, body, h := r.ask("GET", "/books/1", fmt.Sprint("t", (n+w)%5))
				if h.Get("X-Text") != fmt.Sprint(status-400) || int64(status-400) > newest.Load() {
					t.Errorf("got %d %v %s", status, h, body)
					return
				}
				asked.Add(1)
			}
		})
	}
	const texts = 15
	for n := 1; n <= texts; n++ {
		newest.Store(int64(n)) // the follower may be faster
		writePolicy(t, dir, "site/a.rego", text(n))
		if status, err := r.admin.call("POST", "/v1/admin/reload", nil, nil); err != nil || status != http.StatusOK {
			t.Fatalf("reload: %d %v", status, err)
		}
		if status, _, _ := r.ask("GET", "/books/1", "t0"); status != 400+n {
			t.Errorf("after reload %d: got %d", n, status)
		}
	}
	stop.Store(true)
	load.Wait()
	if asked.Load() == 0 {
		t.Error("nothing was asked")
	}
	if f := r.policies.Faults(); len(f) != 0 {
		t.Errorf("faults: %v", f)
	}
}

func TestBrokenPolicyKeepsItsLastGoodTextInForce(t *testing.T) {
	good := "package modgate.modules.books\nrequest := {\"action\": \"missing\", \"status\": 410} if input.target.state == \"delayed\"\n"
	r, dir := withPolicies(t, map[string]string{"modules/books/a.rego": good, "site/wrong.rego": "package modgate.elsewhere\n"})
	if got := r.told("policy/site"); !strings.Contains(got, "site/wrong.rego:1") {
		t.Errorf("the incident at the start: %q", got)
	}
	i := r.register("books", "1.0.0", says(t, "a book"))
	i.say(message.Resume)
	i.say(message.Update)
	writePolicy(t, dir, "modules/books/a.rego", "package modgate.modules.books\n\nrequest := {\"action\": \"missing\"} if input.target.stat == \"delayed\"\n")
	r.until("the follower tells of it", func() bool { return strings.Contains(r.told("policy/modules/books"), "modules/books/a.rego:3") })
	if status, _, _ := r.ask("GET", "/books/1", ""); status != 410 {
		t.Errorf("got %d, want the last good text's 410", status)
	}
	wrong, _, err := r.Reload(t.Context())
	if text := fmt.Sprint(wrong); err != nil || !strings.Contains(text, filepath.Join(dir, "modules/books/a.rego")+":3:1: error") || !strings.Contains(text, ". Its last good text holds.") {
		t.Errorf("reload: %v %v", wrong, err)
	}
	status, err := r.admin.call("POST", "/v1/admin/reload", nil, nil)
	if err != nil || status != http.StatusBadRequest {
		t.Errorf("reload: %d %v", status, err)
	}
	if !strings.Contains(r.metrics(), "modgate_policies_not_in_force 2\n") {
		t.Error("the metrics do not tell")
	}
	writePolicy(t, dir, "modules/books/a.rego", strings.Replace(good, "410", "418", 1))
	writePolicy(t, dir, "site/wrong.rego", "package modgate.site\n")
	r.until("both are mended", func() bool { return r.told("policy/modules/books")+r.told("policy/site") == "" })
	if status, _, _ := r.ask("GET", "/books/1", ""); status != 418 {
		t.Errorf("got %d, want the new text's 418", status)
	}
}

func TestReloadTellsWhetherPoliciesChanged(t *testing.T) {
	r, dir := withPolicies(t, map[string]string{"data/tenants.json": "{}"})
	read := func() (changed bool) {
		changed, err := r.readPolicies()
		if err != nil {
			t.Fatal(err)
		}
		return changed
	}
	r.Gateway.reload.Lock() // and the follower reads nothing
	defer r.Gateway.reload.Unlock()
	if read() {
		t.Error("nothing was written")
	}
	writePolicy(t, dir, "data/tenants.json", `{"acme": "gold"}`)
	if !read() {
		t.Error("a document was written")
	}
	if read() {
		t.Error("nothing was written since")
	}
}

func TestPolicyOfAModuleIsTheOneThatItsConfigurationNames(t *testing.T) {
	r, _ := withPolicies(t, map[string]string{
		"modules/patient/a.rego": "package modgate.modules.patient\nrequest := {\"action\": \"missing\", \"status\": 451} if input.target.state == \"delayed\"\n",
	})
	i := r.register("books", "1.0.0", says(t, "a book"))
	i.say(message.Resume)
	i.say(message.Update)
	for _, c := range []struct {
		policy string
		wrong  bool
		status int
	}{{"patient", false, 451}, {"nobody", true, 0}} {
		next := *r.config
		books := config.DefaultModule("books", next.Defaults)
		books.Policy = c.policy
		next.Modules = []config.Module{books}
		r.o.Reload = func() (*config.Config, any) { return &next, nil }
		wrong, _, err := r.Reload(context.Background())
		if err != nil || (wrong != nil) != c.wrong || c.wrong && !strings.Contains(fmt.Sprint(wrong), "modules/nobody") {
			t.Errorf("%s: %v %v", c.policy, wrong, err)
		}
		if c.status != 0 {
			if status, _, _ := r.ask("GET", "/books/1", ""); status != c.status {
				t.Errorf("%s: got %d, want %d", c.policy, status, c.status)
			}
		}
	}
}

func TestRefusedReloadLeavesModulesTheirPolicies(t *testing.T) { // C1
	const text = "package modgate.modules.%s\nrequest := {\"action\": \"missing\", \"status\": %d} if input.target.state == \"delayed\"\n"
	r, dir := withPolicies(t, map[string]string{
		"modules/books/a.rego":   fmt.Sprintf(text, "books", 410),
		"modules/patient/a.rego": fmt.Sprintf(text, "patient", 451),
	})
	i := r.register("books", "1.0.0", says(t, "a book"))
	i.say(message.Resume)
	i.say(message.Update)
	next := *r.config
	books := config.DefaultModule("books", next.Defaults)
	books.Policy = "patient"
	mute := config.DefaultModule("mute", next.Defaults)
	mute.Versions = []config.Version{{Version: module.MustVersion("1.0.0"), Upstreams: []string{"http://127.0.0.1:1"}}}
	next.Modules = []config.Module{books, mute}
	r.o.Reload = func() (*config.Config, any) { next := next; return &next, nil }
	reload := func(refused bool, status int) {
		t.Helper()
		wrong, _, err := r.Reload(context.Background())
		if (wrong != nil || err != nil) != refused {
			t.Fatalf("reload: %v %v", wrong, err)
		}
		if got, _, _ := r.ask("GET", "/books/1", ""); got != status {
			t.Errorf("got %d, want %d", got, status)
		}
	}
	writePolicy(t, dir, "site/a.rego", "package modgate.site\nrequest := \n")
	reload(true, 410)
	writePolicy(t, dir, "site/a.rego", "package modgate.site\n")
	mute.Versions[0].Egress = []string{strings.TrimPrefix(r.data, "http://")} // which is taken
	reload(true, 410)
	mute.Versions[0].Egress = nil
	reload(false, 451)
}

// TestStorm: requests, state changes and new policies at once, some requests
// parked. Each is answered by the module, or as some text says that was in
// force; none is left waiting.
func TestStorm(t *testing.T) {
	text := func(n int) string {
		return fmt.Sprintf(`package modgate.site

watch := {"requests": %v}

request := {"action": "delay", "mode": "reply", "status": 429, "headers": {"X-Text": "%d"}, "rule": "turned_away"} if {
	input.target.state in {"delayed", "ready"}
	input.request.tenant in {"t1", "t2"}
}
`, n%2 == 0, n)
	}
	r, dir := withPolicies(t, map[string]string{"site/a.rego": text(0)})
	i := r.register("books", "1.0.0", says(t, "a book"))
	i.say(message.Resume)
	var stop atomic.Bool
	var load sync.WaitGroup
	var newest, served, turned atomic.Int64
	for w := range 6 {
		load.Go(func() {
			for n := 0; !stop.Load(); n++ {
				tenant := fmt.Sprint("t", (n+w)%4)
				status, body, h := r.ask("GET", "/books/1", tenant)
				var said int64
				fmt.Sscan(h.Get("X-Text"), &said) //nolint:errcheck // 0 where there is none
				switch {
				case status == 200 && body == "a book":
					served.Add(1)
				case status == 429 && (tenant == "t1" || tenant == "t2") && said <= newest.Load():
					turned.Add(1)
				default:
					t.Errorf("%s got %d %v %s", tenant, status, h, body)
					return
				}
			}
		})
	}
	for n := 1; n <= 12; n++ {
		newest.Store(int64(n))
		writePolicy(t, dir, "site/a.rego", text(n))
		i.say(message.Update)
		if _, _, err := r.Reload(context.Background()); err != nil {
			t.Error(err)
		}
		r.until("somebody is parked", func() bool { n, _ := r.parked("books"); return n > 0 })
		i.say(message.Resume)
	}
	stop.Store(true)
	load.Wait()
	if served.Load() == 0 || turned.Load() == 0 {
		t.Errorf("%d served, %d turned away", served.Load(), turned.Load())
	}
	if n, bytes := r.room.Total(); n != 0 || bytes != 0 {
		t.Errorf("%d are still parked, with %d bytes", n, bytes)
	}
	if f := r.policies.Faults(); len(f) != 0 {
		t.Errorf("faults: %v", f)
	}
}
