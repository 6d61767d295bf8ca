package hcl

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// A configuration that is right but for errors of syntax, wherever they are,
// is told of these and of nothing else: what would only follow from them
// would mislead.
func TestErrorsOfSyntaxAccuseNobodyElse(t *testing.T) {
	around := surroundings{env: func(string) (string, bool) { return "", false }}
	for name, step := range map[string]int{"testdata/right/library.hcl": 97, "testdata/right/entangled.hcl": 19} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if c, ds := read(byBlock(text), nil, "testdata/right", around); c == nil || len(ds) > 0 {
			t.Fatal(ds)
		}
		broken := 0
		for i := 0; i < len(text); i += step {
			for _, put := range []string{"", "\"", "{", "}"} {
				wrong := slices.Concat(text[:i], []byte(put), text[i+1:])
				for _, sources := range [][]source{{{name, wrong}}, byBlock(wrong)} {
					if accusesOthers(t, sources, around) {
						broken++
					}
				}
			}
		}
		if broken < len(text)/step {
			t.Errorf("%s: only %d were broken", name, broken)
		}
	}
}

// A file with many blocks and an error takes no longer than its length.
func BenchmarkIntact(b *testing.B) {
	s := source{"a.hcl", []byte(strings.Repeat("locals {}\n", 20_000) + "locals {\n")}
	for b.Loop() {
		if p := parse(s); len(p.found) != 1 || len(p.body.(*hclsyntax.Body).Blocks) != 20_000 {
			b.Fatal(p)
		}
	}
}

// byBlock puts each outermost block into a file of its own.
func byBlock(text []byte) (sources []source) {
	for i, p := range bytes.SplitAfter(text, []byte("\n}\n")) {
		sources = append(sources, source{"testdata/right/" + string(rune('a'+i)) + ".hcl", p})
	}
	return sources
}

// accusesOthers fails if there is a diagnostic beside those of syntax, and
// reports whether there are such.
func accusesOthers(t *testing.T, sources []source, around surroundings) bool {
	t.Helper()
	var syntax Diagnostics
	for _, s := range sources {
		syntax = append(syntax, Syntax(s.name, s.text)...)
	}
	if len(syntax) == 0 {
		return false
	}
	_, ds := read(sources, nil, "testdata/right", around)
	for _, d := range ds {
		if !slices.ContainsFunc(syntax, func(s Diagnostic) bool { return s.Summary == d.Summary && s.Line == d.Line && s.File == d.File }) {
			for _, s := range sources {
				if s.name == syntax[0].File {
					t.Logf("%s", strings.Join(strings.Split(string(s.text), "\n")[max(0, syntax[0].Line-4):syntax[0].Line], "\n"))
				}
			}
			t.Fatalf("beside\n%s\nthere is\n%s", syntax, d)
		}
	}
	return true
}

// A file that cannot be read is like one that cannot be parsed.
func TestWhatCannotBeReadAccusesNobody(t *testing.T) {
	dir := written(t, map[string]string{
		"a.hcl": `variable "port" { type = number }
variable "host" {
  default = "localhost"
  validation {
    condition     = var.host == "127.0.0.1"
    error_message = "not here"
  }
}
variable "length" { default = "1s" }
module "a" {
  ttl       = var.elsewhere
  grace     = var.length
  start_ttl = "soon"
  version "1.0.0" {
    upstreams = ["http://${var.host}:${var.port}"]
    requires "elsewhere" {}
  }
}`,
		"right.vars": "port = 9130\nhost = \"127.0.0.1\"\nelsewhere = \"1s\"\n",
		"wrong.vars": "port = \n",
	})
	for name, c := range map[string]struct {
		in   *Input
		want []string
	}{
		"file": {
			&Input{Paths: []string{dir, dir + "/b.hcl"}, VarFiles: []string{dir + "/right.vars"}},
			[]string{"Nothing to read", "Wrong value"},
		},
		"values": {
			&Input{Paths: []string{dir}, VarFiles: []string{dir + "/wrong.vars"}, Vars: []string{"length=short"}},
			[]string{"Undeclared variable", "Wrong value", "Wrong value", "Nobody provides it", "Invalid expression"},
		},
		"assignment": {
			&Input{Paths: []string{dir}, Vars: []string{"port"}},
			[]string{"Wrong value of a variable", "Undeclared variable", "Wrong value", "Nobody provides it"},
		},
	} {
		_, ds := c.in.Load()
		var got []string
		for _, d := range ds {
			got = append(got, d.Summary)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q:\n%s", name, got, c.want, ds)
		}
	}
}
