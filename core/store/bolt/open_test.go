package bolt

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

func TestFileIsForItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	mode := func(when string) {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode(); got != 0o600 {
			t.Errorf("mode %s = %v, want 0600", when, got)
		}
	}
	open(t, path).Close()
	mode("of a new file")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, path)
	mode("of a file that others could read")
}

func TestSecondGatewayIsToldWhichFileIsHeldAndWhatToDo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	first := open(t, path)
	_, err := Open(path, 0)
	if !errors.Is(err, ErrHeld) {
		t.Fatalf("Open of a held file: %v, want ErrHeld", err)
	}
	for _, part := range []string{path, "stop that one"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error %q does not say %q", err, part)
		}
	}
	first.Close()
	open(t, path)
}

func TestSecondGatewayWaitsForTheFirstToLeave(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	first := open(t, path)
	opened := make(chan error)
	go func() {
		second, err := Open(path, time.Minute)
		if err == nil {
			err = second.Close()
		}
		opened <- err
	}()
	first.Close()
	if err := <-opened; err != nil {
		t.Errorf("Open while the file becomes free: %v", err)
	}
}

func TestFileThatIsNoStoreIsRefused(t *testing.T) {
	whole := func(t *testing.T, path string) []byte {
		f := open(t, path)
		for _, key := range []string{"a", "b", "c"} {
			if _, err := f.Swap("modules", key, bytes.Repeat([]byte("epoch 7 "), 4096), 0); err != nil {
				t.Fatal(err)
			}
		}
		f.Close()
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for name, spoil := range map[string]func(data []byte) []byte{
		"text":              func([]byte) []byte { return []byte("listen = \"127.0.0.1:9130\"\n") },
		"long text":         func([]byte) []byte { return bytes.Repeat([]byte("text "), 10000) },
		"zeros":             func(data []byte) []byte { return make([]byte, len(data)) },
		"one page":          func(data []byte) []byte { return data[:os.Getpagesize()] },
		"four pages":        func(data []byte) []byte { return data[:4*os.Getpagesize()] },
		"half":              func(data []byte) []byte { return data[:len(data)/2] },
		"flipped bits":      func(data []byte) []byte { return bytes.ReplaceAll(data, []byte("epoch 7"), []byte("epoch 6")) },
		"both metas broken": func(data []byte) []byte { clear(data[16:64]); clear(data[os.Getpagesize()+16:][:48]); return data },
		"pages overwritten": func(data []byte) []byte { clear(data[2*os.Getpagesize():]); return data },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.db")
			data := spoil(whole(t, path))
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := Open(path, 0)
			if err == nil {
				f.Close()
			}
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) {
				t.Errorf("Open: %v, want ErrDamaged and the file's name", err)
			}
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, data) {
				t.Errorf("the refused file was changed (%v)", err)
			}
		})
	}
}

func TestOtherProgramsFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	change(t, path, func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte("theirs"))
		return err
	})
	if _, err := Open(path, 0); !errors.Is(err, ErrDamaged) {
		t.Errorf("Open: %v, want ErrDamaged", err)
	}
}

func TestSchemaOfAnotherVersionIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	open(t, path).Close()
	change(t, path, func(tx *bbolt.Tx) error { return tx.Bucket(metaBucket).Put(schemaKey, []byte("2")) })
	_, err := Open(path, 0)
	if !errors.Is(err, ErrSchema) || !strings.Contains(err.Error(), "2, and this modgate reads 1") {
		t.Errorf("Open: %v, want ErrSchema with both versions", err)
	}
}

func TestCrashBeforeTheSchemaLeavesAnEmptyStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	change(t, path, func(*bbolt.Tx) error { return nil }) // bbolt's pages, nothing of ours
	f := open(t, path)
	if _, err := f.Swap("modules", "a", []byte("1"), 0); err != nil {
		t.Error(err)
	}
}

func TestMissingFolderIsNotCalledDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "absent", "state.db")
	_, err := Open(path, 0)
	if !errors.Is(err, os.ErrNotExist) || errors.Is(err, ErrDamaged) {
		t.Errorf("Open: %v, want that the folder is not there", err)
	}
}

// change edits the file behind the engine's back.
func change(t *testing.T, path string, edit func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(edit); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
