package adaptertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// built are the adapters that were built in this process, by folder.
var built sync.Map

// Build returns the file of an adapter that is written in Go, which it builds
// from the folder once for all tests of the process. Under -short it skips the
// test.
func Build(t testing.TB, folder string) (file string) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds an adapter")
	}
	once, _ := built.LoadOrStore(folder, sync.OnceValues(func() (string, error) { return goBuild(folder) }))
	file, err := once.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// goBuild builds NAME.wasm in a folder of its own.
func goBuild(folder string) (file string, err error) {
	path, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "adapter")
	if err != nil {
		return "", err
	}
	file = filepath.Join(dir, filepath.Base(path)+".wasm")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-buildmode=c-shared", "-o", file, ".")
	cmd.Dir = path
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %s", folder, err, out)
	}
	return file, nil
}
