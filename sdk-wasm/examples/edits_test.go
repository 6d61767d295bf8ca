//go:build !race

package examples_test

import (
	"path/filepath"
	"testing"

	"github.com/modgate/modgate/plugins/adaptertest"
	"github.com/modgate/modgate/sdk-wasm/project"
)

// edits are adapters that make many edits, between which they read.
var edits = map[string]project.Source{
	"go":   {Language: "go", Path: "testdata/edits/go"},
	"c":    {Language: "c", Path: "testdata/edits/edits.c", SDK: "../c", Strict: true},
	"rust": {Language: "rust", Path: "testdata/edits/edits.rs", SDK: "../rust/modgate-adapter/src/lib.rs", Strict: true},
}

func TestEditsAreMadeInTheirOrder(t *testing.T) {
	if testing.Short() {
		t.Skip("builds guests")
	}
	for _, language := range project.Languages {
		t.Run(language, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "edits.wasm")
			build(t, edits[language], file)
			adaptertest.Test(t, adaptertest.Options{File: file, Cases: "testdata/edits/edits.json", NoBreak: true})
		})
	}
}
