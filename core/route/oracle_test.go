package route

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// oracle is a table that looks at every route: what Table must equal.
type oracle []owned

type owned struct {
	m *Module
	e Entry
}

// with returns o with m's entries replaced, or false if two of them collide.
func (o oracle) with(m *Module, entries []Entry) (oracle, bool) {
	next := slices.DeleteFunc(slices.Clone(o), func(r owned) bool { return r.m == m })
	for _, e := range entries {
		if slices.ContainsFunc(next, func(r owned) bool { return collide(r.e, e) }) {
			return nil, false
		}
		next = append(next, owned{m, e})
	}
	return next, true
}

func collide(a, b Entry) bool {
	if a.RemovedIn != "" || b.RemovedIn != "" || shapeOf(a.Path) != shapeOf(b.Path) {
		return false
	}
	if len(a.Methods) == 0 || len(b.Methods) == 0 {
		return len(a.Methods) == len(b.Methods)
	}
	return slices.ContainsFunc(a.Methods, func(m string) bool { return slices.Contains(b.Methods, m) })
}

func shapeOf(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if strings.HasPrefix(s, "{") {
			segments[i] = "{}"
		}
	}
	return strings.Join(segments, "/")
}

// match says which module and shape answer, "" if none, looking at all
// routes: live ones before removed ones, then the more specific, then by the
// module's name.
func (o oracle) match(method, path string) (answer string) {
	if !strings.HasPrefix(path, "/") {
		return ""
	}
	var best []string
	for _, r := range o {
		if len(r.e.Methods) > 0 && !slices.Contains(r.e.Methods, method) {
			continue
		}
		if rank, ok := rankOf(r, path); ok && (best == nil || slices.Compare(rank, best) < 0) {
			best, answer = rank, answerOf(r.m, r.e.Path, r.e.RemovedIn)
		}
	}
	return answer
}

func answerOf(m *Module, path, removedIn string) string {
	return strings.TrimSpace(m.Name + " " + shapeOf(path) + " " + removedIn)
}

// rankOf matches a pattern against a path and says how specific it is there:
// less is more specific.
func rankOf(r owned, path string) (rank []string, ok bool) {
	state, method := "live", "1"
	if r.e.RemovedIn != "" {
		state = "removed"
	}
	if len(r.e.Methods) == 0 {
		method = "2"
	}
	rank = append(rank, state)
	want, have := strings.Split(r.e.Path, "/")[1:], strings.Split(path, "/")[1:]
	for i, w := range want {
		switch {
		case w == "*":
			return append(rank, "3", method, r.m.Name), i < len(have)
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
	return append(rank, method, r.m.Name), len(want) == len(have)
}

// answer is what the table says, as the oracle puts it.
func answer(t *Table, method, path string) string {
	target, found := t.Match([]byte(method), []byte(path))
	if found != (target != nil) {
		return "found without a target, or a target that is not found"
	}
	if !found {
		return ""
	}
	return answerOf(target.Module, target.Pattern, target.RemovedIn)
}

func randomPath(r *rand.Rand, more ...string) string {
	words := append([]string{"a", "b", "ab", "abc", "items", "item", ""}, more...)
	var b strings.Builder
	for range 1 + r.IntN(4) {
		b.WriteString("/" + words[r.IntN(len(words))])
	}
	return b.String()
}

func randomRequest(r *rand.Rand) (method, path string) {
	// Bytes that are special in a pattern are ordinary in a path.
	return []string{"GET", "POST", "PUT"}[r.IntN(3)], randomPath(r, "{}", "{x}", "{", "*", "**", "\xff", "%61")
}

func randomEntries(r *rand.Rand) []Entry {
	var out []Entry
	for range r.IntN(6) {
		e := Entry{Path: randomPath(r, "{x}", "{y}", "{x}", "{long}")}
		if r.IntN(5) == 0 {
			e.Path += "/*"
		}
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

// Every table that was ever made is asked at the end, so that this is the
// test of persistence too.
func TestTableEqualsLookingAtEveryRoute(t *testing.T) { // V9
	type version struct {
		table *Table
		want  oracle
	}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		modules := []*Module{NewModule("a"), NewModule("b"), NewModule("c"), NewModule("d")}
		versions := []version{{table: &Table{}}}
		for range 30 {
			last := versions[len(versions)-1]
			m, entries := modules[r.IntN(len(modules))], randomEntries(r)
			table, err := last.table.With(m, entries)
			want, ok := last.want.with(m, entries)
			if ok != (err == nil) {
				t.Fatalf("seed %d, %s %+v: got %v, want success %v", seed, m.Name, entries, err, ok)
			}
			if ok {
				versions = append(versions, version{table, want})
			}
		}
		for _, v := range versions {
			var all oracle
			for m, e := range v.table.All() {
				all = append(all, owned{m, e})
			}
			slices.SortStableFunc(v.want, func(a, b owned) int { return strings.Compare(a.m.Name, b.m.Name) })
			if !reflect.DeepEqual(all, slices.Clip(v.want)) && len(all)+len(v.want) > 0 || v.table.Len() != len(all) {
				t.Fatalf("seed %d: %d entries, %+v, want %+v", seed, v.table.Len(), all, v.want)
			}
			for range 40 {
				method, path := randomRequest(r)
				if got, want := answer(v.table, method, path), v.want.match(method, path); got != want {
					t.Fatalf("seed %d, %s %s: got %q, want %q", seed, method, path, got, want)
				}
			}
		}
	}
}

// The same routes make the same tree, whatever came and went before.
func TestOrderOfRegistrationDoesNotShow(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		var want oracle
		for i := range 6 {
			m := NewModule(fmt.Sprint(i))
			if next, ok := want.with(m, randomEntries(r)); ok {
				want = next
			}
		}
		var first *Table
		for range 3 {
			passing := NewModule("passing")
			table := &Table{}
			if next, err := table.With(passing, randomEntries(r)); err == nil {
				table = next
			}
			for _, m := range r.Perm(6) {
				var entries []Entry
				var module *Module
				for _, o := range want {
					if o.m.Name == fmt.Sprint(m) {
						module, entries = o.m, append(entries, o.e)
					}
				}
				if module == nil {
					continue
				}
				next, err := table.With(module, entries)
				if err != nil { // with what is only passing
					next = mustWith(t, mustWith(t, table, passing), module, entries...)
				}
				table = next
			}
			table = mustWith(t, table, passing)
			if first == nil {
				first = table
			}
			if !reflect.DeepEqual(table.live, first.live) || !reflect.DeepEqual(table.gone, first.gone) {
				t.Fatalf("seed %d: another order made another tree", seed)
			}
			for range 40 {
				method, path := randomRequest(r)
				if got, want := answer(table, method, path), want.match(method, path); got != want {
					t.Fatalf("seed %d, %s %s: got %q, want %q", seed, method, path, got, want)
				}
			}
		}
	}
}

// FuzzMatch reads a table, a module a line: the method, or -, and a pattern.
// Removing the modules again must leave nothing.
func FuzzMatch(f *testing.F) {
	f.Add("- /items/{id}\nGET /items/new", "GET", "/items/7")
	f.Add("- /*\n- /{a}/b\n- /x/{}", "PUT", "/x/b")
	f.Add("- /{a}/{b}/c\n- /{a}/x/d\n- /a/{b}", "GET", "/a/x/c")
	f.Add("- /a/{b}/*", "GET", "/a/{/*")
	f.Fuzz(func(t *testing.T, lines, method, path string) {
		table, want := &Table{}, oracle{}
		for line := range strings.SplitSeq(lines, "\n") {
			m, pattern, _ := strings.Cut(line, " ")
			e := Entry{Path: pattern}
			if m != "-" {
				e.Methods = []string{m}
			}
			owner := NewModule(fmt.Sprintf("m%03d", len(want)))
			next, err := table.With(owner, []Entry{e})
			if err != nil {
				continue
			}
			var ok bool
			if want, ok = want.with(owner, []Entry{e}); !ok {
				t.Fatalf("%q collides and was accepted", line)
			}
			table = next
		}
		if got, want := answer(table, method, path), want.match(method, path); got != want {
			t.Errorf("%s %s: got %q, want %q", method, path, got, want)
		}
		for _, o := range want {
			table = mustWith(t, table, o.m)
		}
		if table.live != (tree{}) || table.Len() != 0 {
			t.Errorf("%q leaves %+v", lines, table.live)
		}
	})
}
