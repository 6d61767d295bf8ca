package policies

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// block is a fenced block of the guide, with the path above it, if any.
var block = regexp.MustCompile("(?:`([a-z/]+\\.(?:rego|json))`\n\n)?```(rego|json|text)\n((?s:.*?))```\n")

// TestGuideIsTrue runs every example of the guide.
func TestGuideIsTrue(t *testing.T) {
	text, err := os.ReadFile("GUIDE.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := 0
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		title, _, _ := strings.Cut(section, "\n")
		tree := fstest.MapFS{}
		question, want := "", ""
		for _, m := range block.FindAllStringSubmatch(section, -1) {
			switch path, language, body := m[1], m[2], m[3]; {
			case path != "":
				tree[path] = &fstest.MapFile{Data: []byte(body)}
			case language == "json":
				question = body
			case language == "text":
				want = body
			}
		}
		if len(tree) == 0 {
			continue
		}
		examples++
		t.Run(title, func(t *testing.T) { explains(t, tree, question, want) })
	}
	if examples < 4 {
		t.Errorf("got %d examples, want at least 4", examples)
	}
}

func explains(t *testing.T, tree fstest.MapFS, question, want string) {
	t.Helper()
	r, err := check(tree)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		t.Error(f)
	}
	e, err := Open(Options{tree: tree})
	if err != nil {
		t.Fatal(err)
	}
	q, err := ParseQuery([]byte(question), time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Explain(q).String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
