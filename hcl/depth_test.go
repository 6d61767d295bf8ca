package hcl

import (
	"os"
	"strings"
	"testing"
)

// A stack that is exhausted kills the process, and with it a gateway that
// only meant to reload.
func TestDepthIsBounded(t *testing.T) {
	const n = 20_000
	deep := map[string]string{
		"a.hcl":      "a = " + strings.Repeat("[", n),
		"b.hcl":      "a = " + strings.Repeat("(", n) + "1",
		"c.hcl":      strings.Repeat("a {\n", n),
		"d.hcl":      "a = " + strings.Repeat("!", n) + "true",
		"e.hcl":      "a = " + strings.Repeat("-", n) + "1",
		"f.hcl":      "locals {\na = 1" + strings.Repeat("+1", n) + "\n}",
		"g.hcl":      "locals {\na = (1" + strings.Repeat("\n+1", n) + ")\n}",
		"h.hcl":      "locals {\na = " + strings.Repeat("0?0:", n) + "1\n}",
		"i.hcl":      "locals {\na = []" + strings.Repeat("[*]", n) + "\n}",
		"j.hcl":      "locals {\na = \"" + strings.Repeat("${\"", n) + "\"\n}",
		"k.hcl":      "locals {\na = \"" + strings.Repeat("%{if 0}", n) + "\"\n}",
		"l.hcl":      "locals {\na = " + strings.Repeat("{a=", n) + "\n}",
		"m.hcl.json": `{"a":` + strings.Repeat("[", n),
		"n.hcl.json": `{"locals":{"a":"${` + strings.Repeat("!", 4*n) + `true}"}}`,
		"o.hcl.json": strings.Repeat(`{"a":`, n),
	}
	for name, text := range deep {
		_, ds := read([]source{{name, []byte(text)}}, nil, ".", surroundings{env: os.LookupEnv})
		if len(ds) != 1 || ds[0].Summary != "Nested too deep" {
			t.Errorf("%s: got %.300s", name, ds)
		}
	}
}

func TestWideIsNotDeep(t *testing.T) {
	const n = 3000
	for name, text := range map[string]string{
		"a.hcl":      "locals {\na = [" + strings.Repeat("1 + 1,", n) + "]\n}",
		"b.hcl":      "locals {\na = {\n" + strings.Repeat("  \"${1}\" = -1\n", n) + "}\n}",
		"c.hcl":      "locals {\na = [\n" + strings.Repeat("  { a = [\"b\"], c = !true },\n", n) + "]\n}",
		"d.hcl":      strings.Repeat("locals {}\n", n),
		"e.hcl":      "locals {\na = \"" + strings.Repeat("${1} ", n) + "\"\n}",
		"f.hcl.json": `{"locals":{"a":[` + strings.Repeat(`{"a":"\\\""},`, n) + `1]}}`,
	} {
		if c, ds := read([]source{{name, []byte(text)}}, nil, ".", surroundings{env: os.LookupEnv}); c == nil && !strings.Contains(ds.String(), "Duplicate") {
			t.Errorf("%s: got %.300s", name, ds)
		}
	}
}
