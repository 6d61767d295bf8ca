// Package atomic stands in for Go's: each operation is a step.
package atomic

import "steps/schedule"

type Int64 struct{ Value int64 }

// change is one step: it makes the value f of what it was, and what the thread
// knows from now on is known of what it was.
func (i *Int64) change(what string, f func(old int64) int64, known func(old int64) int64) int64 {
	schedule.Step(what, nil)
	old := i.Value
	i.Value = f(old)
	result := known(old)
	schedule.Saw(result)
	return result
}

func same(old int64) int64    { return old }
func nothing(int64) (_ int64) { return }

func (i *Int64) Load() int64 { return i.change("load", same, same) }

func (i *Int64) Store(n int64) {
	i.change("store", func(int64) int64 { return n }, nothing)
}

func (i *Int64) Add(n int64) int64 {
	what, more := "count in", func(old int64) int64 { return old + n }
	if n < 0 {
		what = "count out"
	}
	return i.change(what, more, more)
}

// Or is without a result here: who wants it must say so, since then threads
// know more.
func (i *Int64) Or(bits int64) {
	i.change("or", func(old int64) int64 { return old | bits }, nothing)
}

// And is without one, too.
func (i *Int64) And(bits int64) {
	i.change("and", func(old int64) int64 { return old & bits }, nothing)
}

func (i *Int64) CompareAndSwap(is, n int64) bool {
	swap := func(old int64) int64 {
		if old == is {
			return n
		}
		return old
	}
	return 1 == i.change("compare and swap", swap, func(old int64) int64 { return schedule.Flag(old == is) })
}
