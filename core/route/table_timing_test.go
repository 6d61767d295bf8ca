package route

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// big returns a table of n routes, twenty a module, and a path for each.
func big(tb testing.TB, n int) (*Table, [][]byte, []*Module) {
	table := &Table{}
	var paths [][]byte
	var modules []*Module
	for i := 0; i < n; i += 20 {
		m := NewModule(fmt.Sprintf("mod-%d", i/20))
		var entries []Entry
		for j := range 20 {
			entries = append(entries, Entry{Methods: []string{"GET"}, Path: fmt.Sprintf("/mod-%d-storage/iface-%d/items/{id}", i/20, j)})
			paths = append(paths, fmt.Appendf(nil, "/mod-%d-storage/iface-%d/items/0a1b2c3d", i/20, j))
		}
		next, err := table.With(m, entries)
		if err != nil {
			tb.Fatal(err)
		}
		table, modules = next, append(modules, m)
	}
	return table, paths, modules
}

// Hot is one path again and again. Cold is every path once, in an order that
// no cache foresees; the paths themselves lie in that order, since a real
// request's has just been read.
func BenchmarkMatch(b *testing.B) {
	get := []byte("GET")
	for _, n := range []int{2200, 100_000} {
		table, paths, _ := big(b, n)
		b.Run(fmt.Sprintf("%d/hot", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				table.Match(get, paths[7])
			}
		})
		r := rand.New(rand.NewPCG(1, 2))
		r.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
		text := bytes.Join(paths, nil)
		for i, at := 0, 0; i < len(paths); i++ {
			n := len(paths[i])
			paths[i] = text[at : at+n]
			at += n
		}
		b.Run(fmt.Sprintf("%d/cold", n), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				table.Match(get, paths[i])
				if i++; i == len(paths) {
					i = 0
				}
			}
		})
	}
}

func BenchmarkWith(b *testing.B) {
	table, _, modules := big(b, 100_000)
	entries := table.owners[shard(modules[9])][modules[9]]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := table.With(modules[9], entries); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBuild100000(b *testing.B) {
	for b.Loop() {
		big(b, 100_000)
	}
}
