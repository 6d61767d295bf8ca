package policies

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mutants are ways in which the analyser could be wrong. Each replaces one
// text of one file, and the comparisons with direct evaluation must notice.
var mutants = []struct{ name, file, old, new string }{
	{"what has a value outside is named inside", "body.go", `m.exists() && !in.outer[v]`, `m.exists()`},
	{"a second meaning replaces the first", "body.go", `!ok || in.vars[v].path != nil || in.vars[v].constant != nil`, `!ok`},
	{"else is forgotten", "analyse.go", `for ; r != nil; r = r.Else {`, `for ; r != nil; r = nil {`},
	{"with changes nothing", "body.go", "plain = false // it may replace what is known", ""},
	{"what with puts in does not matter", "body.go", `a.term(w.Value, s, b, plain)`, `_ = w`},
	{"a name's use is no use", "term.go", `a.use(s.vars[v])`, `_ = v`},
	{"heads do not matter", "analyse.go", `a.head(r, s, plain)`, `_ = s`},
	{"unequal is equal", "body.go", `case "neq", "gt", "gte":`, `case "gt", "gte":`},
	{"at least is below", "body.go", `case "neq", "gt", "gte":`, `case "neq", "gt":`},
	{"not is forgotten when deciding", "body.go", "if e.Negated {\n\t\treturn v.not()", "if false {\n\t\treturn v.not()"},
	{"up to is below", "predicate.go", `int(math.Floor(x)) + 1`, `int(math.Floor(x))`},
	{"up to a text is below it", "predicate.go", "return []predicate{p, {field: f, test: equals, text: s}}, true", "return []predicate{p}, true"},
	{"patterns of functions ask nothing", "analyse.go", `a.ask(asked)`, `_ = asked`},
	{"what stands in a reference does not matter", "term.go", "for _, t := range rest {\n\t\ta.term(t, s, b, plain)", "for _, t := range rest {\n\t\t_ = t"},
	{"every is not followed", "body.go", `a.body(t.Body, in, plain)`, `_ = in`},
	{"comprehensions are not followed", "term.go", `if !alive {`, `if true || !alive {`},
	{"a function is followed once", "analyse.go", `fmt.Sprintf("%p %v %q", r, plain, args)`, `fmt.Sprintf("%p %v", r, plain)`},
	{"a rule under with is followed once", "analyse.go", `fmt.Sprintf("%p %v %q", r, plain, args)`, `fmt.Sprintf("%p %q", r, args)`},
	{"an empty set is no value", "body.go", `rule.Head.RuleKind() != ast.SingleValue`, `rule.Head == nil`},
	{"a rule without else is all there is", "body.go", `for ; rule != nil; rule = rule.Else {`, `for ; rule != nil; rule = nil {`},
	{"rules below are not followed", "analyse.go", `a.tree(n.Children[child], nil, plain)`, `_ = child`},
	{"a conditional rule is a constant", "scope.go", `!b[0].Equal(ast.NewExpr(ast.BooleanTerm(true))), `, ``},
	{"a comparison reads the same from the right", "body.go", `l, r, op = r, l, mirrored[op]`, `l, r = r, l`},
	{"a flag asks nothing", "body.go", `a.ask([]predicate{{field: f, test: isSet}})`, ``},
	{"operands do not matter", "body.go", "for _, o := range operands {\n\t\ta.term(o, s, b, plain)\n\t}\n}\n\n// function", "}\n\n// function"},
	{"arguments do not matter", "body.go", "a.data(op, args, plain)", "a.data(op, nil, plain)"},
	{"the rest of a group does not matter", "analyse.go", `a.bypass(m.String() + " is used as a whole: refer to the fields by name")`, ``},
	{"raw texts are not looked at", "answers.go", `s.texts[i] != f.text(q, zone)`, `s.texts[i] != f.text(q, zone) && i < 0`},
	{"raw numbers are not looked at", "answers.go", `s.numbers[i] != value(q, zone)`, `s.numbers[i] != value(q, zone) && i < 0`},
	{"of numbers in a set one is asked about", "predicate.go", `range numbers {`, `range numbers[:1] {`},
	{"a time of day is its hour", "probe.go", `return t.Hour()*60 + t.Minute()`, `return t.Hour() * 60`},
	{"few values are not told apart", "probe.go", `p.enums[i].bits[j] |= bit`, `p.enums[i].bits[j*0] |= bit`},
	{"a step begins one late", "table.go", `t.cuts[i] <= n {`, `t.cuts[i] < n {`},
	{"equal to a number is at least that", "table.go", `t.cuts = append(t.cuts, n.number+1)`, ``},
	{"one pattern is all of a field's", "probe.go", `bits |= s.bits[j]`, `bits = s.bits[j]`},
}

// comparisons are the tests that have to notice.
const comparisons = "^Test(PlansAnswerAsEvaluationDoes|PlansAvoidTraps|ProbeAnswersAsPredicatesDo|StoredDecisionIsFoundByItsOwnRawValues)$"

// TestMutantsDie runs the comparisons on each mutant: it takes minutes, so only
// with MODGATE_MUTANTS. Otherwise it sees that each still has its text.
func TestMutantsDie(t *testing.T) {
	run := os.Getenv("MODGATE_MUTANTS") != ""
	for _, m := range mutants {
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			text, err := os.ReadFile(m.file)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(text), m.old); n != 1 {
				t.Fatalf("%s has %d times %q, want it once", m.file, n, m.old)
			}
			if run {
				t.Parallel()
				mutate(t, m.file, strings.Replace(string(text), m.old, m.new, 1))
			}
		})
	}
}

func mutate(t *testing.T, file, text string) {
	t.Helper()
	dir := t.TempDir()
	path, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := filepath.Join(dir, file)
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, file, text)
	write(t, dir, "overlay.json", string(overlay))
	cmd := exec.Command("go", "test", "-vet=off", "-count=1", "-overlay", filepath.Join(dir, "overlay.json"), "-run", comparisons, ".")
	cmd.Env = append(os.Environ(), "MODGATE_MUTANTS=", fmt.Sprintf("MODGATE_DECISIONS=%d", decisions))
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		t.Error("survives")
	case !strings.Contains(string(out), "--- FAIL: Test") || strings.Contains(string(out), "says little"):
		t.Errorf("dies of something else:\n%s", out)
	}
}
