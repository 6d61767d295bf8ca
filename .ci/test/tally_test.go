package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestCountsSubtestsInsteadOfTheirParents(t *testing.T) {
	for _, c := range []struct {
		name           string
		events         string // "action test", one a line
		err            error
		passed, failed int
		skipped        int
	}{
		{"two tests", "run A\npass A\nrun B\npass B\n", nil, 2, 0, 0},
		{"subtests pass", "run A\nrun A/x\nrun A/y\npass A/x\npass A/y\npass A\n", nil, 2, 0, 0},
		{"one subtest fails", "run A\nrun A/x\nrun A/y\npass A/x\nfail A/y\nfail A\n", errors.New("exit status 1"), 1, 1, 0},
		{"only the parent fails", "run A\nrun A/x\npass A/x\nfail A\n", errors.New("exit status 1"), 1, 1, 0},
		{"a name with a slash of its own", "run A\nrun A/x/y\nfail A/x/y\nfail A\n", errors.New("exit status 1"), 0, 1, 0},
		{"a test that never ended", "run A\npass A\nrun B\n", errors.New("exit status 2"), 1, 1, 0},
		{"an exit after all tests passed", "run A\npass A\n", errors.New("exit status 3"), 1, 1, 0},
		{"a skip", "run A\nskip A\nrun B\npass B\n", nil, 1, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := count("p", encode(c.events), c.err)
			if got.passed != c.passed || got.failed != c.failed || len(got.skipped) != c.skipped {
				t.Errorf("got %d passed, %d failed, %d skipped; want %d, %d, %d",
					got.passed, got.failed, len(got.skipped), c.passed, c.failed, c.skipped)
			}
		})
	}
}

func TestShowsWhatFailedAndWhyWasSkipped(t *testing.T) {
	got := count("p", []byte(`{"Action":"output","Test":"A","Output":"quiet\n"}
{"Action":"pass","Test":"A"}
{"Action":"output","Test":"B","Output":"loud\n"}
{"Action":"fail","Test":"B"}
{"Action":"output","Test":"C","Output":"=== RUN   C\n"}
{"Action":"output","Test":"C","Output":"    c_test.go:9: no spin here\n"}
{"Action":"output","Test":"C","Output":"--- SKIP: C (0.00s)\n"}
{"Action":"skip","Test":"C"}
panic: not JSON
`), errors.New("exit status 1"))
	if want := "loud\npanic: not JSON\nexit status 1\n"; got.output != want {
		t.Errorf("output: got %q, want %q", got.output, want)
	}
	if want := []skip{{"p", "C", "c_test.go:9: no spin here"}}; !slices.Equal(got.skipped, want) {
		t.Errorf("skipped: got %v, want %v", got.skipped, want)
	}
}

func TestEveryPackageBelongsToAPart(t *testing.T) {
	for pkg, want := range map[string]string{
		"":                              "rest",
		"core/module":                   "lifecycle",
		"core/modules":                  "rest",
		"core/lifecycle/lifecycletest":  "lifecycle",
		"core/proxy":                    "data plane",
		"hcl":                           "rest",
		"hcl/examples/library/members":  "end to end",
		"a/package/no/one/has/heard/of": "rest",
	} {
		l := listed{ImportPath: strings.TrimSuffix("example.com/m/"+pkg, "/")}
		l.Module.Path = "example.com/m"
		i := slices.IndexFunc(parts, func(p part) bool { return within(l, p.patterns) })
		if got := parts[i].name; got != want {
			t.Errorf("%q: got part %q, want %q", pkg, got, want)
		}
	}
}

func encode(events string) []byte {
	var b strings.Builder
	for line := range strings.Lines(events) {
		action, test, _ := strings.Cut(strings.TrimSpace(line), " ")
		b.WriteString(`{"Action":"` + action + `","Test":"` + test + "\"}\n")
	}
	return []byte(b.String())
}
