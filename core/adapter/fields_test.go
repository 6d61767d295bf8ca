package adapter

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// listed writes f on one line.
func listed(f *Fields) string {
	var out []string
	for _, field := range f.All() {
		out = append(out, fmt.Sprintf("%s: %s", field.Name, field.Value))
	}
	return strings.Join(out, "; ")
}

func TestFieldsAreEditedInPlace(t *testing.T) {
	var f Fields
	f.Load([]byte("Accept"), []byte("a"))
	f.Load([]byte("X-One"), []byte("1"))
	f.Load([]byte("accept"), []byte("b"))
	if f.Edited() {
		t.Error("loading is an edit, want none")
	}
	if f.Remove([]byte("x-two")); f.Edited() {
		t.Error("removing what is not there is an edit, want none")
	}
	f.Set([]byte("ACCEPT"), []byte("c"))
	f.Add([]byte("X-One"), []byte("2"))
	f.Set([]byte("X-New"), []byte(""))
	if got, want := listed(&f), "Accept: c; X-One: 1; X-One: 2; X-New: "; got != want || !f.Edited() {
		t.Errorf("got %s, edited %v, want %s", got, f.Edited(), want)
	}
	f.Remove([]byte("x-one"))
	if got, want := listed(&f), "Accept: c; X-New: "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if v, ok := f.Get("accept"); !ok || string(v) != "c" {
		t.Errorf("Get says %q, %v", v, ok)
	}
	if f.Reset(); f.Edited() || len(f.All()) != 0 {
		t.Error("something survived Reset")
	}
}

func TestFieldsAsAStupidListHasThem(t *testing.T) {
	names := []string{"a", "A", "b", "x-c", "X-C"}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		var f Fields
		var want []string // "lower-case name: value"
		for range 30 {
			name, value := names[r.IntN(len(names))], strings.Repeat("v", r.IntN(20))
			key := strings.ToLower(name) + ": "
			under := func(s string) bool { return strings.HasPrefix(s, key) }
			switch r.IntN(3) {
			case 0:
				f.Add([]byte(name), []byte(value))
				want = append(want, key+value)
			case 1:
				f.Set([]byte(name), []byte(value))
				if i := slices.IndexFunc(want, under); i < 0 {
					want = append(want, key+value)
				} else {
					want[i] = key + value
					want = append(want[:i+1], slices.DeleteFunc(slices.Clone(want[i+1:]), under)...)
				}
			default:
				f.Remove([]byte(name))
				want = slices.DeleteFunc(want, under)
			}
		}
		var got []string
		for _, field := range f.All() {
			got = append(got, strings.ToLower(string(field.Name))+": "+string(field.Value))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: got %q, want %q", seed, got, want)
		}
	}
}

func TestNamesDifferByMoreThanOneBit(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"Accept", "aCCEPT", true}, {"a-b", "a\rb", false}, {"[", "{", false}, {"@", "`", false}, {"a", "ab", false}} {
		if got := equalFold([]byte(c.a), c.b); got != c.want {
			t.Errorf("%q and %q: %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func TestEditingFieldsAllocatesNothingOnceWarm(t *testing.T) {
	var f Fields
	accept, name, value := []byte("Accept"), []byte("X-Tenant"), []byte("diku")
	edit := func() {
		f.Reset()
		f.Load(accept, value)
		f.Set(name, value)
		f.Add(name, value)
		f.Remove(name)
	}
	edit()
	if n := testing.AllocsPerRun(100, edit); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
