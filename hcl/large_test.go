package hcl

import (
	"os"
	"testing"

	"github.com/modgate/modgate/hcl/hcltest"
)

// BenchmarkLoad is what a start and a reload spend on reading a large
// platform, as a whole and by its parts.
func BenchmarkLoad(b *testing.B) {
	sources := []source{{"platform.hcl", []byte(hcltest.LargePlatform("http://127.0.0.1:9101"))}}
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
