// Command generate writes the JSON Schema that editors have of the
// configuration language. go generate runs it in the folder hcl.
package main

import (
	"fmt"
	"os"

	"github.com/modgate/modgate/hcl"
)

func main() {
	if err := os.WriteFile("modgate.schema.json", hcl.EditorSchema(), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}
