package route

import (
	"sync/atomic"
	"time"

	"github.com/modgate/modgate/core/message"
)

// Instance is one process. It stays the same object while its registration
// lives, over any number of States, so that its count of runs is exact.
//
// The count and two bits share one word: entering is count, look, and if it
// is closed uncount (the enter-against-drain race of architecture.md 4).
type Instance struct {
	ID       string
	Module   string
	Version  string
	Upstream string // scheme://host:port
	Hop      string // module@version/instance, as in Modgate-Run (3.1)

	// Protocol is what it speaks. Set it before anybody knows the instance.
	Protocol message.Protocol

	// RunHeader is the header in which the module passes on its runs; "":
	// Modgate-Run (L4). Set it before anybody knows the instance.
	RunHeader string

	// Egress is the origin at which it finds others, where what it sends is
	// known as its own; "": it has none (L4). Set it before anybody knows the
	// instance.
	Egress string

	Fitness
	drained func(*Instance, uint64)
	drain   atomic.Uint64 // turn of the drain under way
	word    atomic.Int64
	refused atomic.Int64 // see Refuse
}

const (
	drainingBit = 1 << 61 // only own runs enter
	closedBit   = 1 << 62 // nobody enters
	stateBits   = drainingBit | closedBit
)

// NewInstance returns an instance that is open. drained is called, once per
// Drain, when the last run has ended, with the turn that Drain was given; it
// may run on the goroutine of a request and must not block.
func NewInstance(id, module, version, upstream string, drained func(*Instance, uint64)) *Instance {
	return &Instance{
		ID: id, Module: module, Version: version, Upstream: upstream,
		Hop: module + "@" + version + "/" + id, drained: drained,
	}
}

// Enter counts a run in and reports whether the instance takes it. If not,
// nothing is counted and the caller looks at the State again.
func (i *Instance) Enter() bool {
	if i.word.Add(1)&stateBits == 0 {
		return true
	}
	i.Leave()
	return false
}

// EnterOwn is Enter for a run that was begun in this instance's version: a
// draining instance takes it too.
func (i *Instance) EnterOwn() bool {
	if i.word.Add(1)&closedBit == 0 {
		return true
	}
	i.Leave()
	return false
}

// Leave counts a run out.
func (i *Instance) Leave() {
	if i.word.Add(-1) == drainingBit {
		i.seal()
	}
}

// seal closes a draining instance that has no run, so that none enters
// between the report and what follows from it.
func (i *Instance) seal() {
	if i.word.CompareAndSwap(drainingBit, stateBits) {
		i.drained(i, i.drain.Load())
	}
}

// Drain lets only own runs in from now on, and reports when none is left.
// turn names this drain in the report.
func (i *Instance) Drain(turn uint64) {
	i.drain.Store(turn)
	if i.word.Or(drainingBit)&^drainingBit == 0 {
		i.seal()
	}
}

// Close lets nobody in from now on. Runs that are inside may end.
func (i *Instance) Close() { i.word.Or(stateBits) }

// Open ends Drain or Close: everyone may enter. Who was closed begins anew to
// get its share.
func (i *Instance) Open() {
	if i.word.And(^stateBits)&closedBit != 0 {
		i.begin()
	}
}

// Runs returns the number of runs in flight.
func (i *Instance) Runs() int64 { return i.word.Load() &^ stateBits }

// refusalGap is L6's: two refusals this far apart put an instance out.
const refusalGap = 100 * time.Millisecond

// Refuse notes that a connection was refused at now and reports whether this
// puts the instance out (L6): it is at least the second refusal, 100 ms after
// the first, and no connection was made in between. One caller is told so.
func (i *Instance) Refuse(now time.Time) bool {
	first := i.refused.Load()
	if first == 0 {
		i.refused.CompareAndSwap(0, now.UnixNano())
		return false
	}
	return first > 0 && now.UnixNano()-first >= int64(refusalGap) && i.refused.CompareAndSwap(first, -1)
}

// Reached notes that a connection was made.
func (i *Instance) Reached() {
	if i.refused.Load() != 0 {
		i.refused.Store(0)
	}
}
