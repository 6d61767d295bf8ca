package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/modgate/modgate/hcl/examples/library/journal"
)

// restructuring makes the data of this version from what an older one left.
//
// Each version from 2.0.0 on has a folder of its own below data; the file
// "current" names the one in force. 1.x knew no folders: its flat books.jsonl
// lies in data itself. What is read is never changed, and what is written is
// not in force until the last step, which is one rename: a crash at any
// moment leaves either the old data in force or the new, and running all
// steps again is always right.
type restructuring struct {
	data, version string
	pace          time.Duration // see walk

	authors []Author
	books   []Book
}

// flatBook is a record of 1.x.
type flatBook struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Author string `json:"author"` // "Ilya Ilf; Yevgeny Petrov"
	Year   int    `json:"year"`
	Change uint64 `json:"change"`
}

// step is a part of a restructuring.
type step struct {
	name string
	do   func(context.Context) error
}

// Restructure makes version's folder the one in force and returns its path.
// It does nothing if it is already.
func Restructure(ctx context.Context, data, version string, pace time.Duration) (string, error) {
	folder := filepath.Join(data, version)
	current, err := inForce(data)
	switch {
	case err != nil:
		return "", err
	case current == version:
		return folder, nil
	case current != "" && later(current, version):
		return "", fmt.Errorf("data of %s: too new for %s", current, version)
	}
	r := restructuring{data: data, version: version, pace: pace}
	for _, s := range r.steps() {
		if err := s.do(ctx); err != nil {
			return "", fmt.Errorf("restructure %s: %s: %w", data, s.name, err)
		}
	}
	return folder, nil
}

func (r *restructuring) steps() []step {
	folder := filepath.Join(r.data, r.version)
	return []step{
		{"clear what an attempt left", func(context.Context) error { return os.RemoveAll(folder) }},
		{"make the folder", func(context.Context) error { return os.MkdirAll(folder, 0o700) }},
		{"read", r.read},
		{"write authors", func(context.Context) error { return journal.Write(filepath.Join(folder, "authors.jsonl"), r.authors) }},
		{"write books", func(context.Context) error { return journal.Write(filepath.Join(folder, "books.jsonl"), r.books) }},
		{"put in force", func(context.Context) error {
			if err := journal.SyncFolder(r.data); err != nil {
				return err
			}
			return journal.Replace(filepath.Join(r.data, "current"), []byte(r.version))
		}},
	}
}

// read reads what is in force, in whichever form it is.
func (r *restructuring) read(ctx context.Context) (err error) {
	current, err := inForce(r.data)
	if err != nil {
		return err
	}
	if current != "" {
		old := filepath.Join(r.data, current)
		if r.authors, err = journal.Read[Author](filepath.Join(old, "authors.jsonl")); err != nil {
			return err
		}
		if r.books, err = journal.Read[Book](filepath.Join(old, "books.jsonl")); err != nil {
			return err
		}
		return r.walk(ctx, len(r.books), func(int) {})
	}
	flat, err := journal.Read[flatBook](filepath.Join(r.data, "books.jsonl"))
	if err != nil {
		return err
	}
	names := newNames(nil)
	return r.walk(ctx, len(flat), func(i int) {
		f := flat[i]
		b := Book{ID: f.ID, Title: f.Title, Year: f.Year, Change: f.Change}
		for _, name := range split(f.Author) {
			a, fresh := names.author(name)
			if fresh {
				r.authors = append(r.authors, a)
			}
			b.Authors = append(b.Authors, a.ID)
		}
		r.books = append(r.books, b)
	})
}

// walk visits n records, and takes pace for all of them. A real catalogue has
// millions of records and takes its time; this one waits, so that there is
// something to see.
func (r *restructuring) walk(ctx context.Context, n int, visit func(int)) error {
	begun := time.Now()
	for i := range n {
		visit(i)
		due := r.pace*time.Duration(i+1)/time.Duration(n) - time.Since(begun)
		if due <= 0 {
			continue
		}
		select {
		case <-time.After(due):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// inForce returns the version whose data is in force; empty: that of 1.x.
func inForce(data string) (string, error) {
	text, err := os.ReadFile(filepath.Join(data, "current"))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return string(text), err
}

// later reports whether version a comes after b. The catalogue has no
// pre-releases.
func later(a, b string) bool {
	var x, y [3]int
	_, _ = fmt.Sscanf(a, "%d.%d.%d", &x[0], &x[1], &x[2])
	_, _ = fmt.Sscanf(b, "%d.%d.%d", &y[0], &y[1], &y[2])
	for i := range x {
		if x[i] != y[i] {
			return x[i] > y[i]
		}
	}
	return false
}

// split takes the authors of 1.x apart.
func split(author string) []string {
	var names []string
	for name := range strings.SplitSeq(author, ";") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}
