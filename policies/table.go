package policies

import (
	"slices"
	"time"

	"github.com/modgate/modgate/core/fallback"
)

// wordTable has the bits of all predicates that are true of a text: equality
// and membership.
type wordTable struct {
	value func(*fallback.Query, *time.Location) string
	few   []word // instead of many
	many  map[string]uint64
}

type word struct {
	text string
	bits uint64
}

// mostFew is up to how many are looked through in order.
const mostFew = 6

// stepTable has the bits of all predicates about a number: they change only at
// its cuts.
type stepTable struct {
	value func(*fallback.Query, *time.Location) int
	cuts  []int    // sorted
	bits  []uint64 // below the first cut, from each cut on
}

// scan is the predicates about a text that have to be tried one by one.
type scan struct {
	field field
	list  []predicate
	bits  []uint64
}

// enumTable has the bits of all predicates about a field that has few values.
type enumTable struct {
	field field
	value func(*fallback.Query, *time.Location) int
	bits  []uint64 // by the place among the field's words
}

func newWordTable(f field, bits map[string]uint64) wordTable {
	t := wordTable{value: textOf[f]}
	if len(bits) > mostFew {
		t.many = bits
		return t
	}
	for _, s := range sortedNames(bits) {
		t.few = append(t.few, word{s, bits[s]})
	}
	return t
}

func (t *wordTable) of(s string) uint64 {
	if t.many != nil {
		return t.many[s]
	}
	for i := range t.few {
		if t.few[i].text == s {
			return t.few[i].bits
		}
	}
	return 0
}

// numbered is a predicate about a number.
type numbered struct {
	test   test // below or equals
	number int
	bit    uint64
}

func newStepTable(f field, list []numbered) stepTable {
	t := stepTable{value: wholeOf(f)}
	for _, n := range list {
		t.cuts = append(t.cuts, n.number)
		if n.test == equals {
			t.cuts = append(t.cuts, n.number+1)
		}
	}
	slices.Sort(t.cuts)
	t.cuts = slices.Compact(t.cuts)
	for _, at := range append([]int{t.cuts[0] - 1}, t.cuts...) {
		var bits uint64
		for _, n := range list {
			if at == n.number && n.test == equals || at < n.number && n.test == below {
				bits |= n.bit
			}
		}
		t.bits = append(t.bits, bits)
	}
	return t
}

func (t *stepTable) of(n int) uint64 {
	if len(t.cuts) > mostFew {
		i, found := slices.BinarySearch(t.cuts, n)
		if found {
			i++
		}
		return t.bits[i]
	}
	i := 0
	for i < len(t.cuts) && t.cuts[i] <= n {
		i++
	}
	return t.bits[i]
}
