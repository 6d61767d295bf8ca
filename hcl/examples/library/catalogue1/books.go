package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	"github.com/modgate/modgate/hcl/examples/library/journal"
	"github.com/modgate/modgate/hcl/examples/library/modgate"
)

// Book is a flat record: all its authors are one text.
type Book struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Author string `json:"author"` // "Ilya Ilf; Yevgeny Petrov"
	Year   int    `json:"year,omitempty"`
	Change uint64 `json:"change"` // rises with every change of the catalogue
}

// Catalogue keeps all books in memory, and in books.jsonl.
type Catalogue struct {
	instance *modgate.Instance
	fence    *modgate.Fence
	journal  *journal.Journal[Book] // written behind fence

	mu    sync.RWMutex
	books []Book         // guarded by mu; in the order of their changes
	byID  map[string]int // guarded by mu; index into books
}

// OpenCatalogue opens the data in folder, which the instance owns from now
// on: a process of an older epoch can write no more.
func OpenCatalogue(ctx context.Context, folder string, in *modgate.Instance) (*Catalogue, error) {
	fence, err := modgate.NewFence(folder)
	if err != nil {
		return nil, err
	}
	c := &Catalogue{instance: in, fence: fence, byID: map[string]int{}}
	err = in.Write(ctx, c.fence, func() error {
		j, books, err := journal.Open[Book](filepath.Join(folder, "books.jsonl"))
		if err != nil {
			return err
		}
		c.journal = j
		for _, b := range books {
			c.keep(b)
		}
		if len(books) > 0 {
			return nil
		}
		for _, b := range firstBooks() {
			if _, err := c.append(b); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Add stores a new book and returns it with its id, when it is on disk.
func (c *Catalogue) Add(ctx context.Context, b Book) (added Book, err error) {
	err = c.instance.Write(ctx, c.fence, func() error {
		added, err = c.append(b)
		return err
	})
	return added, err
}

// append writes b as the next change; the fence is held.
func (c *Catalogue) append(b Book) (Book, error) {
	b.Change = c.change() + 1
	b.ID = fmt.Sprintf("b%d", b.Change)
	if err := c.journal.Append(b); err != nil {
		return Book{}, err
	}
	c.keep(b)
	return b, nil
}

func (c *Catalogue) keep(b Book) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID[b.ID] = len(c.books)
	c.books = append(c.books, b)
}

// change returns the number of the last change.
func (c *Catalogue) change() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if len(c.books) == 0 {
		return 0
	}
	return c.books[len(c.books)-1].Change
}

// Book returns the book named id.
func (c *Catalogue) Book(id string) (Book, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	i, ok := c.byID[id]
	if !ok {
		return Book{}, false
	}
	return c.books[i], true
}

// After returns at most n books that changed after change, in order.
func (c *Catalogue) After(change uint64, n int) []Book {
	c.mu.RLock()
	defer c.mu.RUnlock()
	i, _ := slices.BinarySearchFunc(c.books, change+1, func(b Book, want uint64) int { return cmp.Compare(b.Change, want) })
	return append([]Book{}, c.books[i:min(i+n, len(c.books))]...)
}
