package plugins

import (
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/modgate/modgate/core/adapter"
)

// call is one call into a guest. It is the context that the engine hands to
// host functions, so that they find it without allocating.
type call struct {
	i      *instance
	memory api.Memory

	phase    phase
	x        adapter.Exchange // nil while there is none
	features uint32
	budget   time.Duration
	bound    uint64    // of spent
	spent    uint64    // fuel, by the guest in whole slices and by the host for it
	until    time.Time // when it ends at the latest; zero: the clock was not looked at yet

	read    [2]int    // of a body, by adapter.Side
	written [2]bool   // so was a body
	bodies  [2][]byte // and so far it is this

	edits   int    // fields
	edited  int    // bytes of them
	scratch []byte // what a host function returns

	event *adapter.Event
	draft announcement
}

// phase is what a call is for.
type phase uint8

const (
	starting phase = iota
	beforeNext
	afterNext
	encoding
	replying
	decoding
	probing
	judging
)

// begin makes c a call of that phase.
func (c *call) begin(p phase, x adapter.Exchange, budget time.Duration) {
	c.phase, c.x, c.budget, c.until = p, x, budget, time.Time{}
	c.bound, c.spent = uint64(budget)*slice/uint64(sliceTime), 0
	c.features = c.i.g.features.Load()
	c.read, c.written, c.edits, c.edited = [2]int{}, [2]bool{}, 0, 0
	if x != nil && c.i.board.size != 0 {
		c.i.board.note(c)
	}
}

// end forgets what belongs to others.
func (c *call) end() {
	c.x, c.event = nil, nil
	c.draft.reset()
}

// Deadline, Done, Err and Value make c a context.Context that never ends: what
// ends a guest is its fuel.
func (*call) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done returns nil.
func (*call) Done() <-chan struct{} { return nil }

// Err returns nil.
func (*call) Err() error { return nil }

// Value returns nil.
func (*call) Value(any) any { return nil }

// view returns n bytes of the guest's memory at ptr, valid until the guest
// goes on.
func (c *call) view(ptr, n uint64) []byte {
	c.spent += uint64(uint32(n)) / bytesWork
	b, ok := c.memory.Read(uint32(ptr), uint32(n))
	if !ok {
		panic(misuse("a pointer leads out of its memory"))
	}
	return b
}

// put writes v where the guest has room for it, and returns how long it is.
func (c *call) put(ptr, limit uint64, v []byte) uint64 {
	c.spent += uint64(len(v)) / bytesWork
	if len(v) > 0 && uint64(len(v)) <= uint64(uint32(limit)) && !c.memory.Write(uint32(ptr), v) {
		panic(misuse("a pointer leads out of its memory"))
	}
	return uint64(len(v))
}

// exchange returns what is being handled, with all that the guest has done to
// it so far.
func (c *call) exchange() adapter.Exchange {
	if c.x == nil || c.i.board.size != 0 {
		c.settle()
	}
	return c.x
}

// settle makes the edits that the guest has left on its board.
func (c *call) settle() {
	if c.x == nil {
		panic(misuse("there is no request while the guest begins"))
	}
	c.i.board.apply(c)
}
