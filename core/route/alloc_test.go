//go:build !race

package route

import "testing"

func TestMatchAllocatesNothing(t *testing.T) { // A2
	table, paths, _ := big(t, 2200)
	if n := testing.AllocsPerRun(100, func() { table.Match([]byte("GET"), paths[3]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	i := NewInstance("a", "m", "1.0.0", "http://h", func(*Instance, uint64) {})
	if n := testing.AllocsPerRun(100, func() { i.Enter(0).Leave() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
