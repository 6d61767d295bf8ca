package suite

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/modgate/modgate/conformance/cases"
	"github.com/modgate/modgate/conformance/script"
)

var rewrite = flag.Bool("rewrite", false, "write the generated documents anew")

func all(t *testing.T) []*script.Case {
	t.Helper()
	all, err := cases.All()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryRuleHasACaseOrAReason(t *testing.T) {
	for _, w := range Faults(all(t)) {
		t.Error(w)
	}
}

func TestRuleWithoutCaseIsAFault(t *testing.T) {
	var without []*script.Case
	for _, c := range all(t) {
		if !slices.Contains(c.Rules, "U13") {
			without = append(without, c)
		}
	}
	if got := strings.Join(Faults(without), "\n"); got != "rule U13 has no case" {
		t.Errorf("without the cases of U13: %q", got)
	}
	odd := &script.Case{Name: "x/odd", Title: "t", Rules: []string{"Z9", "G4"}, Features: []string{"flying"}}
	got := strings.Join(Faults(append(all(t), odd, odd)), "\n")
	for _, want := range []string{"no rule Z9", "no feature flying", "one title", `rule G4 has 2 cases: it is not "not yet"`} {
		if !strings.Contains(got, want) {
			t.Errorf("no fault %q in:\n%s", want, got)
		}
	}
}

func TestTableIsUpToDate(t *testing.T) {
	golden(t, "../TABLE.md", Table(all(t)))
}

func golden(t *testing.T, file, want string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("%s is not up to date (%v): go test ./conformance/suite -rewrite", file, err)
	}
}

func TestGrammarListsEveryVerb(t *testing.T) {
	const file = "../cases/GRAMMAR.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for name, table := range script.Tables() {
		head, rest, _ := strings.Cut(want, "<!-- "+name+" -->\n")
		_, tail, found := strings.Cut(rest, "<!-- end -->")
		if !found {
			t.Fatalf("%s has no place for %s", file, name)
		}
		want = head + "<!-- " + name + " -->\n" + table + "<!-- end -->" + tail
	}
	golden(t, file, want)
}
