package policies

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

func TestParseQueryReadsWhatInputWrites(t *testing.T) {
	g := newGrammar(1, "site")
	for range 200 {
		q := g.query(g.target())
		q.Target.Losses, q.Caller.OnDelay = g.IntN(3), 1
		want := input(&q, time.UTC).String()
		got, err := ParseQuery([]byte(want), time.UTC)
		if err != nil {
			t.Fatalf("%s: %v", want, err)
		}
		if got := input(&got, time.UTC).String(); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
}

func TestParseQuerySaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		`[]`:                    "read the question",
		`{}`:                    `input.entrypoint is "", want one of "request"`,
		`{"entrypoint": "req"}`: `input.entrypoint is "req"`,
		`{"entrypoint": "update", "target": {"stat": "ready"}}`:                         "input.target.stat is not known",
		`{"entrypoint": "update", "target": "loans"}`:                                   "input.target is an object",
		`{"entrypoint": "update", "target": {"state": "away"}}`:                         `input.target.state cannot be "away", want one of "delayed"`,
		`{"entrypoint": "update", "target": {"losses": -1}}`:                            "input.target.losses is -1",
		`{"entrypoint": "update", "target": {"losses": "1"}}`:                           "input.target.losses is a number",
		`{"entrypoint": "update", "target": {"note": null}}`:                            "input.target.note is null",
		`{"entrypoint": "update", "request": {"method": "GET"}}`:                        "input.request.method is there for request only",
		`{"entrypoint": "request", "caller": {"kind": "client", "module": "loans"}}`:    `input.caller.kind cannot be "client"`,
		`{"entrypoint": "request", "now": {"weekday": "monday", "date": "2026-11-24"}}`: `input.now.weekday cannot be "monday" beside what else is given`,
	} {
		if _, err := ParseQuery([]byte(text), time.UTC); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestMeasureTellsACachedAnswerFromOneThatIsNot(t *testing.T) {
	e := openFiles(t, map[string]string{"site/a.rego": "package modgate.site\nrequest := {\"action\": \"missing\"} if input.request.method == \"PUT\"\n"})
	q := delayed(fallback.Request, "loans")
	if m := e.Measure(q); m.Hit.Nanoseconds == 0 || m.Ratio < 2 || m.Plan.Nanoseconds == 0 || len(m.Cost.Predicates) != 1 {
		t.Errorf("got %v", m)
	}
	if m := e.Measure(delayed(fallback.Update, "loans")); m.Hit != (Expense{}) || m.Direct.Nanoseconds == 0 {
		t.Errorf("got %v", m)
	}
}

func TestSetGivesAFieldAValue(t *testing.T) {
	q := Question{}
	for _, s := range []string{"entrypoint=request", "target.state=missing", " input.target.reason=expired", "target.losses=3", "request.repeatable=true", "target.note=a=b"} {
		if err := q.Set(s); err != nil {
			t.Fatal(err)
		}
	}
	got, err := q.Query(time.UTC)
	if want := (fallback.Target{State: message.Missing, Reason: message.ReasonExpired, Losses: 3, Note: "a=b"}); err != nil || got.Target != want || !got.HTTP.Repeatable {
		t.Errorf("got %+v, %v", got, err)
	}
	for s, want := range map[string]string{
		"target.state":      "want FIELD=VALUE",
		"target.stat=x":     "did you mean target.state?",
		"x=1":               "schemas/input.json lists what is",
		"target.losses=few": "input.target.losses is a number",
	} {
		if err := q.Set(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", s, err, want)
		}
	}
	if err := (Question{"target": 1}).Set("target.state=missing"); err == nil {
		t.Error("want an error: target is no object")
	}
}

// TestNewUnitIsRight: what New writes has no findings, passes its tests, is
// formatted, and is not overwritten.
func TestNewUnitIsRight(t *testing.T) {
	dir := t.TempDir()
	for _, unit := range []string{"site", "locked", "modules/mod-loans"} {
		files, err := New(dir, unit)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := Format(f, text); err != nil || string(got) != string(text) {
				t.Errorf("%s is not formatted (%v):\n%s", f, err, got)
			}
		}
		if _, err := New(dir, unit); !os.IsExist(unwrap(err)) {
			t.Errorf("a second time: got %v", err)
		}
	}
	if r, err := Check(dir); err != nil || len(r.Findings) > 0 || len(r.Costs) != 3 {
		t.Errorf("got %+v, %v", r, err)
	}
	if r, err := Test(context.Background(), dir, TestOptions{}); err != nil || r.Failed() || len(r.List) != 6 {
		t.Errorf("got %+v, %v", r, err)
	}
	for _, unit := range []string{"", "..", "modules/a/b", "../site", "sites/a"} {
		if _, err := New(dir, unit); err == nil {
			t.Errorf("%q: want an error", unit)
		}
	}
	if left, _ := filepath.Glob(dir + "/*"); len(left) != 3 {
		t.Errorf("got %v", left)
	}
}

func unwrap(err error) error {
	if u, ok := err.(interface{ Unwrap() error }); ok {
		return u.Unwrap()
	}
	return err
}
