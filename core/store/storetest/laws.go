package storetest

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/modgate/modgate/core/store"
)

func keyIsMadeOnce(b *bench) {
	b.wants("modules")
	r := b.swap("modules", "inventory", []byte("1"), 0)
	b.conflict("modules", "inventory", []byte("2"), 0)
	b.wants("modules", store.Entry{Key: "inventory", Value: []byte("1"), Revision: r})
}

func swapWantsTheRevisionSeen(b *bench) {
	b.conflict("modules", "inventory", []byte("1"), 1) // never made
	first := b.swap("modules", "inventory", []byte("1"), 0)
	second := b.swap("modules", "inventory", []byte("2"), first)
	b.conflict("modules", "inventory", []byte("3"), first)
	b.conflict("modules", "inventory", []byte("3"), second+1)
	b.wants("modules", store.Entry{Key: "inventory", Value: []byte("2"), Revision: second})
}

func deletionWantsTheRevisionSeen(b *bench) {
	first := b.swap("cursors", "a", []byte("1"), 0)
	second := b.swap("cursors", "a", []byte("2"), first)
	b.conflict("cursors", "a", nil, first)
	b.conflict("cursors", "a", nil, 0)
	b.wants("cursors", store.Entry{Key: "a", Value: []byte("2"), Revision: second})

	b.swap("cursors", "a", nil, second)
	b.wants("cursors")
	b.conflict("cursors", "a", nil, second)
	b.swap("cursors", "a", nil, 0) // what does not exist may stay away
}

func revisionIsNeverGivenTwice(b *bench) {
	last := b.swap("modules", "a", []byte("1"), 0)
	rises := func(r store.Revision) store.Revision {
		b.Helper()
		if r <= last {
			b.Errorf("revision %d after %d, want it to rise", r, last)
		}
		last = r
		return r
	}
	rises(b.swap("modules", "b", []byte("1"), 0))
	rises(b.swap("cursors", "a", []byte("1"), 0))
	former := rises(b.swap("gateway", "a", []byte("1"), 0))
	b.swap("gateway", "a", nil, former)
	b.reopen()
	rises(b.swap("gateway", "a", []byte("1"), 0)) // as before, and yet another record
	b.conflict("gateway", "a", []byte("2"), former)
}

func loadIsOrderedByKey(b *bench) {
	var want []store.Entry
	for _, k := range []string{"b", "a/b", "\xff", "a", "\x00", "aa", "B", "ä"} {
		want = append(want, store.Entry{Key: k, Value: []byte(k), Revision: b.swap("modules", k, []byte(k), 0)})
	}
	b.wants("modules", want[4], want[6], want[3], want[1], want[5], want[0], want[7], want[2])
}

func spacesAreApart(b *bench) {
	m := b.swap("modules", "a", []byte("module"), 0)
	c := b.swap("cursors", "a", []byte("cursor"), 0)
	b.swap("modules", "a", nil, m)
	b.wants("modules")
	b.wants("cursors", store.Entry{Key: "a", Value: []byte("cursor"), Revision: c})
	b.wants("never written")
}

func anyBytesAreKept(b *bench) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	empty := store.Entry{Key: "empty", Value: []byte{}, Revision: b.swap("modules", "empty", []byte{}, 0)}
	whole := store.Entry{Key: "whole" + string(all), Value: all, Revision: b.swap("modules", "whole"+string(all), all, 0)}
	b.wants("modules", empty, whole)
	b.swap("modules", "empty", nil, empty.Revision) // it did exist
	b.wants("modules", whole)
}

func bigValuesAreKept(b *bench) {
	var want []store.Entry
	for i := range 4 {
		big := bytes.Repeat([]byte{byte(i), 0, 0xff, '\n'}, 1<<18) // 1 MiB
		k := fmt.Sprint(i)
		want = append(want, store.Entry{Key: k, Value: big, Revision: b.swap("modules", k, big, 0)})
	}
	b.reopen()
	b.wants("modules", want...)
}

func namesMayNotBeEmpty(b *bench) {
	for _, name := range [][2]string{{"", "a"}, {"modules", ""}, {"", ""}} {
		for _, value := range [][]byte{[]byte("1"), nil} {
			if _, err := b.Swap(name[0], name[1], value, 0); err == nil {
				b.Errorf("Swap(%q, %q, %d bytes, 0) was done, want an error", name[0], name[1], len(value))
			}
		}
	}
	b.wants("modules")
}

func buffersAreNotShared(b *bench) {
	value := []byte("1")
	r := b.swap("modules", "a", value, 0)
	value[0] = 'X'
	want := store.Entry{Key: "a", Value: []byte("1"), Revision: r}
	b.wants("modules", want)

	got, err := b.Load("modules")
	if err != nil {
		b.Fatal(err)
	}
	_ = append(got[0].Value[:0], "Y"...)
	b.wants("modules", want)
	b.swap("modules", "a", []byte(strings.Repeat("2", 1<<16)), r) // its pages are used again
	b.swap("modules", "b", []byte(strings.Repeat("3", 1<<16)), 0)
	if string(got[0].Value) != "Y" {
		b.Errorf("a loaded value became %q by later swaps", got[0].Value)
	}
}

func recordsOutliveTheStore(b *bench) {
	kept := store.Entry{Key: "kept", Value: []byte("1")}
	kept.Revision = b.swap("modules", "kept", kept.Value, 0)
	gone := b.swap("modules", "gone", []byte("1"), 0)
	b.swap("modules", "gone", nil, gone)
	b.reopen()
	b.wants("modules", kept)
	b.conflict("modules", "kept", []byte("2"), 0)
	b.swap("modules", "kept", []byte("2"), kept.Revision)
}

func closedStoreRefuses(b *bench) {
	r := b.swap("modules", "a", []byte("1"), 0)
	if err := b.Close(); err != nil {
		b.Fatalf("Close: %v", err)
	}
	if _, err := b.Load("modules"); err == nil {
		b.Error("Load after Close was done, want an error")
	}
	if _, err := b.Swap("modules", "a", []byte("2"), r); err == nil {
		b.Error("Swap after Close was done, want an error")
	}
	b.reopen()
	b.wants("modules", store.Entry{Key: "a", Value: []byte("1"), Revision: r})
}
