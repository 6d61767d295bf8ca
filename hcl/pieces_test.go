package hcl

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func TestCutSourcesMeanTheSame(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		meansTheSame(t, text)
	}
	for text, pieces := range map[string]int{
		"a {\n}\nb {\n}\n":  3,
		"a {}\n\n# {\nb {}": 4,
		"a {\n  # }\n  // }\n  b = \"}\\\"}\"\n}\nb {}\n":             3,
		"locals {\n  a = \"${[\n{ a = \"}\" }\n][0]}\"\n}\nlocals {}": 2,
		"locals {\n  a = [(\n1), {\n}]\n}\na {}\r\nb {}\n":            4,
		"a = 1\na = 2\n":                 3, // wrong together
		"a {}\n}\nb {}":                  1, // closes what is not open
		"a {\n  b = <<E\n}\nE\n}\n b {}": 1, // not sure
		"a {} /*\nb {}\n*/\n":            1,
		"a {\n  b = \"$\"\n}\nb {}":      1,
		"a {\n  b = \"\n}\nb {}":         1,
		"a {\n  b = (\n}\nb {}":          1,
		"a {\n  b = \"\\\n\"\n}\nb {}":   1,
		"a {}\n\uFEFFb {}":               1,
		"a {}\n\xff\nb {}":               1,
	} {
		if got := meansTheSame(t, []byte(text)); got != pieces {
			t.Errorf("%q: %d pieces, want %d", text, got, pieces)
		}
	}
}

// meansTheSame cuts a text as often as it can be, and returns how many pieces
// that makes.
func meansTheSame(t *testing.T, text []byte) int {
	t.Helper()
	s := source{"a.hcl", text}
	pieces := s.pieces(1)
	if !pieces[0].sure {
		return len(pieces)
	}
	if at, deep := tooDeep(s); deep {
		t.Fatalf("sure of %q, which nests too deep at %v", text, at)
	}
	whole := piece{source: s, start: pieces[0].start, sure: true}.parse()
	read := make([]parsed, len(pieces))
	right := true
	for i, p := range pieces {
		read[i] = p.parse()
		right = right && len(read[i].found) == 0 && len(read[i].body.(*hclsyntax.Body).Attributes) == 0
	}
	if right && len(whole.found) > 0 {
		t.Fatalf("%q is right in pieces, but: %v", text, whole.found)
	}
	joined := s.whole(read)
	if len(joined.found) > 0 || len(whole.found) > 0 {
		if !reflect.DeepEqual(joined.found, whole.found) {
			t.Fatalf("%q: %v in pieces, else %v", text, joined.found, whole.found)
		}
		return len(pieces)
	}
	got, want := joined.body.(*hclsyntax.Body), whole.body.(*hclsyntax.Body)
	if len(got.Blocks) != len(want.Blocks) || len(got.Blocks) > 0 && !reflect.DeepEqual(got, want) {
		t.Fatalf("%q: in pieces %+v, else %+v", text, got, want)
	}
	return len(pieces)
}

// FuzzPieces: what is cut means the same as the whole, and does not nest too
// deep.
func FuzzPieces(f *testing.F) {
	files, _ := filepath.Glob("testdata/*/*.hcl")
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("a {\n  b = \"${[\n\"}\"]}%{if 1}\\\"\"\n}\nc {} # }\nd {\n  e = -(1)\n}\n"))
	f.Add([]byte(strings.Repeat("a = {b = [-", 700)))
	f.Fuzz(func(t *testing.T, text []byte) { meansTheSame(t, text) })
}
