package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/modgate/modgate/hcl/examples/library/journal"
	"github.com/modgate/modgate/hcl/examples/library/modgate"
)

// Entry is what the index keeps of a book.
type Entry struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Author string `json:"author"`
	Change uint64 `json:"change"` // of the catalogue
}

// Index finds books by words. It keeps its entries in memory, and in
// index.jsonl.
type Index struct {
	instance *modgate.Instance
	fence    *modgate.Fence
	journal  *journal.Journal[Entry] // written behind fence

	mu      sync.RWMutex
	entries []Entry          // guarded by mu; in the order of their changes
	byWord  map[string][]int // guarded by mu; indexes into entries
}

// OpenIndex opens the index in folder. Each version has a folder of its own:
// an index can be made anew from the catalogue, so that a version need not
// wait until another has let go of it.
func OpenIndex(ctx context.Context, folder string, in *modgate.Instance) (*Index, error) {
	folder = filepath.Join(folder, in.Version)
	fence, err := modgate.NewFence(folder)
	if err != nil {
		return nil, err
	}
	x := &Index{instance: in, fence: fence, byWord: map[string][]int{}}
	err = in.Write(ctx, x.fence, func() error {
		j, entries, err := journal.Open[Entry](filepath.Join(folder, "index.jsonl"))
		if err != nil {
			return err
		}
		x.journal = j
		for _, e := range entries {
			x.keep(e)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return x, nil
}

// CatchUp indexes what the catalogue has changed since the last time. While
// the catalogue is away it returns the gateway's *modgate.Problem.
func (x *Index) CatchUp(ctx context.Context) error {
	for {
		var page struct{ Books []Entry }
		if err := x.instance.Get(ctx, fmt.Sprintf("/catalogue/books?after=%d", x.change()), &page); err != nil {
			return err
		}
		if len(page.Books) == 0 {
			return nil
		}
		if err := x.instance.Write(ctx, x.fence, func() error { return x.add(page.Books) }); err != nil {
			return fmt.Errorf("index: %w", err)
		}
	}
}

// add stores entries that another search has not stored meanwhile; the fence
// is held.
func (x *Index) add(entries []Entry) error {
	last := x.change()
	fresh := slices.DeleteFunc(entries, func(e Entry) bool { return e.Change <= last })
	if err := x.journal.Append(fresh...); err != nil {
		return err
	}
	for _, e := range fresh {
		x.keep(e)
	}
	return nil
}

func (x *Index) keep(e Entry) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.entries = append(x.entries, e)
	for _, w := range words(e.Title + " " + e.Author) {
		x.byWord[w] = append(x.byWord[w], len(x.entries)-1)
	}
}

// change returns the last change of the catalogue that is indexed.
func (x *Index) change() uint64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if len(x.entries) == 0 {
		return 0
	}
	return x.entries[len(x.entries)-1].Change
}

// Find returns at most n entries that have all words of query.
func (x *Index) Find(query string, n int) []Entry {
	x.mu.RLock()
	defer x.mu.RUnlock()
	hits := map[int]int{} // words found, by entry
	wanted := words(query)
	for _, w := range wanted {
		for _, i := range x.byWord[w] {
			hits[i]++
		}
	}
	var found []int
	for i, count := range hits {
		if count == len(wanted) {
			found = append(found, i)
		}
	}
	slices.Sort(found)
	entries := []Entry{}
	for _, i := range found[:min(n, len(found))] {
		entries = append(entries, x.entries[i])
	}
	return entries
}

// words returns the different words of text.
func words(text string) []string {
	all := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
	slices.Sort(all)
	return slices.Compact(all)
}

// away returns the gateway's word that the catalogue is delayed or missing.
func away(err error) (*modgate.Problem, bool) {
	var p *modgate.Problem
	return p, errors.As(err, &p) && (p.Delayed() || p.Missing())
}
