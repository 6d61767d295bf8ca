package policies

import (
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/modgate/modgate/core/fallback"
)

// TestBaseDecidesWhatTheReadmeSays holds the table against the policy, and the
// rules of the policy against the table.
func TestBaseDecidesWhatTheReadmeSays(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(readme), "## What the base decides")
	e := open(t, nil)
	said := map[string]bool{}
	for line := range strings.SplitSeq(table, "\n") {
		cells := strings.Split(line, "`")
		if len(cells) != 7 {
			continue
		}
		q := given(t, fallback.Entrypoint(cells[1]), cells[3])
		if q.Entrypoint == fallback.Alert {
			if got := e.Explain(q).Summary; got != cells[5] {
				t.Errorf("alert %s: got %s, want %s", cells[3], got, cells[5])
			}
			for _, i := range e.Incidents(q) {
				said["alert "+i.Code] = true
			}
			continue
		}
		want, err := answer(&q, ast.MustParseTerm(cells[5]).Value)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		want.By = by(unitBase, want.By)
		if got := e.Decide(q); !reflect.DeepEqual(got, want) {
			t.Errorf("%s %s: got %+v, want %+v", cells[1], cells[3], got, want)
		}
		said[cells[1]+" "+want.By] = true
	}
	for _, r := range e.current.Load().askers[unitBase].compiler.Modules["base/base.rego"].Rules {
		if ref := r.Head.Ref(); ref[0].Equal(ast.VarTerm("alert")) {
			if k := fmt.Sprint("alert ", string(ref[1].Value.(ast.String))); !said[k] {
				t.Errorf("no row of the table raises %s", k)
			}
			continue
		}
		rule := r.Head.Value.Value.(ast.Object).Get(ast.StringTerm("rule"))
		if k := string(r.Head.Name) + " base: " + string(rule.Value.(ast.String)); !said[k] {
			t.Errorf("no row of the table is decided by %s", k)
		}
	}
}

// given reads "state=delayed absent_s=60" into a query.
func given(t *testing.T, e fallback.Entrypoint, list string) fallback.Query {
	t.Helper()
	q := fallback.Query{Entrypoint: e, Target: fallback.Target{Module: "inventory"}}
	for _, pair := range strings.Fields(list) {
		name, value, _ := strings.Cut(pair, "=")
		var err error
		switch name {
		case "state":
			err = q.Target.State.UnmarshalText([]byte(value))
		case "reason":
			err = q.Target.Reason.UnmarshalText([]byte(value))
		case "version":
			q.Target.Version = value
		case "expected_s":
			q.Target.Expected, err = inSeconds(value)
		case "absent_s":
			q.Target.Absent, err = inSeconds(value)
		case "parked_percent":
			q.Parked.Limit = 100
			q.Parked.Count, err = strconv.Atoi(value)
		case "missing_per_s":
			q.Trouble.Missing, err = strconv.Atoi(value)
		default:
			t.Fatalf("%q: no such field", pair)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return q
}

func inSeconds(s string) (time.Duration, error) {
	n, err := strconv.Atoi(s)
	return time.Duration(n) * time.Second, err
}

// open returns an engine for the files, by path below the folder; an unexpected
// fault fails the test.
func open(t testing.TB, files map[string]string) *Engine {
	t.Helper()
	return openWith(t, files, func(f Fault) { t.Errorf("fault: %v", f) })
}

func openWith(t testing.TB, files map[string]string, report func(Fault)) *Engine {
	t.Helper()
	dir := ""
	if files != nil {
		dir = t.TempDir()
		for p, text := range files {
			write(t, dir, p, text)
		}
	}
	e, err := Open(Options{Dir: dir, Report: report})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func write(t testing.TB, dir, p, text string) {
	t.Helper()
	if i := strings.LastIndex(p, "/"); i >= 0 {
		if err := os.MkdirAll(dir+"/"+p[:i], 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(dir+"/"+p, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
