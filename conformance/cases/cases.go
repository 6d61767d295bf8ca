// Package cases holds the conformance cases, one readable file each, in a
// folder per chapter of the specification. GRAMMAR.md says how they are
// written.
package cases

import (
	"embed"

	"github.com/modgate/modgate/conformance/script"
)

//go:embed */*.case
var files embed.FS

// All reads every case. The error is a script.Errors.
func All() ([]*script.Case, error) { return script.Load(files) }
