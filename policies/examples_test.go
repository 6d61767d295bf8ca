package policies

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/open-policy-agent/opa/v1/format"
)

// shippedExamples are the folders of worked examples.
func shippedExamples(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob("examples/*")
	if err != nil || len(dirs) < 4 {
		t.Fatalf("got %d examples, want at least 4 (%v)", len(dirs), err)
	}
	return dirs
}

// TestExamplesPassTheirTests runs them as opa test does, all lines covered.
func TestExamplesPassTheirTests(t *testing.T) {
	for _, dir := range shippedExamples(t) {
		trials, err := Test(context.Background(), dir, TestOptions{})
		if err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
		if len(trials.List) < 3 {
			t.Errorf("%s: got %d tests, want at least 3", dir, len(trials.List))
		}
		for _, r := range trials.List {
			if r.Failed {
				t.Errorf("%s:%d: %s: %s", r.File, r.Line, r.Name, r.Detail)
			}
		}
		for file, percent := range trials.Coverage {
			if percent < 90 {
				t.Errorf("%s: %.0f %% of the lines are covered, want 90", file, percent)
			}
		}
	}
}

func TestExamplesHaveNoFindings(t *testing.T) {
	for _, dir := range shippedExamples(t) {
		r, err := Check(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Findings {
			t.Errorf("%s: %v", dir, f)
		}
		for _, c := range r.Costs {
			if c.Bypass != "" || len(c.Raw) > 2 {
				t.Errorf("%s: a request of %s costs: %v", dir, c.Unit, c)
			}
		}
	}
}

// TestShippedPoliciesAreFormatted: base, lib and examples as opa fmt has them.
func TestShippedPoliciesAreFormatted(t *testing.T) {
	var files []string
	for _, pattern := range []string{"base/*.rego", "lib/*.rego", "examples/*/*/*.rego", "examples/*/*/*/*.rego"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := format.Source(file, text)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(text) {
			t.Errorf("%s is not formatted; want:\n%s", file, got)
		}
	}
}

// TestShippedPoliciesAnswerAsEvaluationDoes compares their plans with direct
// evaluation.
func TestShippedPoliciesAnswerAsEvaluationDoes(t *testing.T) {
	var sum tally
	for i, dir := range append(shippedExamples(t), "") {
		e, err := Open(Options{Dir: dir, Report: func(f Fault) { t.Errorf("fault: %v", f) }})
		if err != nil {
			t.Fatal(err)
		}
		g := newGrammar(uint64(i), "site")
		g.words = []string{"GET", "POST", "/items", "/items/suggest", "/items/popular", "central", "branch", "other"}
		g.limits = []int{0, 5, 8, 10, 50, 60, 90, 65536}
		for range 40 {
			for _, module := range []string{"loans", "catalogue"} {
				target := g.target()
				target.Module = module
				compareState(t, e, g, target, &sum, map[string]string{"site/a.rego": fmt.Sprint(dir, " ", module)})
			}
		}
	}
	t.Log(sum)
	if sum.bypassed > 0 || sum.compared < 5000 {
		t.Errorf("got %v", sum)
	}
}
