package route

import (
	"sync"
	"sync/atomic"
)

// entrance counts an instance's runs in and out, exactly, and closes behind
// the last run of a drain. It has several doors, so that who enters on one core
// does not write what another core writes, too.
//
// A door's count and state share one word: entering is count, look, and if the
// door does not let in, count out again and try elsewhere (the
// enter-against-drain race of architecture.md 4). Who brings a draining door to
// zero closes it by compare-and-swap, and it stays closed until Open: when the
// last door closes, nobody is inside any more, though no two doors were looked
// at in the same moment.
//
// Who enters and leaves takes no lock, but for closing a door that drains.
type entrance struct {
	drained func(turn uint64)

	mu     sync.Mutex // whoever changes the state of a door has it
	turn   uint64     // of the drain under way; guarded by mu
	closed int        // doors; guarded by mu

	_    [cacheLine]byte // what is above is read only, mostly
	door [doors]Door
}

// doors is how many there are. Two requests at once on two cores are at the
// same one by chance, if at all; choosing the less busy of two instances reads
// the doors of both.
const doors = 8

const cacheLine = 64

// Door is where a run came in, and leaves again.
type Door struct {
	word atomic.Int64 // runs and state
	of   *entrance
	_    [cacheLine - 16]byte
}

const (
	drainingBit = 1 << 61 // only own runs enter
	closedBit   = 1 << 62 // nobody enters
	stateBits   = drainingBit | closedBit
)

func (e *entrance) build(drained func(turn uint64)) {
	e.drained = drained
	for n := range e.door {
		e.door[n].of = e
	}
}

// Enter counts a run in, and returns the door by which it must leave; nil if
// the instance does not take it: then nothing is counted, and the caller looks
// at the State again. Any number does for at; those who enter at once on
// different cores better have different ones.
func (e *entrance) Enter(at uint32) *Door {
	d := &e.door[at%doors]
	if d.word.Add(1)&stateBits == 0 {
		return d
	}
	d.Leave()
	return nil
}

// EnterOwn is Enter for a run that was begun in this instance's version: a
// draining instance takes it too. While a run is inside, some door takes it:
// that run's.
func (e *entrance) EnterOwn(at uint32) *Door {
	for n := range uint32(doors) {
		d := &e.door[(at+n)%doors]
		if d.word.Add(1)&closedBit == 0 {
			return d
		}
		d.Leave()
	}
	return nil
}

// Leave counts a run out that entered by d.
func (d *Door) Leave() {
	if d.word.Add(-1) == drainingBit {
		d.of.leave(d)
	}
}

// leave closes d, if nobody entered since it was found empty.
func (e *entrance) leave(d *Door) {
	e.mu.Lock()
	last, turn := e.shut(d), e.turn
	e.mu.Unlock()
	if last {
		e.drained(turn)
	}
}

// shut closes d, if it drains and nobody is inside, and reports whether it was
// the last. The caller holds mu.
func (e *entrance) shut(d *Door) (last bool) {
	if !d.word.CompareAndSwap(drainingBit, stateBits) {
		return false
	}
	e.closed++
	return e.closed == doors
}

// Drain lets only own runs in from now on, and has it reported when none is
// left. turn names this drain in the report.
func (e *entrance) Drain(turn uint64) {
	e.mu.Lock()
	e.turn = turn
	for n := range e.door {
		e.door[n].word.Or(drainingBit)
	}
	last := false
	for n := range e.door {
		last = e.shut(&e.door[n]) || last
	}
	e.mu.Unlock()
	if last {
		e.drained(turn)
	}
}

// Close lets nobody in from now on. Runs that are inside may end.
func (e *entrance) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for n := range e.door {
		e.door[n].word.Or(stateBits)
	}
	e.closed = doors
}

// open ends Drain or Close: everyone may enter. It reports whether nobody
// could.
func (e *entrance) open() (wasClosed bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	wasClosed = e.closed == doors
	e.closed = 0
	for n := range e.door {
		e.door[n].word.And(^stateBits)
	}
	return wasClosed
}

// Runs returns the number of runs in flight.
func (e *entrance) Runs() int64 {
	var all int64
	for n := range e.door {
		all += e.door[n].word.Load() &^ stateBits
	}
	return all
}
