package bolt

import (
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/modgate/modgate/core/store"
	"github.com/modgate/modgate/core/store/storetest"
)

func TestEngineKeepsTheLaws(t *testing.T) {
	storetest.Run(t, func(t *testing.T) func() (store.Store, error) {
		path := filepath.Join(t.TempDir(), "state.db")
		return func() (store.Store, error) { return Open(path, time.Second) }
	})
}

func open(t *testing.T, path string) *File {
	t.Helper()
	f, err := Open(path, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func BenchmarkSwap(b *testing.B) {
	f, err := Open(filepath.Join(b.TempDir(), "state.db"), time.Second)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	record := make([]byte, 4<<10)
	var last store.Revision
	for b.Loop() {
		if last, err = f.Swap("modules", "inventory", record, last); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	f, err := Open(filepath.Join(b.TempDir(), "state.db"), time.Second)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for i := range 100 {
		if _, err := f.Swap("modules", strconv.Itoa(i), make([]byte, 4<<10), 0); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if _, err := f.Load("modules"); err != nil {
			b.Fatal(err)
		}
	}
}
