package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/hcl/examples/library/modgate"
	"github.com/modgate/modgate/hcl/examples/library/modgatetest"
)

// flat is what 1.x leaves behind, a torn record at its end included.
const flat = `{"id":"b1","title":"The Twelve Chairs","author":"Ilya Ilf; Yevgeny Petrov","year":1928,"change":1}
{"id":"b2","title":"The Dispossessed","author":"Ursula K. Le Guin","year":1974,"change":2}
{"id":"b3","title":"The Little Golden Calf","author":"Ilya Ilf; Yevgeny Petrov","change":3}
{"id":"b4","title":"Never ackno`

func leave1x(t *testing.T) (data string) {
	t.Helper()
	data = t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "books.jsonl"), []byte(flat), 0o600); err != nil {
		t.Fatal(err)
	}
	return data
}

// contents returns the data in force.
func contents(t *testing.T, data string) (authors, books string) {
	t.Helper()
	current, err := inForce(data)
	if err != nil {
		t.Fatal(err)
	}
	a, err := os.ReadFile(filepath.Join(data, current, "authors.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(data, current, "books.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return string(a), string(b)
}

const (
	wantAuthors = `{"id":"a1","name":"Ilya Ilf"}
{"id":"a2","name":"Yevgeny Petrov"}
{"id":"a3","name":"Ursula K. Le Guin"}
`
	wantBooks = `{"id":"b1","title":"The Twelve Chairs","authors":["a1","a2"],"year":1928,"change":1}
{"id":"b2","title":"The Dispossessed","authors":["a3"],"year":1974,"change":2}
{"id":"b3","title":"The Little Golden Calf","authors":["a1","a2"],"change":3}
`
)

func wantRestructured(t *testing.T, data, when string) {
	t.Helper()
	authors, books := contents(t, data)
	if authors != wantAuthors || books != wantBooks {
		t.Errorf("%s: got\n%s%s", when, authors, books)
	}
	if old, err := os.ReadFile(filepath.Join(data, "books.jsonl")); err != nil || string(old) != flat {
		t.Errorf("%s: the data of 1.x was changed: %v", when, err)
	}
}

// A crash before any step, and in the middle of one, leaves either the old
// data in force or the new; the next attempt succeeds.
func TestRestructuringSurvivesCrashAtEveryStep(t *testing.T) {
	steps := (&restructuring{}).steps()
	for crash := range len(steps) + 1 {
		data := leave1x(t)
		r := restructuring{data: data, version: "2.0.0"}
		when := "crash at the end"
		for i, s := range r.steps() {
			if i == crash {
				when = "crash before: " + s.name
				break
			}
			if err := s.do(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		current, err := inForce(data)
		if err != nil || current != "" != (crash == len(steps)) {
			t.Errorf("%s: in force is %q, %v", when, current, err)
		}
		// What a write that broke off may leave.
		if err := os.MkdirAll(filepath.Join(data, "2.0.0"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(data, "2.0.0", ".next-1"), []byte(`{"id":"a`), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Restructure(t.Context(), data, "2.0.0", 0); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		wantRestructured(t, data, when)
	}
}

func TestRestructuringIsDoneOnce(t *testing.T) {
	data := leave1x(t)
	g := modgatetest.New(t)
	in := g.Register(t, modgate.Registration{Module: "catalogue", Version: "2.0.0"})
	c, err := OpenCatalogue(t.Context(), data, "2.0.0", 0, in)
	if err != nil {
		t.Fatal(err)
	}
	added, err := c.Add(t.Context(), "Diamonds to Sit On", "Yevgeny Petrov; Someone New", 0)
	if err != nil {
		t.Fatal(err)
	}
	again, err := OpenCatalogue(t.Context(), data, "2.0.0", 0, in)
	if err != nil {
		t.Fatal(err)
	}
	b, ok := again.Book(added.ID)
	if !ok || b.ID != "b4" || b.Author != "Yevgeny Petrov; Someone New" || b.Authors[0].ID != "a2" || b.Authors[1].ID != "a4" {
		t.Errorf("after a restart: %+v, %v", b, ok)
	}
}

func TestNextReleaseTakesWhatTheLastLeft(t *testing.T) {
	data := leave1x(t)
	for _, version := range []string{"2.0.0", "2.1.0"} {
		if _, err := Restructure(t.Context(), data, version, 0); err != nil {
			t.Fatal(err)
		}
		wantRestructured(t, data, version)
	}
	if _, err := Restructure(t.Context(), data, "2.0.0", 0); err == nil || !strings.Contains(err.Error(), "too new") {
		t.Errorf("2.0.0 after 2.1.0: got %v, want a refusal", err)
	}
}

func TestIndexFindsBooksOfAuthor(t *testing.T) {
	g := modgatetest.New(t)
	in := g.Register(t, modgate.Registration{Module: "catalogue", Version: "2.0.0"})
	c, err := OpenCatalogue(t.Context(), leave1x(t), "2.0.0", time.Millisecond, in)
	if err != nil {
		t.Fatal(err)
	}
	a, books, ok := c.Author("a2")
	if !ok || a.Name != "Yevgeny Petrov" || len(books) != 2 || books[1].ID != "b3" {
		t.Errorf("got %+v with %+v, %v", a, books, ok)
	}
}

// From the moment the new version opens the data, the old one's epoch is
// stale, restructured or not.
func TestOldVersionCannotWriteAfterGrant(t *testing.T) { // U8
	data := leave1x(t)
	g := modgatetest.New(t)
	older := g.Register(t, modgate.Registration{Module: "catalogue", Version: "1.4.0"})
	fence, err := modgate.NewFence(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := older.Write(t.Context(), fence, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	newer := g.Register(t, modgate.Registration{Module: "catalogue", Version: "2.0.0"})
	if err := newer.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCatalogue(t.Context(), data, "2.0.0", 0, newer); err != nil {
		t.Fatal(err)
	}
	g.Fence()
	err = older.Write(t.Context(), fence, func() error { t.Error("the old version has written"); return nil })
	if err == nil {
		t.Error("the old version may write")
	}
	<-older.Fenced()
}
