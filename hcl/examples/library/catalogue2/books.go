package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/modgate/modgate/hcl/examples/library/journal"
	"github.com/modgate/modgate/hcl/examples/library/modgate"
)

// Book names its authors by id since 2.0.
type Book struct {
	ID      string   `json:"id"`
	Title   string   `json:"title"`
	Authors []string `json:"authors"`
	Year    int      `json:"year,omitempty"`
	Change  uint64   `json:"change"` // rises with every change of the catalogue
}

// View is a book as users see it: what 1.x answered, and the authors.
type View struct {
	ID      string   `json:"id"`
	Title   string   `json:"title"`
	Author  string   `json:"author"` // as in 1.x: who required 1.4 finds what it knows
	Authors []Author `json:"authors"`
	Year    int      `json:"year,omitempty"`
	Change  uint64   `json:"change"`
}

// Catalogue keeps all books and authors in memory, and in two files.
type Catalogue struct {
	instance       *modgate.Instance
	fence          *modgate.Fence
	authorsJournal *journal.Journal[Author] // written behind fence
	booksJournal   *journal.Journal[Book]   // written behind fence
	names          names                    // used behind fence

	mu       sync.RWMutex
	books    []Book              // guarded by mu; in the order of their changes
	byID     map[string]int      // guarded by mu; index into books
	authors  map[string]Author   // guarded by mu; by id
	byAuthor map[string][]string // guarded by mu; the index: author's id to books' ids
}

// OpenCatalogue restructures the data in folder for version, and opens it.
// The instance owns it from now on: a process of an older epoch can write no
// more, not even while the restructuring is under way.
func OpenCatalogue(ctx context.Context, folder, version string, pace time.Duration, in *modgate.Instance) (*Catalogue, error) {
	fence, err := modgate.NewFence(folder)
	if err != nil {
		return nil, err
	}
	c := &Catalogue{
		instance: in, fence: fence,
		byID: map[string]int{}, authors: map[string]Author{}, byAuthor: map[string][]string{},
	}
	err = in.Write(ctx, c.fence, func() error {
		own, err := Restructure(ctx, folder, version, pace)
		if err != nil {
			return err
		}
		return c.load(own)
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Catalogue) load(folder string) error {
	authorsJournal, authors, err := journal.Open[Author](filepath.Join(folder, "authors.jsonl"))
	if err != nil {
		return err
	}
	booksJournal, books, err := journal.Open[Book](filepath.Join(folder, "books.jsonl"))
	if err != nil {
		return err
	}
	c.authorsJournal, c.booksJournal, c.names = authorsJournal, booksJournal, newNames(authors)
	for _, a := range authors {
		c.keepAuthor(a)
	}
	for _, b := range books {
		c.keepBook(b)
	}
	return nil
}

// Add stores a new book and returns it, when it is on disk. Its authors are
// written first: a crash between them leaves an author without books, never a
// book without an author.
func (c *Catalogue) Add(ctx context.Context, title, author string, year int) (added View, err error) {
	err = c.instance.Write(ctx, c.fence, func() error {
		b := Book{Title: title, Year: year, Change: c.change() + 1}
		b.ID = fmt.Sprintf("b%d", b.Change)
		for _, name := range split(author) {
			a, err := c.author(name)
			if err != nil {
				return err
			}
			b.Authors = append(b.Authors, a.ID)
		}
		if err := c.booksJournal.Append(b); err != nil {
			return err
		}
		c.keepBook(b)
		added, _ = c.Book(b.ID)
		return nil
	})
	return added, err
}

// author returns the author of that name, stored; the fence is held.
func (c *Catalogue) author(name string) (Author, error) {
	a, fresh := c.names.author(name)
	if !fresh {
		return a, nil
	}
	if err := c.authorsJournal.Append(a); err != nil {
		delete(c.names.byName, name)
		return Author{}, err
	}
	c.keepAuthor(a)
	return a, nil
}

func (c *Catalogue) keepAuthor(a Author) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.authors[a.ID] = a
}

func (c *Catalogue) keepBook(b Book) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID[b.ID] = len(c.books)
	c.books = append(c.books, b)
	for _, a := range b.Authors {
		c.byAuthor[a] = append(c.byAuthor[a], b.ID)
	}
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
func (c *Catalogue) Book(id string) (View, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	i, ok := c.byID[id]
	if !ok {
		return View{}, false
	}
	return c.view(c.books[i]), true
}

// After returns at most n books that changed after change, in order.
func (c *Catalogue) After(change uint64, n int) []View {
	c.mu.RLock()
	defer c.mu.RUnlock()
	i, _ := slices.BinarySearchFunc(c.books, change+1, func(b Book, want uint64) int { return cmp.Compare(b.Change, want) })
	views := []View{}
	for _, b := range c.books[i:min(i+n, len(c.books))] {
		views = append(views, c.view(b))
	}
	return views
}

// Author returns the author named id with all books, by the index.
func (c *Catalogue) Author(id string) (a Author, books []View, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	a, ok = c.authors[id]
	books = []View{}
	for _, b := range c.byAuthor[id] {
		books = append(books, c.view(c.books[c.byID[b]]))
	}
	return a, books, ok
}

// view returns b with its authors; mu is held.
func (c *Catalogue) view(b Book) View {
	v := View{ID: b.ID, Title: b.Title, Year: b.Year, Change: b.Change}
	var names []string
	for _, id := range b.Authors {
		v.Authors = append(v.Authors, c.authors[id])
		names = append(names, c.authors[id].Name)
	}
	v.Author = strings.Join(names, "; ")
	return v
}
