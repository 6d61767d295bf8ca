package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/modgate/modgate/hcl/examples/library/modgate"
	"github.com/modgate/modgate/hcl/examples/library/modgatetest"
)

func openHere(t *testing.T, data string) *Catalogue {
	t.Helper()
	in := modgatetest.New(t).Register(t, modgate.Registration{Module: "catalogue", Version: version})
	c, err := OpenCatalogue(t.Context(), data, in)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWritesOfManyClientsAreNeitherLostNorDoubled(t *testing.T) {
	data := t.TempDir()
	c := openHere(t, data)
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			for n := range 5 {
				body := fmt.Sprintf(`{"title":"T %d-%d","author":"A"}`, i, n)
				w := httptest.NewRecorder()
				c.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/catalogue/books", strings.NewReader(body)))
				if w.Code != http.StatusCreated {
					t.Errorf("%d: %s", w.Code, w.Body)
				}
			}
		})
	}
	clients.Wait()
	titles, ids := map[string]int{}, map[string]int{}
	for _, b := range openHere(t, data).After(uint64(len(firstBooks())), 1000) {
		titles[b.Title]++
		ids[b.ID]++
	}
	if len(titles) != 40 || len(ids) != 40 {
		t.Errorf("%d titles under %d ids, want 40", len(titles), len(ids))
	}
}

func TestListGoesOnAfterAChange(t *testing.T) {
	c := openHere(t, t.TempDir())
	all := c.After(0, 1000)
	if got := c.After(all[4].Change, 3); len(got) != 3 || got[0] != all[5] {
		t.Errorf("got %v, want three books from %v on", got, all[5])
	}
	if got := c.After(all[len(all)-1].Change, 3); got == nil || len(got) != 0 {
		t.Errorf("after the last: got %v, want an empty list", got)
	}
}

func TestFencedWriteAnswers503(t *testing.T) { // U8
	g := modgatetest.New(t)
	in := g.Register(t, modgate.Registration{Module: "catalogue", Version: version})
	data := t.TempDir()
	c, err := OpenCatalogue(t.Context(), data, in)
	if err != nil {
		t.Fatal(err)
	}
	fence, err := modgate.NewFence(data) // as the next version has it
	if err != nil {
		t.Fatal(err)
	}
	if err := fence.Write(2, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	g.Fence()
	w := httptest.NewRecorder()
	c.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/catalogue/books", strings.NewReader(`{"title":"T","author":"A"}`)))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("got %d %v, want 503 and Retry-After", w.Code, w.Header())
	}
	<-in.Fenced()
}
