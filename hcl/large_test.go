package hcl

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// largePlatform declares 150 modules in full, of 15 routes each, each
// requiring seven of those before it: about what FOLIO has.
func largePlatform() []source {
	var b strings.Builder
	for i := range 150 {
		fmt.Fprintf(&b, "module \"m%d\" {\n  version \"1.0.0\" {\n    upstreams = [\"http://127.0.0.1:9101\"]\n", i)
		fmt.Fprintf(&b, "    provides \"i%d\" {\n      version = \"1.0\"\n      routes  = [", i)
		for j := range 15 {
			fmt.Fprintf(&b, "\"GET PUT /m%d/r%d/{id}\", ", i, j)
		}
		b.WriteString("]\n    }\n")
		for j := max(0, i-7); j < i; j++ {
			fmt.Fprintf(&b, "    requires \"i%d\" {\n      range = \"1.0\"\n    }\n", j)
		}
		b.WriteString("  }\n}\n")
	}
	return []source{{"platform.hcl", []byte(b.String())}}
}

// BenchmarkLoad is what a start and a reload spend on reading a large
// platform, as a whole and by its parts.
func BenchmarkLoad(b *testing.B) {
	sources := largePlatform()
	around := surroundings{env: os.LookupEnv}
	c, ds := read(sources, nil, ".", around)
	if c == nil || len(ds) > 0 {
		b.Fatal(ds)
	}
	for name, part := range map[string]func(){
		"all":   func() { read(sources, nil, ".", around) },
		"depth": func() { tooDeep(sources[0]) },
		"parse": func() { parse(sources[0]) },
		"check": func() { c.Check() },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				part()
			}
		})
	}
}
