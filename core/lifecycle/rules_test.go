package lifecycle_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// apart are the rules that no story of one module's record can show, and who
// shows them.
var apart = map[string]string{
	"A2": "the data plane", "A3": "the data plane", "A5": "the waiting room", "A6": "the waiting room", "A8": "the data plane",
	"C1": "the configuration", "D1": "core/requirement", "D2": "core/requirement", "D4": "core/requirement", "D5": "core/control",
	"D6": "core/module", "V8": "the data plane", "L4": "the configuration", "N1": "core/requirement", "G1": "the store",
	"G2": "second wave", "G3": "the gateway", "G5": "core/alert", "I1": "the data plane", "I2": "core/api",
}

// unbuilt are the rules of the second wave that no test cites yet.
var unbuilt = []string{"G2"}

var (
	ruleLine = regexp.MustCompile(`(?m)^- \*\*([A-Z]\d+)\*\*`)
	citation = regexp.MustCompile(`\b[ACDGILNOUV]\d{1,2}\b`)
)

// rules lists the numbers of the specification.
func rules(t *testing.T) (all []string) {
	t.Helper()
	text, err := os.ReadFile("SPECIFICATION.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range ruleLine.FindAllStringSubmatch(string(text), -1) {
		all = append(all, m[1])
	}
	return all
}

// Every rule of a module's life has a story that is named for it and cites
// it in its first words.
func TestEveryRuleHasItsStory(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		number, _, _ := strings.Cut(filepath.Base(file), "-")
		rule := strings.ToUpper(number)
		told[rule] = true
		if !slices.Contains(citation.FindAllString(heading(text), -1), rule) {
			t.Errorf("%s does not begin with a comment that cites %s: %q", file, rule, heading(text))
		}
	}
	for _, rule := range rules(t) {
		if who, elsewhere := apart[rule]; told[rule] == elsewhere {
			t.Errorf("%s: it has a story: %v; it is shown elsewhere: %q", rule, told[rule], who)
		}
	}
}

// heading returns the comment that a story begins with.
func heading(story []byte) string {
	var head strings.Builder
	for line := range strings.Lines(string(story)) {
		if !strings.HasPrefix(line, "#") {
			break
		}
		head.WriteString(line)
	}
	return head.String()
}

// Every rule is cited by a test, in the comment of the test or on its first
// line. With -v the table of rules and tests is printed.
func TestEveryRuleIsCitedByATest(t *testing.T) {
	cited := citations(t, filepath.Join("..", ".."))
	for _, rule := range rules(t) {
		tests := cited[rule]
		slices.Sort(tests)
		t.Logf("%s: %s", rule, strings.Join(slices.Compact(tests), " "))
		if tested := len(tests) > 0; tested == slices.Contains(unbuilt, rule) {
			t.Errorf("%s: a test cites it: %v, it is listed as unbuilt: %v", rule, tested, !tested)
		}
	}
}

// citations returns, by rule, the tests of the repository that cite it; a
// story counts as one.
func citations(t *testing.T, root string) map[string][]string {
	t.Helper()
	cited := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(name, ".") && path != root:
			return filepath.SkipDir
		case strings.HasSuffix(name, "_test.go"):
			return cite(cited, root, path)
		case strings.HasSuffix(name, ".txt") && filepath.Base(filepath.Dir(path)) == "testdata" && strings.Contains(path, "lifecycle"):
			text, err := os.ReadFile(path)
			for _, rule := range citation.FindAllString(heading(text), -1) {
				cited[rule] = append(cited[rule], "TestStories/"+strings.TrimSuffix(name, ".txt"))
			}
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return cited
}

// cite adds what the tests of one file cite.
func cite(cited map[string][]string, root, path string) error {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	dir, err := filepath.Rel(root, filepath.Dir(path))
	if err != nil {
		return err
	}
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(f.Name.Name, "Test") {
			continue
		}
		for _, c := range file.Comments {
			first := set.Position(c.Pos()).Line == set.Position(f.Body.Lbrace).Line
			if c != f.Doc && !first {
				continue
			}
			for _, rule := range citation.FindAllString(c.Text(), -1) {
				cited[rule] = append(cited[rule], dir+"."+f.Name.Name)
			}
		}
	}
	return nil
}

// Every race of the list in races.md is played by tests that are there.
func TestRacesAreWrittenDown(t *testing.T) {
	text, err := os.ReadFile("races.md")
	if err != nil {
		t.Fatal(err)
	}
	folder := regexp.MustCompile("`(core/[a-z]+)`")
	name := regexp.MustCompile(`\b(Test\w+|[a-z]\d+(?:-[a-z0-9]+)+)\b`)
	races := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, " | ")
		if len(cells) != 2 || !strings.HasPrefix(line, "| ") || cells[0] == "| race" {
			continue
		}
		races++
		in := ""
		if m := folder.FindStringSubmatch(cells[1]); m != nil {
			in = m[1]
		}
		names := name.FindAllString(cells[1], -1)
		for _, n := range names {
			if !played(t, in, n) {
				t.Errorf("%s: there is no %s", strings.TrimPrefix(cells[0], "| "), n)
			}
		}
		if len(names) == 0 {
			t.Errorf("%s is played by nobody", cells[0])
		}
	}
	if races < 15 {
		t.Errorf("%d races; the list is cut short, or not understood", races)
	}
}

// played reports whether that story, or test of the folder, is there.
func played(t *testing.T, folder, name string) bool {
	t.Helper()
	if !strings.HasPrefix(name, "Test") {
		_, err := os.Stat(filepath.Join("testdata", name+".txt"))
		return err == nil
	}
	files, err := filepath.Glob(filepath.Join("..", "..", folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(text), "func "+name+"(")
	})
}
