// Package storetest is the suite that every engine of core/store must pass:
// the promises of store.Store, each as a law with a name.
package storetest

import (
	"bytes"
	"errors"
	"testing"

	"github.com/modgate/modgate/core/store"
)

// Run holds an engine against the laws. place makes an empty place for
// records and returns what opens it; a place that was closed and is opened
// again has the same records.
func Run(t *testing.T, place func(t *testing.T) (open func() (store.Store, error))) {
	for _, law := range []struct {
		name  string
		holds func(*bench)
	}{
		{"KeyIsMadeOnce", keyIsMadeOnce},
		{"SwapWantsTheRevisionSeen", swapWantsTheRevisionSeen},
		{"DeletionWantsTheRevisionSeen", deletionWantsTheRevisionSeen},
		{"RevisionIsNeverGivenTwice", revisionIsNeverGivenTwice},
		{"OfConcurrentSwapsOneWins", ofConcurrentSwapsOneWins},
		{"NoAcknowledgedSwapIsOverwrittenUnseen", noAcknowledgedSwapIsOverwrittenUnseen},
		{"LoadIsOrderedByKey", loadIsOrderedByKey},
		{"SpacesAreApart", spacesAreApart},
		{"AnyBytesAreKept", anyBytesAreKept},
		{"BigValuesAreKept", bigValuesAreKept},
		{"NamesMayNotBeEmpty", namesMayNotBeEmpty},
		{"BuffersAreNotShared", buffersAreNotShared},
		{"RecordsOutliveTheStore", recordsOutliveTheStore},
		{"ClosedStoreRefuses", closedStoreRefuses},
		{"EngineAgreesWithAMap", engineAgreesWithAMap},
	} {
		t.Run(law.name, func(t *testing.T) {
			b := &bench{T: t, open: place(t)}
			b.reopen()
			t.Cleanup(func() { b.Close() }) //nolint:errcheck // a law may have closed it
			law.holds(b)
		})
	}
}

// bench is one law's store.
type bench struct {
	*testing.T
	store.Store
	open func() (store.Store, error)
}

// reopen closes the store, if it is open, and opens its place.
func (b *bench) reopen() {
	b.Helper()
	if b.Store != nil {
		if err := b.Close(); err != nil {
			b.Fatalf("Close: %v", err)
		}
	}
	s, err := b.open()
	if err != nil {
		b.Fatalf("open: %v", err)
	}
	b.Store = s
}

// swap is a Swap that must win.
func (b *bench) swap(space, key string, value []byte, expect store.Revision) store.Revision {
	b.Helper()
	r, err := b.Swap(space, key, value, expect)
	if err != nil {
		b.Fatalf("Swap(%q, %q, %d bytes, %d): %v", space, key, len(value), expect, err)
	}
	if (r == 0) != (value == nil) {
		b.Fatalf("Swap(%q, %q, %d bytes, %d) = %d, want 0 after a deletion only", space, key, len(value), expect, r)
	}
	return r
}

// conflict is a Swap that must lose.
func (b *bench) conflict(space, key string, value []byte, expect store.Revision) {
	b.Helper()
	if r, err := b.Swap(space, key, value, expect); !errors.Is(err, store.ErrConflict) || r != 0 {
		b.Errorf("Swap(%q, %q, %d bytes, %d) = %d, %v, want 0, ErrConflict", space, key, len(value), expect, r, err)
	}
}

// wants compares what the space holds.
func (b *bench) wants(space string, want ...store.Entry) {
	b.Helper()
	got, err := b.Load(space)
	if err != nil {
		b.Fatalf("Load(%q): %v", space, err)
	}
	if len(got) != len(want) {
		b.Fatalf("Load(%q): %d records, want %d", space, len(got), len(want))
	}
	for i, w := range want {
		if g := got[i]; g.Key != w.Key || g.Revision != w.Revision || !bytes.Equal(g.Value, w.Value) {
			b.Errorf("Load(%q)[%d] = %q of %d bytes at %d, want %q of %d bytes at %d",
				space, i, g.Key, len(g.Value), g.Revision, w.Key, len(w.Value), w.Revision)
		}
	}
}
