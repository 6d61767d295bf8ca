package hcl

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// golden compares got with the file, or rewrites it.
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
		t.Errorf("%s differs (go test -rewrite writes it anew, read the diff)\ngot:\n%s\nwant:\n%s", file, got, want)
	}
}

// Each file or folder of testdata/wrong has its diagnostics beside it.
func TestWrongConfigurationsAreExplained(t *testing.T) {
	explained(t, "testdata/wrong", false)
}

// What is in testdata/doubtful is accepted, with warnings.
func TestDoubtfulConfigurationsAreAccepted(t *testing.T) {
	explained(t, "testdata/doubtful", true)
}

func explained(t *testing.T, folder string, accepted bool) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if strings.HasSuffix(name, ".golden") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			c, ds := Load(filepath.Join(folder, name))
			if len(ds) == 0 || (c != nil) != accepted || ds.HasErrors() == accepted {
				t.Errorf("accepted: %v; want %v: %v", c != nil, accepted, ds)
			}
			for _, d := range ds {
				if d.Summary == "" || d.Detail == "" {
					t.Errorf("no advice: %+v", d)
				}
			}
			golden(t, filepath.Join(folder, strings.TrimSuffix(name, ".hcl")+".golden"), ds.String())
		})
	}
}
