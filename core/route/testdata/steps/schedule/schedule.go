// Package schedule runs threads in every order of their steps. A step is one
// atomic operation; what a thread does between two of them is its own.
package schedule

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"strings"
)

// World is what threads do, from the beginning.
type World struct {
	Threads []func()
	State   func([]byte) []byte // appends all that threads share
	Check   func() error        // what holds after each step
	End     func() error        // what holds when all are done
}

// thread is one of a world in play.
type thread struct {
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	step  string      // what it does next
	ready func() bool // whether it can; nil: always
	then  func()      // to be done with its next step
	saw   []byte
	done  bool
}

// now is the thread whose turn it is; nil: what is done is no step.
var now *thread

type stopped struct{}

// Step waits until it is the thread's turn again. It is what an operation
// begins with.
func Step(what string, ready func() bool) {
	t := now
	if t == nil {
		return
	}
	t.step, t.ready = what, ready
	if !t.yield(struct{}{}) {
		panic(stopped{})
	}
	if t.then != nil {
		t.then()
		t.then = nil
	}
}

// Saw notes what the thread knows from now on: what it does next depends on
// nothing else.
func Saw(what ...int64) {
	if now != nil {
		now.saw = Note(now.saw, what...)
	}
}

// Note appends numbers in such a way that different ones look different.
func Note(b []byte, numbers ...int64) []byte {
	for _, n := range numbers {
		b = binary.AppendVarint(b, n)
	}
	return b
}

// Flag is b as a number.
func Flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// Then has f done in one with the thread's next step.
func Then(f func()) { now.then = f }

func start(f func()) *thread {
	t := &thread{}
	t.next, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		defer func() {
			if fault := recover(); fault != nil && fault != any(stopped{}) {
				panic(fault)
			}
		}()
		t.yield = yield
		f()
	})
	t.move()
	return t
}

// move lets the thread do its next step, and all until the one after it.
func (t *thread) move() {
	now = t
	_, more := t.next()
	now = nil
	t.done = !more
}

func (t *thread) runnable() bool { return !t.done && (t.ready == nil || t.ready()) }

// play is a world in play, and the order of its steps.
type play struct {
	World
	threads []*thread
	trace   []done
	scratch []byte
}

type done struct {
	thread int
	step   string
}

func (p *play) step(n int) {
	p.trace = append(p.trace, done{n, p.threads[n].step})
	p.threads[n].move()
}

func (p *play) key() string {
	b := p.State(p.scratch[:0])
	for _, t := range p.threads {
		b = append(Note(b, int64(len(t.saw)), int64(len(t.step)), Flag(t.done)), t.saw...)
		b = append(b, t.step...)
	}
	p.scratch = b
	return string(b)
}

func (p *play) fault(err error) error {
	var order strings.Builder
	for _, d := range p.trace {
		fmt.Fprintf(&order, "\n\t%d: %s", d.thread, d.step)
	}
	return fmt.Errorf("%w, after%s", err, order.String())
}

// Explore tries every order in which the threads of build's world can do their
// steps, but goes on only once from what it has seen before. It returns how
// many states there are, and the first that is wrong.
func Explore(build func() World) (states int, err error) {
	seen := map[string]bool{}
	for todo := [][]int{nil}; len(todo) > 0; {
		last := len(todo) - 1
		order := todo[last]
		todo = todo[:last]
		branches, err := follow(build(), order, seen)
		if err != nil {
			return len(seen), err
		}
		todo = append(todo, branches...)
	}
	return len(seen), nil
}

// follow plays w in the given order and on from there, and returns the orders
// that it did not take.
func follow(w World, order []int, seen map[string]bool) (branches [][]int, err error) {
	p := &play{World: w}
	for _, f := range w.Threads {
		p.threads = append(p.threads, start(f))
	}
	defer func() {
		for _, t := range p.threads {
			t.stop()
		}
	}()
	for _, n := range order {
		p.step(n)
	}
	for {
		key := p.key()
		if seen[key] {
			return branches, nil
		}
		seen[key] = true
		if err := p.Check(); err != nil {
			return nil, p.fault(err)
		}
		first, over := -1, true
		for n, t := range p.threads {
			over = over && t.done
			switch {
			case !t.runnable():
			case first < 0:
				first = n
			default:
				branches = append(branches, append(order[:len(order):len(order)], n))
			}
		}
		switch {
		case over:
			if err := p.End(); err != nil {
				return nil, p.fault(err)
			}
			return branches, nil
		case first < 0:
			return nil, p.fault(errors.New("everyone waits"))
		}
		order = append(order[:len(order):len(order)], first)
		p.step(first)
	}
}
