// Package bolt is the engine for one machine: records in one bbolt file.
//
// It decides how records lie in the file, and when a file is not to be
// trusted. Every Swap returns after a transaction that ended with fdatasync,
// so what was acknowledged outlives the machine; those that come while one is
// under way share the next. One process has the file at a time.
package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/modgate/modgate/core/store"
)

// The buckets at the root of the file. The sequence of rootBucket is the last
// revision that was given.
var (
	metaBucket = []byte("meta")   // schemaKey -> schema
	rootBucket = []byte("spaces") // a bucket per space: key -> record
)

// File is an open store. Open makes one.
type File struct {
	path string
	db   *bbolt.DB

	mu     sync.Mutex
	gather *group // that new swaps join, nil for none; guarded by mu
}

var _ store.Store = (*File)(nil)

// Load returns all records of a space, in the order of the keys' bytes.
func (f *File) Load(space string) ([]store.Entry, error) {
	var entries []store.Entry
	err := f.db.View(func(tx *bbolt.Tx) (err error) {
		entries, err = load(tx, []byte(space))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load %s from %s: %w", space, f.path, err)
	}
	return entries, nil
}

func load(tx *bbolt.Tx, space []byte) ([]store.Entry, error) {
	b := tx.Bucket(rootBucket).Bucket(space)
	if b == nil {
		return nil, nil
	}
	var entries []store.Entry
	err := b.ForEach(func(k, v []byte) error {
		revision, value, err := decode(k, v)
		if err != nil {
			return err
		}
		entries = append(entries, store.Entry{Key: string(k), Value: bytes.Clone(value), Revision: revision})
		return nil
	})
	return entries, err
}

// Swap writes the record if its revision is the expected one, as store.Store
// says.
func (f *File) Swap(space, key string, value []byte, expect store.Revision) (store.Revision, error) {
	if space == "" || key == "" {
		return 0, fmt.Errorf("swap %q of %q: want a space and a key", key, space)
	}
	s := &swapping{space: space, key: key, value: value, expect: expect}
	f.commit(s)
	if s.err != nil && !errors.Is(s.err, store.ErrConflict) {
		return 0, fmt.Errorf("swap %s of %s in %s: %w", key, space, f.path, s.err)
	}
	return s.next, s.err
}

func swap(tx *bbolt.Tx, space, key string, value []byte, expect store.Revision) (store.Revision, error) {
	root := tx.Bucket(rootBucket)
	b, err := root.CreateBucketIfNotExists([]byte(space))
	if err != nil {
		return 0, err
	}
	k := []byte(key)
	found, _, err := decode(k, b.Get(k))
	if err != nil {
		return 0, err
	}
	if found != expect {
		return 0, store.ErrConflict
	}
	if value == nil {
		return 0, b.Delete(k)
	}
	revision, err := root.NextSequence()
	if err != nil {
		return 0, err
	}
	return store.Revision(revision), b.Put(k, encode(k, store.Revision(revision), value))
}

// Close lets go of the file, after the transactions under way.
func (f *File) Close() error {
	if err := f.db.Close(); err != nil {
		return fmt.Errorf("close store %s: %w", f.path, err)
	}
	return nil
}
