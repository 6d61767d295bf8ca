package policies

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

func delayed(e fallback.Entrypoint, module string) fallback.Query {
	return fallback.Query{
		Entrypoint: e,
		Now:        time.Date(2026, 11, 24, 22, 30, 0, 0, time.UTC),
		Target: fallback.Target{
			Module: module, State: message.Delayed, Reason: message.ReasonUpdating, Version: "2.0.0",
			Absent: 10 * time.Second, TTLLeft: 110 * time.Second,
		},
	}
}

func TestFirstUnitWithAnAnswerDecides(t *testing.T) {
	files := map[string]string{
		"locked/a.rego":            "package modgate.locked\nrequest := {\"action\": \"missing\"} if input.request.method == \"TRACE\"\n",
		"modules/loans/loans.rego": "package modgate.modules[\"loans\"]\nrequest := {\"action\": \"delay\", \"mode\": \"reply\", \"rule\": \"writes\"} if input.request.method in {\"TRACE\", \"POST\"}\n",
		"site/a.rego":              "package modgate.site\nrequest := {\"action\": \"delay\", \"wait_s\": 5} if input.request.method in {\"TRACE\", \"POST\", \"GET\"}\n",
	}
	e := open(t, files)
	for _, c := range []struct {
		module, method, by string
		action             fallback.Action
		wait               time.Duration
	}{
		{"loans", "TRACE", "locked", fallback.Miss, 0},
		{"loans", "POST", "modules/loans: writes", fallback.Delay, 0},
		{"loans", "GET", "site", fallback.Delay, 5 * time.Second},
		{"members", "POST", "site", fallback.Delay, 5 * time.Second},
		{"members", "PUT", "base: park", fallback.Delay, 50 * time.Second},
	} {
		q := delayed(fallback.Request, c.module)
		q.HTTP.Method = c.method
		got := e.Decide(q)
		if got.By != c.by || got.Action != c.action || got.Wait != c.wait {
			t.Errorf("%s %s: got %+v, want %+v", c.method, c.module, got, c)
		}
	}
}

func TestUnitOfAModuleMayBeNamed(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "modules/patient/p.rego", "package modgate.modules.patient\ngrace := {\"grace_s\": 90}\n")
	e, err := Open(Options{Dir: dir, Units: map[string]string{"loans": "patient"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := e.Decide(delayed(fallback.Grace, "loans")).TTL, 90*time.Second; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := e.Decide(delayed(fallback.Grace, "members")).TTL; got != 0 {
		t.Errorf("another module's grace: got %v, want none", got)
	}
}

func TestUnitExtendsTheBaseInOneLine(t *testing.T) {
	e := open(t, map[string]string{"site/a.rego": `package modgate.site
request := object.union(data.modgate.base.request, {"wait_s": data.config.patience_s})
`, "data/config.json": `{"patience_s": 7}`})
	got := e.Decide(delayed(fallback.Request, "loans"))
	if got.By != "site: park" || got.Wait != 7*time.Second {
		t.Errorf("got %+v", got)
	}
}

// TestFaultsGoOnToTheNextUnit: an error never reaches the caller, and is
// reported once.
func TestFaultsGoOnToTheNextUnit(t *testing.T) {
	for _, c := range []struct {
		name, rego string
		class      Class
		detail     string
	}{
		{"conflict", `update := {"action": "defer"} if true
update := {"action": "deny"} if input.target.module == "loans"`, Conflict, "site/a.rego:"},
		{"endless", `update := {"action": "deny"} if count([1 | some i in numbers.range(1, 5000); some j in numbers.range(1, 5000); i + j == 0]) == 0`, Spent, ""},
		{"unknown member", `update := {"action": "defer", "retry_afer_s": 3}`, Invalid, "retry_afer_s is not known here"},
		{"unknown action", `update := {"action": "delay"}`, Invalid, `want one of "defer", "deny", "grant"`},
		{"out of range", `update := {"action": "defer", "retry_after_s": 700000}`, Invalid, "retry_after_s is 700000, want seconds above 0, up to 604800"},
		{"no object", `update := "grant"`, Invalid, "is a string, want an object"},
		{"part of a set", `update contains "grant"`, Invalid, "is a set, want an object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var faults []Fault
			e := openWith(t, map[string]string{"site/a.rego": "package modgate.site\n" + c.rego + "\n"}, func(f Fault) { faults = append(faults, f) })
			for range 3 {
				if got := e.Decide(delayed(fallback.Update, "loans")); got.Action != fallback.Grant || got.By != "base: grant" {
					t.Fatalf("got %+v, want the base's", got)
				}
			}
			if len(faults) != 1 || faults[0].Class != c.class || faults[0].Unit != "site" || !strings.Contains(faults[0].Detail, c.detail) {
				t.Errorf("got faults %v, want one %v with %q", faults, c.class, c.detail)
			}
			if got := e.Faults()["site"][c.class]; got != 3 {
				t.Errorf("counted %d, want 3", got)
			}
		})
	}
}

func TestDefaultInGoHoldsBelowAll(t *testing.T) {
	e := open(t, nil)
	s := e.current.Load()
	s.askers = nil // as if the base itself failed
	for entrypoint, want := range map[fallback.Entrypoint]fallback.Action{
		fallback.Request: fallback.Delay, fallback.Absence: fallback.Delay, fallback.Update: fallback.Grant, fallback.Grace: fallback.NoAction,
	} {
		if got := e.Decide(delayed(entrypoint, "loans")); got.Action != want || got.By != "default" {
			t.Errorf("%s: got %+v, want %v", entrypoint, got, want)
		}
	}
}

// TestBrokenUnitKeepsItsLastGoodText: the others' changes take effect.
func TestBrokenUnitKeepsItsLastGoodText(t *testing.T) {
	var faults []Fault
	var cleared []string
	dir := t.TempDir()
	write(t, dir, "site/a.rego", "package modgate.site\ngrace := {\"grace_s\": 1}\n")
	write(t, dir, "modules/loans/a.rego", "package modgate.modules.loans\nupdate := {\"action\": \"deny\"}\n")
	write(t, dir, "data/config.json", `{"a": 1}`)
	e, err := Open(Options{Dir: dir, Report: func(f Fault) { faults = append(faults, f) }, Clear: func(unit string) { cleared = append(cleared, unit) }})
	if err != nil {
		t.Fatal(err)
	}

	write(t, dir, "site/a.rego", "package modgate.site\ngrace := {\"grace_s\": 2}\n")
	write(t, dir, "modules/loans/a.rego", "package modgate.modules.loans\n\nupdate := {\"action\": \"grant\"} if input.target.stat == \"ready\"\n")
	write(t, dir, "data/config.json", "{\n\"a\": 1,\n}")
	var wrong Diagnostics
	if err := e.Reload(); !errors.As(err, &wrong) || len(wrong) != 2 {
		t.Fatalf("got %v, want two diagnostics", err)
	}
	if d := wrong[0]; d.File != "modules/loans/a.rego" || d.Line != 3 || !strings.Contains(d.Text, "undefined ref: input.target.stat") {
		t.Errorf("got %v", d)
	}
	if d := wrong[1]; d.File != "data/config.json" || d.Line != 3 {
		t.Errorf("got %v", d)
	}
	if got := e.Decide(delayed(fallback.Update, "loans")).Action; got != fallback.Deny {
		t.Errorf("broken unit: got %v, want its last good text's deny", got)
	}
	if got := e.Decide(delayed(fallback.Grace, "loans")).TTL; got != 2*time.Second {
		t.Errorf("good unit: got %v, want the new text's 2s", got)
	}
	if len(faults) != 2 || faults[0].Class != Broken || faults[0].Unit != "modules/loans" || cleared != nil {
		t.Errorf("got faults %v, cleared %v", faults, cleared)
	}

	write(t, dir, "modules/loans/a.rego", "package modgate.modules.loans\nupdate := {\"action\": \"defer\"}\n")
	write(t, dir, "data/config.json", `{}`)
	if err := e.Reload(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"data/config.json", "modules/loans"}; !slices.Equal(cleared, want) {
		t.Errorf("cleared %v, want %v", cleared, want)
	}
	if got := e.Decide(delayed(fallback.Update, "loans")).Action; got != fallback.Defer {
		t.Errorf("mended unit: got %v, want defer", got)
	}
}

func TestFolderThatCannotBeReadIsAnError(t *testing.T) {
	if _, err := Open(Options{Dir: t.TempDir() + "/nowhere"}); err == nil || !strings.Contains(err.Error(), "read policies") {
		t.Errorf("got %v", err)
	}
}

// TestUnitKeepsToItself: what a unit may define, refer to and call.
func TestUnitKeepsToItself(t *testing.T) {
	for _, c := range []struct{ file, text, want string }{
		{"site/a.rego", "package modgate.base\n", "site/a.rego:1: is package modgate.base; everything in site/ stands below package modgate.site"},
		{"modules/a/a.rego", "package modgate.modules.b\n", "modules/a/a.rego:1: is package modgate.modules.b; everything in modules/a/ stands below package modgate.modules.a"},
		{"a.rego", "package modgate.site\n", "a.rego: belongs to no unit"},
		{"site/a.rego", "package modgate.site\n\np := data.modgate.modules.loans.request\n", "site/a.rego:3: refers to data.modgate.modules.loans.request"},
		{"site/a.rego", "package modgate.site\n\np := data.modgate[input.target.module]\n", "site/a.rego:3: rule data.modgate.site.p may be recursive"},
		{"site/a.rego", "package modgate.site\n\np := data[input.target.module]\n", "site/a.rego:3: rule data.modgate.site.p may be recursive"},
		{"site/a.rego", "package modgate.site\n\np := time.now_ns()\n", "site/a.rego:3: time.now_ns is not available to policies: use input.now"},
		{"site/a.rego", "package modgate.site\n\np := http.send({})\n", "site/a.rego:3: http.send is not available to policies: put what it would fetch into data/<name>.json"},
		{"site/a.rego", "package modgate.site\n\np := rand.intn(\"x\", 3)\n", "site/a.rego:3: rand.intn is not available to policies"},
		{"site/a.rego", "package modgate.site\n\np := opa.runtime()\n", "site/a.rego:3: opa.runtime is not available to policies"},
		{"site/a.rego", "package modgate.site\n\np := crypto.x509.parse_and_verify_certificates(\"\")\n", "site/a.rego:3: crypto.x509.parse_and_verify_certificates is not available to policies"},
		{"site/a.rego", "package modgate.site\n\np if input.target.module = 1\n", "site/a.rego:3: match error"},
		{"site/a.rego", "package modgate.site\n\np if {\n", "site/a.rego:4: "},
		{"data/modgate.json", "{}", "data/modgate.json: is no document"},
	} {
		e := openWith(t, map[string]string{c.file: c.text}, func(Fault) {})
		if got := e.Diagnostics().Error(); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s %q:\n got %s\nwant %s", c.file, c.text, got, c.want)
		}
	}
}
