package policies

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

var rewrite = flag.Bool("rewrite", false, "write the goldens anew")

// TestCheckFindsWhatIsWrong: each file of testdata/wrong is a site's policy,
// and beside it what check says of it.
func TestCheckFindsWhatIsWrong(t *testing.T) {
	files, err := filepath.Glob("testdata/wrong/*.rego")
	if err != nil || len(files) < 20 {
		t.Fatalf("got %d wrong policies, want at least 20 (%v)", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".rego"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r, err := check(fstest.MapFS{
				"site/a.rego":     {Data: text},
				"data/tiers.json": {Data: []byte(`{"diku": "gold"}`)},
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Findings) == 0 {
				t.Error("nothing found")
			}
			golden(t, strings.TrimSuffix(file, ".rego")+".txt", r.String())
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestNearestIsASlip(t *testing.T) {
	for _, c := range []struct{ word, want string }{
		{"requset", "request"}, {"request", "request"}, {"updat", "update"}, {"grant", ""}, {"upgrade", ""}, {"x", ""}, {"absense", "absence"},
	} {
		if got := nearest(c.word, entrypointNames()); got != c.want {
			t.Errorf("%s: got %q, want %q", c.word, got, c.want)
		}
	}
}
