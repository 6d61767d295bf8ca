package bolt

import (
	"errors"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/modgate/modgate/core/store"
)

// transactions returns how many have changed the file.
func transactions(t testing.TB, f *File) (n int) {
	t.Helper()
	if err := f.db.View(func(tx *bbolt.Tx) error { n = tx.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// hold keeps swaps from beginning until let go.
func hold(t testing.TB, f *File) (letGo func()) {
	t.Helper()
	tx, err := f.db.Begin(true)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
}

// gathered returns how many swaps wait for the next transaction.
func (f *File) gathered() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gather == nil {
		return 0
	}
	return len(f.gather.swaps)
}

func TestSwapsThatWaitShareATransaction(t *testing.T) {
	f := open(t, filepath.Join(t.TempDir(), "state.db"))
	was, err := f.Swap("modules", "taken", []byte("a"), 0)
	if err != nil {
		t.Fatal(err)
	}
	before := transactions(t, f)
	letGo := hold(t, f)
	const swaps = 50
	var errs [swaps]error
	var revisions [swaps]store.Revision
	var late error
	var done sync.WaitGroup
	for i := range swaps {
		done.Go(func() { revisions[i], errs[i] = f.Swap("modules", strconv.Itoa(i), []byte("a"), 0) })
	}
	done.Go(func() { _, late = f.Swap("modules", "taken", []byte("b"), was+1) })
	for f.gathered() <= swaps {
		runtime.Gosched()
	}
	letGo()
	done.Wait()

	if got := transactions(t, f) - before; got != 1 {
		t.Errorf("%d transactions, want 1", got)
	}
	if err := errors.Join(errs[:]...); err != nil {
		t.Error(err)
	}
	if !errors.Is(late, store.ErrConflict) {
		t.Errorf("the one that expected another revision: %v, want ErrConflict", late)
	}
	seen := map[store.Revision]bool{was: true}
	for _, r := range revisions {
		if seen[r] {
			t.Errorf("revision %d was given twice", r)
		}
		seen[r] = true
	}
	entries, err := f.Load("modules")
	if err != nil || len(entries) != swaps+1 {
		t.Errorf("%d records, %v; want %d", len(entries), err, swaps+1)
	}
}

// All of a group learn that the engine failed.
func TestGroupFailsTogether(t *testing.T) {
	f := open(t, filepath.Join(t.TempDir(), "state.db"))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	for i := range 10 {
		done.Go(func() {
			if r, err := f.Swap("modules", strconv.Itoa(i), []byte("a"), 0); !errors.Is(err, berrors.ErrDatabaseNotOpen) || r != 0 {
				t.Errorf("revision %d, %v; want ErrDatabaseNotOpen", r, err)
			}
		})
	}
	done.Wait()
}

// BenchmarkSwapTogether is a start, or a module on which 150 others depend
// that comes back: what each of them is told is saved.
func BenchmarkSwapTogether(b *testing.B) {
	f, err := Open(filepath.Join(b.TempDir(), "state.db"), time.Second)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	record := make([]byte, 4<<10)
	var last [150]store.Revision
	for b.Loop() {
		var done sync.WaitGroup
		for i := range last {
			done.Go(func() { last[i], _ = f.Swap("modules", strconv.Itoa(i), record, last[i]) })
		}
		done.Wait()
	}
}
