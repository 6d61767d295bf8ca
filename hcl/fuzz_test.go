package hcl

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzLoad: whatever stands in a file, there is a configuration or an error,
// never a panic; and formatting keeps what it means.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/right/*.hcl*", "testdata/wrong/*.hcl", "testdata/wrong/*.json"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text, filepath.Ext(name) == ".json")
		}
	}
	none := func(string) (string, bool) { return "", false }
	f.Fuzz(func(t *testing.T, text []byte, asJSON bool) {
		name := "testdata/right/fuzz.hcl"
		if asJSON {
			name += ".json"
		}
		c, ds := read([]source{{name, text}}, nil, ".", surroundings{env: none})
		if (c == nil) != ds.HasErrors() {
			t.Fatalf("configuration %v with %v", c, ds)
		}
		_ = ds.String()
		if asJSON || c == nil {
			return
		}
		if _, ds := read([]source{{name, Format(text)}}, nil, ".", surroundings{env: none}); ds.HasErrors() {
			t.Fatalf("right before it was formatted:\n%s", ds)
		}
	})
}
