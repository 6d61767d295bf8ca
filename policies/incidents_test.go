package policies

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/fallback"
)

// TestIncidentsOfAllUnitsCount: what one unit calls an incident takes nothing
// from another; of one code, the first unit's holds; false says there is none.
func TestIncidentsOfAllUnitsCount(t *testing.T) {
	e := open(t, map[string]string{
		"locked/a.rego": `package modgate.locked
alert["crowded"] := false if input.target.module == "loans"
`,
		"modules/loans/a.rego": `package modgate.modules.loans
alert["slow"] := {"severity": "critical", "summary": "callers of loans wait", "detail": input.target.reason} if input.trouble.oldest_s >= 5
`,
		"site/a.rego": `package modgate.site
alert["slow"] := {"severity": "info", "summary": "somebody waits"} if input.trouble.oldest_s >= 3
alert["unmet"] := {"severity": "warning", "summary": "requirements"} if input.trouble.unmet_for_s > 60
`,
	})
	q := delayed(fallback.Alert, "loans")
	q.Parked = fallback.Parked{Count: 90, Limit: 100}
	for _, c := range []struct {
		module string
		oldest int
		want   string
	}{
		{"loans", 0, "no incident, says every unit"},
		{"loans", 3, "info slow, says site"},
		{"loans", 5, "critical slow, says modules/loans"},
		{"members", 5, "warning crowded, info slow, says base, site"},
	} {
		q.Target.Module, q.Parked.Oldest = c.module, time.Duration(c.oldest)*time.Second
		e.Incidents(q)
		if got := strings.TrimSpace(strings.SplitN(e.Explain(q).String(), "\n", 2)[0]); got != c.want {
			t.Errorf("%s, %d s: got %s, want %s", c.module, c.oldest, got, c.want)
		}
	}
	if got := e.Decisions()[Rule{fallback.Alert, "site", "slow"}]; got != 2 {
		t.Errorf("counted %d, want 2", got)
	}
}

func TestIncidentsRefuseWhatTheSchemaDoes(t *testing.T) {
	for rego, want := range map[string]string{
		`alert := "x"`:       "is a string, want an object of incidents by code",
		`alert["A b"] := {}`: "A b is no code",
		`alert["a"] := true`: "a is a boolean, want an object, or false",
		`alert["a"] := {}`:   "a has no severity, or no summary",
		`alert["a"] := {"severity": "high", "summary": "x"}`:                  `a severity is "high", want one of "info", "warning", "critical"`,
		`alert["a"] := {"severity": "info", "summary": "x", "to": "you"}`:     "a to is not known here",
		`alert[format_int(i, 10)] := false if some i in numbers.range(0, 16)`: "has 17 incidents, want at most 16",
	} {
		var faults []Fault
		e := openWith(t, map[string]string{"site/a.rego": "package modgate.site\n" + rego + "\n"}, func(f Fault) { faults = append(faults, f) })
		q := delayed(fallback.Alert, "loans")
		q.Trouble.Missing = 10
		if got := e.Incidents(q); len(got) != 1 || got[0].Code != "turning_away" {
			t.Errorf("%s: got %v, want the base's", rego, got)
		}
		if len(faults) != 1 || faults[0].Class != Invalid || !strings.Contains(faults[0].Detail, want) {
			t.Errorf("%s: got faults %v, want %q", rego, faults, want)
		}
	}
}

// TestIncidentsAreTheSchemas: the bounds are those of schemas/alert.json.
func TestIncidentsAreTheSchemas(t *testing.T) {
	text, err := os.ReadFile("schemas/alert.json")
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		MaxProperties int
		PropertyNames struct{ Pattern string }
		Additional    struct {
			OneOf []struct {
				Properties map[string]struct {
					Enum      []string
					MaxLength int
				}
			}
		} `json:"additionalProperties"`
	}
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	p := s.Additional.OneOf[1].Properties
	if s.MaxProperties != mostIncidents || s.PropertyNames.Pattern != "^[a-z0-9._-]{1,64}$" || !slices.Equal(p["severity"].Enum, severities) ||
		p["summary"].MaxLength != longestSummary || p["detail"].MaxLength != longestStory || len(p) != 3 {
		t.Errorf("got %+v", s)
	}
}

func TestForbiddenDecisionsGoOnToTheNextUnit(t *testing.T) { // A3
	for name, c := range map[string]struct {
		state  string
		older  string
		says   string
		want   fallback.Action
		detail string
	}{
		"pass while away":         {"delayed", "", `{"action": "pass"}`, fallback.Delay, "pass, of a module that is not ready"},
		"delay when missing":      {"missing", "", `{"action": "delay"}`, fallback.Miss, "delay, of a module that is missing"},
		"older without one":       {"delayed", "", `{"action": "fallback", "fallback": {"older": true}}`, fallback.Delay, "neither below the floor nor draining"},
		"older with one":          {"delayed", "1.0.0", `{"action": "fallback", "fallback": {"older": true}}`, fallback.Substitute, ""},
		"parking at a ready one":  {"ready", "", `{"action": "delay", "mode": "park"}`, fallback.Pass, "parking, at a module that is ready"},
		"waiting for a ready one": {"ready", "", `{"action": "delay", "wait_s": 3}`, fallback.Pass, "parking, at a module that is ready"},
		"delay of a ready one":    {"ready", "", `{"action": "delay"}`, fallback.Delay, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var faults []Fault
			e := openWith(t, map[string]string{"site/a.rego": "package modgate.site\nrequest := " + c.says + "\n"}, func(f Fault) { faults = append(faults, f) })
			q := given(t, fallback.Request, "state="+c.state)
			q.Target.Older = c.older
			for range 3 {
				got := e.Request(&q)
				if got.Action != c.want || c.state == "ready" && c.want == fallback.Delay && !got.Reply {
					t.Errorf("got %+v, want %v", got, c.want)
				}
			}
			switch {
			case c.detail == "" && faults != nil:
				t.Errorf("got faults %v", faults)
			case c.detail != "" && (len(faults) != 1 || faults[0].Class != Forbidden || !strings.Contains(faults[0].Detail, c.detail)):
				t.Errorf("got faults %v, want one with %q", faults, c.detail)
			}
		})
	}
}

func TestDecisionsAreCountedByRule(t *testing.T) {
	e := open(t, map[string]string{"site/a.rego": "package modgate.site\nrequest := {\"action\": \"missing\", \"rule\": input.request.tenant} if input.request.method == \"POST\"\n"})
	q := delayed(fallback.Request, "loans")
	for range 3 {
		e.Request(&q).Tally.Add(1)
	}
	q.HTTP.Method, q.HTTP.Tenant = "POST", "diku"
	e.Request(&q).Tally.Add(1)
	e.Request(&q).Tally.Add(1)
	e.Decide(q)
	got := e.Decisions()
	if got[Rule{fallback.Request, "base", "park"}] != 3 || got[Rule{fallback.Request, "site", "diku"}] != 3 {
		t.Errorf("got %v", got)
	}
	for i := range 2 * mostRules {
		e.rules.of(fallback.Request, by("site", string(rune('A'+i%26))+strings.Repeat("x", i/26))).Add(1)
	}
	if got := e.Decisions(); len(got) > mostRules+1 || got[Rule{fallback.Request, "site", otherRule}] < mostRules {
		t.Errorf("got %d rules, and %d of others", len(got), got[Rule{fallback.Request, "site", otherRule}])
	}
}
