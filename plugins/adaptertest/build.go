package adaptertest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/modgate/modgate/sdk-wasm/project"
)

// built are the adapters that were built in this process, by folder.
var built sync.Map

// Build returns the file of the adapter whose source is in the folder, which
// it builds once for all tests of the process. It skips the test under -short,
// and where the toolchain of the adapter's language is not there.
func Build(t testing.TB, folder string) (file string) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds an adapter")
	}
	once, _ := built.LoadOrStore(folder, sync.OnceValues(func() (string, error) { return buildOnce(folder) }))
	file, err := once.(func() (string, error))()
	if errors.Is(err, project.ErrToolchain) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// buildOnce builds NAME.wasm in a folder of its own.
func buildOnce(folder string) (file string, err error) {
	source, err := project.In(folder)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "adapter")
	if err != nil {
		return "", err
	}
	file = filepath.Join(dir, source.Name())
	return file, source.Build(context.Background(), file)
}
