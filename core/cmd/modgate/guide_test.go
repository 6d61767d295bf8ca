package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what commands print into the guide")

const guide = "../../../policies/GUIDE.md"

var (
	guideFile    = regexp.MustCompile("(?m)^`([^`\n]+\\.(?:rego|json))`\n\n```\\w+\n((?s:.*?))```\n")
	guideSession = regexp.MustCompile("(?m)^```console\n((?s:.*?))```\n")
	// measured is what no two runs print alike.
	measured = regexp.MustCompile(` +\d+\.\d+ [nµ]s| +\d+ allocations|1 : \d+`)
)

// TestGuideIsTrue runs every command in policies/GUIDE.md, section by section,
// on the files that the section shows, and compares what it prints.
func TestGuideIsTrue(t *testing.T) {
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Abs(guide)
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split(string(text), "\n## ")
	commands := 0
	for i, section := range sections {
		title, _, _ := strings.Cut(section, "\n")
		t.Run(strings.ReplaceAll(title, " ", "_"), func(t *testing.T) {
			t.Chdir(t.TempDir())
			for _, f := range guideFile.FindAllStringSubmatch(section, -1) {
				if err := os.MkdirAll(filepath.Dir(f[1]), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(f[1], []byte(f[2]), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for _, s := range guideSession.FindAllStringSubmatch(section, -1) {
				got, n := session(t, s[1])
				commands += n
				if measured.ReplaceAllString(got, "") != measured.ReplaceAllString(s[1], "") {
					t.Errorf("got:\n%s\nthe guide says:\n%s", got, s[1])
					sections[i] = strings.Replace(sections[i], s[1], got, 1)
				}
			}
		})
	}
	if commands < 10 {
		t.Errorf("the guide has %d commands, want at least 10", commands)
	}
	if *rewrite {
		if err := os.WriteFile(path, []byte(strings.Join(sections, "\n## ")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// session runs the commands of a session, and returns it as it went.
func session(t *testing.T, text string) (as string, commands int) {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(text) {
		command, ok := strings.CutPrefix(line, "$ modgate ")
		if !ok {
			if strings.HasPrefix(line, "$") {
				t.Errorf("%q: the guide runs modgate only", line)
			}
			continue
		}
		commands++
		b.WriteString(line)
		var out bytes.Buffer
		run(t.Context(), strings.Fields(command), &out, &out)
		b.Write(out.Bytes())
	}
	return b.String(), commands
}
