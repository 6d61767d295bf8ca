// Package hcltest writes configurations for tests and benchmarks.
package hcltest

import (
	"fmt"
	"strings"
)

// LargePlatform declares 150 modules in full, m0 to m149, whose processes are all
// at that address, each requiring seven of those before it: about what FOLIO
// has. Each has 15 routes, as m7 has /m7/r0/{id} to /m7/r14/{id}.
func LargePlatform(upstream string) string {
	var b strings.Builder
	for i := range 150 {
		fmt.Fprintf(&b, "module \"m%d\" {\n  version \"1.0.0\" {\n    upstreams = [%q]\n", i, upstream)
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
	return b.String()
}
