package lifecycle_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var (
	mutants = flag.Bool("mutants", false, "break the machine in every way of the list, one at a time, and see that a test notices (an hour)")
	unknown = flag.Bool("unknown", false, "with -mutants: only in ways of which testdata/mutants.md does not say who noticed")
)

// rungs are the tests that a mutant meets, from the cheapest, and how long it
// may take: who hangs is found out, who is slow on a busy machine is not.
var rungs = []struct{ name, run, patience string }{
	{"table", "^TestTransitions$", "1m"},
	{"stories", "^TestStories$", "1m"},
	{"units", "^Test[BORUV]", "2m"},
	{"random", "^TestLivesAtRandom$", "5m"},
	{"explorer", "^TestSmallWorldsClose$", "15m"},
}

// The list in testdata/mutants.md is about the mutants that there are, each of
// them can still be made, and somebody killed it.
func TestMutantsAreListed(t *testing.T) {
	text, err := os.ReadFile("testdata/mutants.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(string(text)), "\n")[2:]
	for n, m := range mutations {
		code, err := os.ReadFile(m.file)
		if err != nil {
			t.Fatal(err)
		}
		if at := strings.Count(string(code), m.right); at != 1 {
			t.Errorf("%s: %q is %d times in %s, want once", m.name, m.right, at, m.file)
		}
		if row := fmt.Sprintf("| %s | %s | ", m.name, m.file); n >= len(rows) || !strings.HasPrefix(rows[n], row) || rows[n] == row+" |" {
			t.Errorf("%s: not in its place in testdata/mutants.md: run make mutants", m.name)
		}
	}
	if len(rows) > len(mutations) {
		t.Errorf("testdata/mutants.md lists %d mutants, there are %d", len(rows), len(mutations))
	}
}

// A machine that is wrong in one place is found out: each guard removed, each
// effect dropped, each order swapped, each deadline ignored. With -rewrite the
// list of who found out what first is written down.
func TestMutantsDie(t *testing.T) {
	if !*mutants {
		t.Skip("only with -mutants")
	}
	var out strings.Builder
	out.WriteString("| mutant | in | killed by |\n|---|---|---|\n")
	counts, known := map[string]int{}, killers(t)
	for _, m := range mutations {
		killer := known[m.name]
		if killer == "" {
			killer = m.meet(t)
		}
		if killer == "" {
			t.Errorf("%s: nobody noticed", m.name)
		}
		counts[killer]++
		fmt.Fprintf(&out, "| %s | %s | %s |\n", m.name, m.file, killer)
	}
	t.Logf("%d mutants, killed by %v", len(mutations), counts)
	if *rewrite {
		if err := os.WriteFile("testdata/mutants.md", []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// killers returns who killed which mutant, by the list, if that counts.
func killers(t *testing.T) map[string]string {
	t.Helper()
	known := map[string]string{}
	if !*unknown {
		return known
	}
	text, err := os.ReadFile("testdata/mutants.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, " | "); len(cells) == 3 {
			known[strings.TrimPrefix(cells[0], "| ")] = strings.TrimSuffix(strings.TrimSpace(cells[2]), " |")
		}
	}
	return known
}

// meet returns the first rung that finds m out, or "".
func (m mutation) meet(t *testing.T) string {
	t.Helper()
	binary := m.build(t)
	if _, err := os.Stat(binary); err != nil {
		return ""
	}
	for _, r := range rungs {
		if exec.Command(binary, "-test.run", r.run, "-test.failfast", "-test.timeout="+r.patience).Run() != nil {
			return r.name
		}
	}
	return ""
}

// mutation is one place in which the machine is made wrong.
type mutation struct{ name, file, right, wrong string }

// build returns the test binary of the mutant.
func (m mutation) build(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(m.file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), m.right); n != 1 {
		t.Fatalf("%s: %q is %d times in %s, want once", m.name, m.right, n, m.file)
	}
	dir := t.TempDir()
	mutant := filepath.Join(dir, "mutant.go")
	if err := os.WriteFile(mutant, []byte(strings.Replace(string(text), m.right, m.wrong, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	original, err := filepath.Abs(m.file)
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {original: mutant}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o644); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "mutant.test")
	cmd := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-o", binary, "-overlay", filepath.Join(dir, "overlay.json"), ".")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s does not compile: %v\n%s", m.name, err, text)
	}
	return binary
}
