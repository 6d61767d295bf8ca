package proxy

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// mutation is an edit that breaks what an item of STRICT.md says.
type mutation struct{ item, file, old, new string }

// strictItem is a row of STRICT.md.
type strictItem struct {
	name, source, where string
	tests               []string // that hold it
}

func strictItems(t *testing.T) (items []strictItem) {
	t.Helper()
	text, err := os.ReadFile("STRICT.md")
	if err != nil {
		t.Fatal(err)
	}
	test := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(line, "|\n "), "|")
		if len(cells) != 4 || strings.HasPrefix(line, "|--") || strings.HasPrefix(line, "| item") {
			continue
		}
		item := strictItem{name: strings.TrimSpace(cells[0]), source: cells[1], where: cells[2]}
		for _, m := range test.FindAllStringSubmatch(cells[3], -1) {
			item.tests = append(item.tests, m[1])
		}
		items = append(items, item)
	}
	return items
}

// TestMutantsDie breaks the code of every item of STRICT.md, and sees that one
// of its tests fails. That takes long, and is make mutants' to ask for by
// MODGATE_MUTANTS; else it sees that every item has a mutation that is one.
func TestMutantsDie(t *testing.T) {
	items := make(map[string]strictItem)
	for _, item := range strictItems(t) {
		items[item.name] = item
	}
	broken := make(map[string]bool)
	for _, m := range mutations {
		item, ok := items[m.item]
		if !ok {
			t.Errorf("STRICT.md has no item %q", m.item)
			continue
		}
		broken[m.item] = true
		text, err := os.ReadFile(m.file)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), m.old); n != 1 {
			t.Errorf("%s has %d times %q, want it once", m.file, n, m.old)
			continue
		}
		if os.Getenv("MODGATE_MUTANTS") != "" {
			t.Run(item.name, func(t *testing.T) { m.try(t, string(text), item.tests) })
		}
	}
	for name := range items {
		if !broken[name] {
			t.Errorf("no mutation breaks %q", name)
		}
	}
}

// try runs the tests with the edit made.
func (m mutation) try(t *testing.T, text string, tests []string) {
	dir := t.TempDir()
	path, err := filepath.Abs(m.file)
	if err != nil {
		t.Fatal(err)
	}
	changed := filepath.Join(dir, m.file)
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string]string{changed: strings.Replace(text, m.old, m.new, 1), filepath.Join(dir, "overlay.json"): string(overlay)} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "test", "-vet=off", "-count=1", "-failfast", "-timeout=2m", "-overlay", filepath.Join(dir, "overlay.json"),
		"-run", "^("+strings.Join(tests, "|")+")$", ".")
	cmd.Env = append(os.Environ(), "MODGATE_MUTANTS=")
	out, err := cmd.CombinedOutput()
	failed := regexp.MustCompile(`--- FAIL: (\w+)`).FindSubmatch(out)
	switch {
	case err == nil:
		t.Errorf("survives: %s: %q for %q", m.file, m.new, m.old)
	case failed != nil:
		t.Logf("dies in %s", failed[1])
	case strings.Contains(string(out), "panic: ") && !strings.Contains(string(out), "[build failed]"): // out of time, or beyond recovery
		t.Log("dies with its tests")
	default:
		t.Errorf("dies of something else: %s: %q for %q:\n%s", m.file, m.new, m.old, out)
	}
}
