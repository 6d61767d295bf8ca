package bolt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// What Open returns when the file cannot be used; the text around it names
// the file and says what to do.
var (
	ErrHeld    = errors.New("another gateway has it open") // for longer than Open may wait
	ErrDamaged = errors.New("it is damaged")               // or was never a store
	ErrSchema  = errors.New("it has another schema")       // written by another version of modgate
)

// schema is the layout of the file: the buckets and the form of a record. It
// changes with them, and then a file of the former one is migrated here.
const schema = "1"

var schemaKey = []byte("schema")

// Open opens the store at path, which it makes if there is none, for this
// user's eyes only. It waits as long as wait for another process that has the
// file open, and reads every record once, so that a damaged file is found
// now and not in an hour.
func Open(path string, wait time.Duration) (_ *File, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // a truncated file faults when it is read
	defer func() {
		// So says bbolt that pages contradict each other. Its mapping stays, and
		// the lock with it, until the process ends.
		if r := recover(); r != nil {
			err = explain(path, fmt.Errorf("%w: %v", ErrDamaged, r))
		}
	}()

	o := *bbolt.DefaultOptions
	o.Timeout = max(wait, 1) // 0 would be for ever
	o.OpenFile = openPrivate
	db, err := bbolt.Open(path, 0o600, &o)
	if err != nil {
		return nil, explain(path, err)
	}
	f := &File{path: path, db: db}
	if err = f.prepare(); err == nil {
		err = f.verify()
	}
	if err != nil {
		db.Close() //nolint:errcheck // the first error counts
		return nil, explain(path, err)
	}
	return f, nil
}

// openPrivate is os.OpenFile that insists on the mode: what was restored from
// a backup holds secrets too.
func openPrivate(name string, flag int, mode os.FileMode) (*os.File, error) {
	f, err := os.OpenFile(name, flag, mode)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(mode); err != nil {
		f.Close() //nolint:errcheck // the first error counts
		return nil, err
	}
	return f, nil
}

// explain tells the operator what to do about an error of Open. What bbolt
// says, and the system does not, is about the content of the file.
func explain(path string, err error) error {
	var system syscall.Errno
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return fmt.Errorf("open store %s: %w: stop that one, or give this one a data directory of its own", path, ErrHeld)
	case errors.Is(err, ErrSchema), errors.As(err, &system):
		return fmt.Errorf("open store %s: %w", path, err)
	case !errors.Is(err, ErrDamaged):
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return fmt.Errorf("open store %s: %w: restore it from a backup, or move it away to begin with nothing", path, err)
}

// prepare checks the schema, and writes it into an empty file. A crash leaves
// the file empty or prepared.
func (f *File) prepare() error {
	var found []byte
	empty := true
	err := f.db.View(func(tx *bbolt.Tx) error {
		if b := tx.Bucket(metaBucket); b != nil {
			found = append(found, b.Get(schemaKey)...)
		}
		return tx.ForEach(func([]byte, *bbolt.Bucket) error {
			empty = false
			return nil
		})
	})
	switch {
	case err != nil:
		return err
	case string(found) == schema:
		return nil
	case found != nil:
		return fmt.Errorf("%w (%s, and this modgate reads %s): use the version that wrote it, or move it away to begin with nothing", ErrSchema, found, schema)
	case !empty:
		return fmt.Errorf("%w: some other program's file", ErrDamaged)
	}
	if err := f.db.Update(create); err != nil {
		return err
	}
	return syncDir(filepath.Dir(f.path))
}

func create(tx *bbolt.Tx) error {
	if _, err := tx.CreateBucket(rootBucket); err != nil {
		return err
	}
	b, err := tx.CreateBucket(metaBucket)
	if err != nil {
		return err
	}
	return b.Put(schemaKey, []byte(schema))
}

// syncDir makes a new file's name outlive a crash of the machine.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// verify reads every record.
func (f *File) verify() error {
	return f.db.View(func(tx *bbolt.Tx) error {
		info, err := os.Stat(f.path)
		if err != nil {
			return err
		}
		if info.Size() < tx.Size() {
			return fmt.Errorf("%w: %d bytes of %d are there", ErrDamaged, info.Size(), tx.Size())
		}
		root := tx.Bucket(rootBucket)
		if root == nil {
			return fmt.Errorf("%w: the records are gone", ErrDamaged)
		}
		return root.ForEachBucket(func(space []byte) error {
			if _, err := load(tx, space); err != nil {
				return fmt.Errorf("%w: %w", ErrDamaged, err)
			}
			return nil
		})
	})
}
