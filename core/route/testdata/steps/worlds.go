package main

import (
	"errors"
	"fmt"

	"steps/schedule"
)

// entrance is what is explored: entrance.go, or a mutant of it.
type entrance interface {
	Enter(at uint32) (leave func())
	EnterOwn(at uint32) (leave func())
	Drain(turn uint64)
	Close()
	Open() (wasClosed bool)
	State() []int64
	Runs() []int64 // by door
}

// house is an entrance with what is known about who is inside.
type house struct {
	entrance
	inside   int    // runs
	era      int    // rises when one begins to drain, close or open
	turn     uint64 // of the last drain
	barred   bool   // no stranger may enter
	shut     bool   // nobody may
	opened   bool   // everyone may
	closing  bool   // it is being closed, or was and is not open again
	closings int    // how often
	current  bool   // a report is about the drain under way
	reported []uint64
	fault    error
}

func (h *house) wrong(format string, args ...any) {
	if h.fault == nil {
		h.fault = fmt.Errorf(format, args...)
	}
}

func (h *house) report(turn uint64) {
	h.reported = append(h.reported, turn)
	if h.current && turn == h.turn {
		if h.inside > 0 {
			h.wrong("reported %d with %d runs inside", turn, h.inside)
		}
		h.shut = true
	}
}

func (h *house) drain(turn uint64) {
	h.era, h.turn, h.opened, h.current = h.era+1, turn, false, true
	h.Drain(turn)
	h.barred = true
}

func (h *house) close() {
	h.era, h.opened, h.current = h.era+1, false, false
	h.closing, h.closings = true, h.closings+1
	h.Close()
	h.barred, h.shut = true, true
}

func (h *house) open() {
	h.era, h.barred, h.shut, h.current = h.era+1, false, false, false
	if !h.Open() && h.closing {
		h.wrong("what is opened is not known to be closed")
	}
	h.opened, h.closing = true, false
}

// visit enters and leaves again.
func (h *house) visit(at uint32) {
	if leave := h.enter(at); leave != nil {
		leave()
	}
}

// enter brings in a run that is nobody's.
func (h *house) enter(at uint32) (leave func()) {
	era, barred, opened := h.era, h.barred, h.opened
	schedule.Saw(int64(era), schedule.Flag(barred), schedule.Flag(opened))
	leave = h.Enter(at)
	if era == h.era && barred && leave != nil {
		h.wrong("a run entered where none may")
	}
	if era == h.era && opened && leave == nil {
		h.wrong("a run was refused where everyone may enter")
	}
	return h.in(leave)
}

// own brings in a run of a run that is inside.
func (h *house) own(at uint32) {
	era, shut, closing, closings := h.era, h.shut, h.closing, h.closings
	schedule.Saw(int64(era), schedule.Flag(shut), schedule.Flag(closing), int64(closings))
	leave := h.EnterOwn(at)
	if era == h.era && shut && leave != nil {
		h.wrong("a run entered what is closed")
	}
	if leave == nil && !closing && closings == h.closings {
		h.wrong("a run of a run inside was refused")
	}
	if leave = h.in(leave); leave != nil {
		leave()
	}
}

func (h *house) in(leave func()) func() {
	if leave == nil {
		return nil
	}
	h.inside++
	return func() {
		schedule.Then(func() { h.inside-- })
		leave()
	}
}

// world returns the one in which threads do what they do, and which ends with
// what end says.
func (h *house) world(end func() error, threads ...func()) schedule.World {
	return schedule.World{
		Threads: threads,
		State: func(b []byte) []byte {
			b = schedule.Note(b, h.State()...)
			b = schedule.Note(b, int64(h.inside), int64(h.era), int64(h.turn), int64(h.closings), int64(len(h.reported)))
			for _, is := range [...]bool{h.barred, h.shut, h.opened, h.closing, h.current} {
				b = schedule.Note(b, schedule.Flag(is))
			}
			for _, turn := range h.reported {
				b = schedule.Note(b, int64(turn))
			}
			return b
		},
		Check: func() error {
			for _, n := range h.Runs() {
				if n < 0 {
					h.wrong("%d runs at a door", n)
				}
			}
			return h.fault
		},
		End: func() error {
			for _, n := range h.Runs() {
				if n != 0 {
					return fmt.Errorf("%d runs are left at a door", n)
				}
			}
			return end()
		},
	}
}

// reports returns how often a drain was reported.
func (h *house) reports(turn uint64) (times int) {
	for _, r := range h.reported {
		if r == turn {
			times++
		}
	}
	return times
}

var (
	errLost  = errors.New("a drain that ended was not reported")
	errTwice = errors.New("a drain was reported twice")
	errNone  = errors.New("a drain was reported that there was not")
)

// drained is how a world ends in which drain turn came last, and ended.
func (h *house) drained(turn uint64) error {
	for _, r := range h.reported {
		switch {
		case h.reports(r) > 1:
			return errTwice
		case r > turn:
			return errNone
		}
	}
	if h.reports(turn) == 0 {
		return errLost
	}
	return nil
}

// worlds are small, and what is in them is all that can happen.
var worlds = []struct {
	name  string
	build func(*house) schedule.World
}{
	{"two enter against a drain", func(h *house) schedule.World {
		return h.world(func() error { return h.drained(1) },
			func() { h.drain(1) },
			func() { h.visit(0); h.visit(0) },
			func() { h.visit(1); h.visit(0) })
	}},
	{"two at one door", func(h *house) schedule.World {
		return h.world(func() error { return h.drained(1) },
			func() { h.drain(1) },
			func() { h.visit(0); h.visit(0) },
			func() { h.visit(0) })
	}},
	{"a run of a run enters", func(h *house) schedule.World {
		leave := h.enter(0)
		return h.world(func() error { return h.drained(1) },
			func() { h.drain(1) },
			func() { h.own(1); h.own(0); leave() },
			func() { h.visit(1) })
	}},
	{"runs of two runs enter", func(h *house) schedule.World {
		first, second := h.enter(0), h.enter(1)
		return h.world(func() error { return h.drained(1) },
			func() { h.drain(1) },
			func() { h.own(1); first() },
			func() { h.own(0); second() })
	}},
	{"opened again", func(h *house) schedule.World {
		first := h.enter(0)
		return h.world(func() error { return h.drained(2) },
			func() { h.drain(1); h.open(); h.drain(2) },
			func() { first(); h.visit(1) },
			func() { h.visit(0) })
	}},
	{"opened for good", func(h *house) schedule.World {
		first := h.enter(0)
		return h.world(func() error {
			if h.reports(1) > 1 {
				return errTwice
			}
			return nil
		},
			func() { h.drain(1); h.open(); h.visit(0); h.visit(1) },
			func() { first(); h.visit(0) },
			func() { h.visit(1) })
	}},
	{"closed in a drain", func(h *house) schedule.World {
		first := h.enter(0)
		return h.world(func() error { return h.drained(2) },
			func() { h.drain(1); h.close(); h.open(); h.drain(2) },
			func() { h.own(1); first() },
			func() { h.visit(1) })
	}},
	{"closed for good", func(h *house) schedule.World {
		first := h.enter(1)
		return h.world(func() error {
			if len(h.reported) > 0 {
				return errNone
			}
			return nil
		},
			func() { h.close() },
			func() { h.own(0); h.own(1); first(); h.visit(0) },
			func() { h.visit(1) })
	}},
	{"drained anew", func(h *house) schedule.World {
		first := h.enter(0)
		return h.world(func() error {
			if h.reports(1)+h.reports(2) != 1 { // the second finds it closed, or takes its place
				return errLost
			}
			return nil
		},
			func() { h.drain(1); h.drain(2) },
			func() { h.own(1); first() },
			func() { h.visit(1) })
	}},
}
