package adapters

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modgate/modgate/plugins/wat"
)

var rewrite = flag.Bool("rewrite", false, "assemble the adapters anew")

func TestAdaptersAreWhatTheirTextsSay(t *testing.T) {
	texts, err := filepath.Glob("*.wat")
	if err != nil || len(texts) == 0 {
		t.Fatalf("texts: %v %v", texts, err)
	}
	for _, text := range texts {
		source, err := os.ReadFile(text)
		if err != nil {
			t.Fatal(err)
		}
		want, err := wat.Assemble(string(source))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		name := strings.TrimSuffix(text, ".wat") + ".wasm"
		if *rewrite {
			if err := os.WriteFile(name, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := Read(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what %s says (%v): go test ./conformance/adapters -rewrite", name, text, err)
		}
	}
}
