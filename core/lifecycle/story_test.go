package lifecycle_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modgate/modgate/core/lifecycle/lifecycletest"
)

var rewrite = flag.Bool("rewrite", false, "write what the stories lead to into them; read the diff")

// The stories of testdata go as they are told. A story is commands, then
// after "----" what came of each and how the module stands, up to the next
// empty line.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			story := lifecycletest.NewStory()
			got := retell(story, string(text))
			for _, err := range story.Broken {
				t.Error(err)
			}
			switch {
			case got == string(text):
			case *rewrite:
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			default:
				t.Errorf("it goes otherwise; got:\n%s", got)
			}
		})
	}
}

// retell returns the text with what its commands lead to now.
func retell(story *lifecycletest.Story, text string) string {
	var out strings.Builder
	var said []string
	outcome := false // of the block before: skip it
	flush := func() {
		if len(said) > 0 {
			out.WriteString("----\n" + strings.Join(said, "\n") + "\n" + story.Picture())
		}
		said = nil
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "":
			flush()
			outcome = false
			out.WriteString("\n")
		case line == "----":
			outcome = true
		case outcome:
		case strings.HasPrefix(line, "#"):
			out.WriteString(line + "\n")
		default:
			out.WriteString(line + "\n")
			if what := story.Tell(line); what != "" {
				said = append(said, what)
			} else {
				said = append(said, "ok")
			}
		}
	}
	flush()
	return out.String()
}
