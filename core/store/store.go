// Package store is what the gateway remembers over a crash: records, each
// with a revision, changed by compare-and-swap.
//
// It decides what every engine promises, and storetest holds them to it. It
// never looks into a value, and knows no record's meaning.
package store

import "errors"

// ErrConflict is returned by Swap when the record's revision is not the
// expected one: someone else was faster. Nothing changed.
var ErrConflict = errors.New("the record changed meanwhile")

// Revision says which state of a record one has seen. It rises with every
// change in the store and is never given twice, so that a record that was
// deleted and made again is not taken for the former one. 0 is that of a
// record that does not exist.
type Revision uint64

// Entry is a record as it stands in the store. It belongs to who loaded it.
type Entry struct {
	Key      string
	Value    []byte
	Revision Revision
}

// Store keeps records in spaces: "modules" by name, "cursors" by instance. A
// space exists as soon as something is written to it. All methods may be
// called at the same time. Their errors, ErrConflict apart, are those of the
// engine: whether the change was made is unknown then, until it is loaded.
type Store interface {
	// Load returns all records of a space, in the order of the keys' bytes.
	Load(space string) ([]Entry, error)

	// Swap writes the record if its revision is the expected one, else it
	// returns ErrConflict. Expecting 0 makes the record, a nil value deletes
	// it; an empty one does not. It returns the revision to expect next, 0
	// after a deletion. When it returns, the change outlives a crash of the
	// machine. The value may be used again at once; 1 MiB is not too large.
	// Space and key are never empty.
	Swap(space, key string, value []byte, expect Revision) (Revision, error)

	// Close ends the use of the engine, after the calls under way. Later ones
	// fail.
	Close() error
}
