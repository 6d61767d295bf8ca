package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/modgate/modgate/hcl/examples/library/modgate"
	"github.com/modgate/modgate/hcl/examples/library/modgatetest"
)

const twoBooks = `{"books":[
	{"id":"b1","title":"The Left Hand of Darkness","author":"Ursula K. Le Guin","change":1},
	{"id":"b2","title":"The Library of Babel","author":"Jorge Luis Borges","change":2}]}`

// serveChanges answers as a catalogue that changed twice.
func serveChanges(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("after") == "0" {
		_, _ = w.Write([]byte(twoBooks))
		return
	}
	_, _ = w.Write([]byte(`{"books":[]}`))
}

func find(t *testing.T, g *modgatetest.Gateway, data, query string) *httptest.ResponseRecorder {
	t.Helper()
	x, err := OpenIndex(t.Context(), data, g.Register(t, life(version, data).Registration))
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	x.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/search?q="+query, nil))
	return w
}

func TestSearchFindsBooksThatHaveAllWords(t *testing.T) {
	g := modgatetest.New(t)
	g.Serve(http.HandlerFunc(serveChanges))
	data := t.TempDir()
	for query, want := range map[string]string{"LE+guin": "b1", "library+borges": "b2", "the": "b1 b2", "le+borges": "", "": ""} {
		body := find(t, g, data, query).Body.String()
		for _, id := range []string{"b1", "b2"} {
			if got := strings.Contains(body, `"`+id+`"`); got != strings.Contains(want, id) {
				t.Errorf("%q: got %s, want %q", query, body, want)
			}
		}
	}
}

func TestDelayedCatalogueIsSaidAtOnce(t *testing.T) { // A8
	for _, kind := range []modgate.Kind{modgate.Delay, modgate.Missing} {
		g := modgatetest.New(t)
		g.Serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { modgatetest.Away(w, kind, "updating") }))
		w := find(t, g, t.TempDir(), "borges")
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "Service not available") {
			t.Errorf("%s: got %d %s", kind, w.Code, w.Body)
		}
		if again := w.Header().Get("Retry-After") != ""; again != (kind == modgate.Delay) {
			t.Errorf("%s: Retry-After %v", kind, again)
		}
	}
}
