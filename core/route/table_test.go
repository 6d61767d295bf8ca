package route

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/modgate/modgate/core/message"
)

func mustWith(t *testing.T, table *Table, m *Module, entries ...Entry) *Table {
	t.Helper()
	next, err := table.With(m, entries)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func TestTheMostSpecificRouteWins(t *testing.T) {
	a, b := NewModule("a"), NewModule("b")
	table := mustWith(t, &Table{}, a, Entry{Path: "/items/{id}"}, Entry{Path: "/items/new", Methods: []string{"GET"}}, Entry{Path: "/*"})
	table = mustWith(t, table, b, Entry{Path: "/items/{id}/parts"}, Entry{Path: "/{any}/new", Methods: []string{"PUT"}}, Entry{Path: "/items/{id}", Methods: []string{"DELETE"}})
	for request, want := range map[string]string{
		"GET /items/7":       "a /items/{}",
		"DELETE /items/7":    "b /items/{}",
		"delete /items/7":    "a /items/{}", // methods have a case
		"GET /items/new":     "a /items/new",
		"POST /items/new":    "a /items/{}",
		"GET /items/newer":   "a /items/{}",
		"PUT /things/new":    "b /{}/new",
		"GET /things/new":    "a /*",
		"GET /items/7/parts": "b /items/{}/parts",
		"GET /items/":        "a /*", // a parameter is not empty
		"GET /":              "a /*", // the rest may be
		"GET /items/7/":      "a /*", // a trailing slash counts
		"GET /items/%6eew":   "a /items/{}",
		"OPTIONS *":          "",
	} {
		method, path, _ := strings.Cut(request, " ")
		if got := answer(table, method, path); got != want {
			t.Errorf("%s: got %q, want %q", request, got, want)
		}
	}
}

func TestSearchTurnsBackWhereTheSpecificLeadsNowhere(t *testing.T) {
	table := mustWith(t, &Table{}, NewModule("m"),
		Entry{Path: "/a/b/{x}/d"}, Entry{Path: "/a/{x}/c/{y}"}, Entry{Path: "/{x}/b/c/e"}, Entry{Path: "/a/*"})
	for path, want := range map[string]string{
		"/a/b/c/d": "m /a/b/{}/d",
		"/a/b/c/x": "m /a/{}/c/{}",
		"/a/b/c/e": "m /a/{}/c/{}", // the second segment decides before the fourth
		"/z/b/c/e": "m /{}/b/c/e",
		"/a/b/c":   "m /a/*",
		"/z/b/c":   "",
	} {
		if got := answer(table, "GET", path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestEveryByteFindsItsOwn(t *testing.T) {
	var entries []Entry
	for c := range 256 {
		e := Entry{Path: "/" + string([]byte{byte(c)}) + "/x"}
		if _, err := message.ParsePattern(e.Path); err == nil {
			entries = append(entries, e)
		}
	}
	if got, want := len(entries), '~'-'!'+1-len("#*?{}"); got != want {
		t.Fatalf("%d bytes may stand in a pattern, want %d", got, want)
	}
	table := mustWith(t, &Table{}, NewModule("m"), entries...)
	for c := range 256 {
		path, want := "/"+string([]byte{byte(c)})+"/x", ""
		if slices.ContainsFunc(entries, func(e Entry) bool { return e.Path == path }) {
			want = "m " + path
		}
		if got := answer(table, "GET", path); got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
}

func TestCollisionNamesBothRoutes(t *testing.T) { // V9
	a, b := NewModule("a"), NewModule("b")
	table := mustWith(t, &Table{}, a, Entry{Path: "/items/{id}", Methods: []string{"GET", "PUT"}}, Entry{Path: "/all/*"})
	for _, c := range []struct {
		m         *Module
		e         Entry
		want, has string
	}{
		{b, Entry{Path: "/items/{other}", Methods: []string{"POST", "PUT"}}, "PUT", "/items/{id}"},
		{b, Entry{Path: "/all/*"}, "", "/all/*"},
	} {
		_, err := table.With(c.m, []Entry{c.e})
		var got *ConflictError
		if !errors.As(err, &got) {
			t.Errorf("%+v: got %v, want a conflict", c.e, err)
			continue
		}
		if want := (ConflictError{Module: b, Method: c.want, Pattern: c.e.Path, With: a, Has: c.has}); *got != want {
			t.Errorf("got %+v, want %+v", *got, want)
		}
		for _, part := range []string{c.e.Path, c.has, "module a", "module b"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
	}
	if got := answer(table, "PUT", "/items/7"); got != "a /items/{}" {
		t.Errorf("after a refusal: got %q", got)
	}
}

func TestOnlyTheSameMethodCollides(t *testing.T) {
	a, b := NewModule("a"), NewModule("b")
	table := mustWith(t, &Table{}, a, Entry{Path: "/items/{id}", Methods: []string{"GET"}})
	table = mustWith(t, table, b, Entry{Path: "/items/{key}"})
	if got, want := answer(table, "GET", "/items/7")+", "+answer(table, "PUT", "/items/7"), "a /items/{}, b /items/{}"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, twice := range [][]Entry{
		{{Path: "/x"}, {Path: "/x"}},
		{{Path: "/{x}", Methods: []string{"GET"}}, {Path: "/{y}", Methods: []string{"PUT", "GET"}}},
		{{Path: "/x", Methods: []string{"GET", "GET"}}},
	} {
		_, err := table.With(a, twice)
		var c *ConflictError
		if !errors.As(err, &c) || c.Module != a || c.With != a || !strings.Contains(err.Error(), "declared twice") {
			t.Errorf("%+v: got %v, want a conflict of a with itself", twice, err)
		}
	}
}

func TestRemovedRouteIsFoundOnlyWhereNothingIsLive(t *testing.T) { // V9
	a, b, c := NewModule("a"), NewModule("b"), NewModule("c")
	gone := Entry{Path: "/items/{id}", RemovedIn: "2.0.0"}
	table := mustWith(t, &Table{}, b, gone)
	table = mustWith(t, table, a, gone)
	if got, want := answer(table, "GET", "/items/7"), "a /items/{} 2.0.0"; got != want {
		t.Errorf("dropped by two: got %q, want %q", got, want)
	}
	live := mustWith(t, table, c, Entry{Path: "/*"})
	if got, want := answer(live, "GET", "/items/7"), "c /*"; got != want {
		t.Errorf("beside a live route that is less specific: got %q, want %q", got, want)
	}
	if got, want := answer(mustWith(t, table, a), "GET", "/items/7"), "b /items/{} 2.0.0"; got != want {
		t.Errorf("after one left: got %q, want %q", got, want)
	}
}

func TestRemovingAllLeavesNothing(t *testing.T) {
	a, b := NewModule("a"), NewModule("b")
	table := mustWith(t, &Table{}, a, Entry{Path: "/items/{id}"}, Entry{Path: "/items/x/*"}, Entry{Path: "/old", RemovedIn: "2.0.0"})
	table = mustWith(t, table, b, Entry{Path: "/item"})
	table = mustWith(t, mustWith(t, table, a), b)
	if table.live != (tree{}) || table.gone != (tree{}) || table.Len() != 0 {
		t.Errorf("left over: %+v, %+v", table.live, table.gone)
	}
}

func TestWhatCannotBeReadSaysWhere(t *testing.T) {
	for pattern, want := range map[string]string{
		"":           "offset 0",
		"items":      "offset 0",
		"/*/x":       "offset 1",
		"/a*":        "offset 2",
		"/a{b}":      "offset 2",
		"/{}":        "offset 1",
		"/{a}{b}":    "offset 1",
		"/{a{b}}":    "offset 1",
		"/{a":        "offset 1",
		"/a b":       "offset 2",
		"/a/x?y":     "offset 4",
		"/caf\u00e9": "offset 4",
	} {
		if _, err := message.ParsePattern(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", pattern, err, want)
		}
	}
	for _, method := range []string{"", "GET ", "G(T", "GÉT"} {
		_, err := (&Table{}).With(NewModule("m"), []Entry{{Path: "/a", Methods: []string{method}}})
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("method %q", method)) {
			t.Errorf("method %q: got %v", method, err)
		}
	}
}

func TestAllYieldsByModuleThenAsGiven(t *testing.T) {
	table := &Table{}
	var want []string
	for i := range 20 {
		name := fmt.Sprintf("m%02d", 19-i)
		table = mustWith(t, table, NewModule(name), Entry{Path: "/" + name + "/{id}"}, Entry{Path: "/" + name})
		want = append([]string{"/" + name + "/{id}", "/" + name}, want...)
	}
	var got []string
	for m, e := range table.All() {
		if !strings.HasPrefix(e.Path, "/"+m.Name) {
			t.Errorf("%s has %s", m.Name, e.Path)
		}
		got = append(got, e.Path)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
