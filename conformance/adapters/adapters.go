// Package adapters holds the adapters that cases bring along, as WebAssembly;
// the text of each stands beside it.
package adapters

import (
	"embed"
	"io/fs"
)

//go:embed *.wasm
var files embed.FS

// Read returns the adapter of that name, "mark.wasm". The error is fs.ErrNotExist
// where there is none.
func Read(name string) ([]byte, error) { return fs.ReadFile(files, name) }
