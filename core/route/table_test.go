package route

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// oracle is a table that looks at every route: what Table must equal.
type oracle []struct {
	m *Module
	e Entry
}

func (o *oracle) with(m *Module, entries []Entry) {
	*o = slices.DeleteFunc(*o, func(r struct {
		m *Module
		e Entry
	}) bool {
		return r.m == m
	})
	for _, e := range entries {
		*o = append(*o, struct {
			m *Module
			e Entry
		}{m, e})
	}
}

// match compares every route that matches, segment by segment.
func (o oracle) match(method, path string) (m *Module, pattern string) {
	var best []string
	for _, gone := range []bool{false, true} {
		for _, r := range o {
			if (r.e.RemovedIn != "") != gone || len(r.e.Methods) > 0 && !slices.Contains(r.e.Methods, method) {
				continue
			}
			if rank, ok := rankOf(r.e, path); ok && (best == nil || slices.Compare(rank, best) < 0) {
				best, m, pattern = rank, r.m, r.e.Path
			}
		}
		if best != nil {
			return m, pattern
		}
	}
	return nil, ""
}

// rankOf matches a pattern against a path and says how specific it is there:
// less is more specific.
func rankOf(e Entry, path string) (rank []string, ok bool) {
	want, have := strings.Split(e.Path, "/")[1:], strings.Split(path, "/")[1:]
	method := "1"
	if len(e.Methods) == 0 {
		method = "2"
	}
	for i, w := range want {
		switch {
		case w == "*":
			return append(rank, "3", method), i < len(have)
		case i >= len(have):
			return nil, false
		case strings.HasPrefix(w, "{"):
			if have[i] == "" {
				return nil, false
			}
			rank = append(rank, "2")
		case w != have[i]:
			return nil, false
		default:
			rank = append(rank, "1")
		}
	}
	return append(rank, method), len(want) == len(have)
}

func randomPath(r *rand.Rand, pattern bool) string {
	words := []string{"a", "b", "ab", "abc", "items", "item", ""}
	if pattern {
		words = append(words[:6:6], "{x}", "{y}", "{x}")
	}
	var b strings.Builder
	for range 1 + r.IntN(4) {
		b.WriteString("/" + words[r.IntN(len(words))])
	}
	if pattern && r.IntN(5) == 0 {
		b.WriteString("/*")
	}
	return b.String()
}

func randomEntries(r *rand.Rand) []Entry {
	var out []Entry
	for range r.IntN(6) {
		e := Entry{Path: randomPath(r, true)}
		for _, m := range []string{"GET", "POST"} {
			if r.IntN(2) == 0 {
				e.Methods = append(e.Methods, m)
			}
		}
		if r.IntN(6) == 0 {
			e.RemovedIn = "2.0.0"
		}
		out = append(out, e)
	}
	return out
}

func TestMatchEqualsLookingAtEveryRoute(t *testing.T) { // V9
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		modules := []*Module{NewModule("a"), NewModule("b"), NewModule("c"), NewModule("d")}
		table, want := &Table{}, oracle{}
		var former []struct {
			t *Table
			o oracle
		}
		for range 30 {
			m, entries := modules[r.IntN(len(modules))], randomEntries(r)
			next, err := table.With(m, entries)
			if err != nil {
				continue // a collision: the old table stays
			}
			want = slices.Clone(want)
			want.with(m, entries)
			table = next
			former = append(former, struct {
				t *Table
				o oracle
			}{table, want})
		}
		for _, f := range former { // every table still answers as it did when it was made
			for range 30 {
				method, path := []string{"GET", "POST", "PUT"}[r.IntN(3)], randomPath(r, false)
				m, pattern := f.o.match(method, path)
				got, found := f.t.Match([]byte(method), []byte(path))
				if found != (m != nil) || found && (got.Pattern != pattern && got.RemovedIn == "" || got.Module != m && got.RemovedIn == "") {
					t.Fatalf("seed %d, %s %s: got %+v, want %v %s", seed, method, path, got, m, pattern)
				}
			}
		}
	}
}

func TestTheMostSpecificRouteWins(t *testing.T) {
	a, b := NewModule("a"), NewModule("b")
	table := mustWith(t, &Table{}, a, Entry{Path: "/items/{id}"}, Entry{Path: "/items/new", Methods: []string{"GET"}}, Entry{Path: "/*"})
	table = mustWith(t, table, b, Entry{Path: "/items/{id}/parts"}, Entry{Path: "/{any}/new", Methods: []string{"PUT"}}, Entry{Path: "/items/{id}", Methods: []string{"DELETE"}})
	for request, want := range map[string]string{
		"GET /items/7":       "a /items/{id}",
		"DELETE /items/7":    "b /items/{id}",
		"GET /items/new":     "a /items/new",
		"POST /items/new":    "a /items/{id}",
		"PUT /things/new":    "b /{any}/new",
		"GET /things/new":    "a /*",
		"GET /items/7/parts": "b /items/{id}/parts",
		"GET /items/":        "a /*", // a parameter is not empty
		"GET /":              "a /*",
		"GET /items/7/":      "a /*", // a trailing slash counts
		"GET /items/%6eew":   "a /items/{id}",
	} {
		method, path, _ := strings.Cut(request, " ")
		got, found := table.Match([]byte(method), []byte(path))
		if !found || got.Module.Name+" "+got.Pattern != want {
			t.Errorf("%s: got %+v, want %s", request, got, want)
		}
	}
}

func TestCollisionNamesBothRoutes(t *testing.T) {
	a, b := NewModule("a"), NewModule("b")
	table := mustWith(t, &Table{}, a, Entry{Path: "/items/{id}", Methods: []string{"GET", "PUT"}})
	for _, e := range []Entry{{Path: "/items/{other}", Methods: []string{"PUT"}}} {
		_, err := table.With(b, []Entry{e})
		var c *ConflictError
		if !errors.As(err, &c) || c.With != a || c.Module != b || c.Method != "PUT" {
			t.Errorf("%+v: %v", e, err)
		}
	}
	if _, err := table.With(b, []Entry{{Path: "/items/{id}"}}); err != nil {
		t.Errorf("any method beside another's GET: %v", err)
	}
	if _, err := table.With(a, []Entry{{Path: "/x"}, {Path: "/x"}}); err == nil {
		t.Error("a route that is declared twice was accepted")
	}
	if _, err := table.With(b, []Entry{{Path: "/items/{id}", Methods: []string{"GET"}, RemovedIn: "2.0.0"}}); err != nil {
		t.Errorf("a removed route beside a live one: %v", err)
	}
}

func TestRemovingAllLeavesNothing(t *testing.T) {
	a, b := NewModule("a"), NewModule("b")
	table := mustWith(t, &Table{}, a, Entry{Path: "/items/{id}"}, Entry{Path: "/items/x/*"})
	table = mustWith(t, table, b, Entry{Path: "/item"})
	table = mustWith(t, mustWith(t, table, a), b)
	if table.live != nil || table.Len() != 0 {
		t.Errorf("left over: %+v", table.live)
	}
}

func mustWith(t *testing.T, table *Table, m *Module, entries ...Entry) *Table {
	t.Helper()
	next, err := table.With(m, entries)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func TestBadPatternsSayWhere(t *testing.T) {
	for pattern, want := range map[string]string{
		"items":      "offset 0",
		"/*/x":       "offset 1",
		"/a{b}":      "offset 2",
		"/{}":        "offset 1",
		"/a b":       "offset 2",
		"/a/x?y":     "offset 4",
		"/caf\u00e9": "offset 4",
	} {
		if _, err := ParsePattern(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", pattern, err, want)
		}
	}
}

func TestAllYieldsInOrder(t *testing.T) {
	table := &Table{}
	var want []string
	for i := range 20 {
		name := fmt.Sprintf("m%02d", i)
		table = mustWith(t, table, NewModule(name), Entry{Path: "/" + name}, Entry{Path: "/" + name + "/{id}"})
		want = append(want, "/"+name, "/"+name+"/{id}")
	}
	var got []string
	for _, e := range table.All() {
		got = append(got, e.Path)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("/items/{id}", "/items/new", "/items/7")
	f.Add("/*", "/{a}/b", "/x/b")
	f.Fuzz(func(t *testing.T, p, q, path string) {
		table, want := &Table{}, oracle{}
		for i, text := range []string{p, q} {
			m := NewModule(fmt.Sprint(i))
			if next, err := table.With(m, []Entry{{Path: text}}); err == nil {
				table = next
				want.with(m, []Entry{{Path: text}})
			}
		}
		if !strings.HasPrefix(path, "/") {
			return
		}
		m, _ := want.match("GET", path)
		if got, found := table.Match([]byte("GET"), []byte(path)); found != (m != nil) || found && got.Module != m {
			t.Errorf("%q and %q on %q: got %+v, want %+v", p, q, path, got, m)
		}
	})
}
