package plugins

import (
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/plugins/fuel"
)

// call is one call into a guest. It is the context that the engine hands to
// host functions, so that they find it without allocating.
type call struct {
	i      *instance
	memory api.Memory
	most   uint32 // bytes of memory that the guest may have, as far as is known: without its margin

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

	answered *questions // to which the margin has answers, in the order of theirs
	answers  int        // how many

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
	if c.i.g.margin && c.memory != nil {
		c.leave()
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
	b, ok := c.reach(ptr, n)
	if !ok {
		panic(errPointer)
	}
	return b
}

const errPointer = misuse("a pointer leads out of its memory")

// reach is view, and false if there is no such memory.
func (c *call) reach(ptr, n uint64) ([]byte, bool) {
	if end := uint64(uint32(ptr)) + uint64(uint32(n)); end > uint64(c.most) {
		if c.most = c.memory.Size(); c.i.g.margin {
			c.most -= fuel.Margin
		}
		if end > uint64(c.most) {
			return nil, false
		}
	}
	return c.memory.Read(uint32(ptr), uint32(n))
}

// put writes v where the guest has room for it, and returns how long it is.
func (c *call) put(ptr, limit uint64, v []byte) uint64 {
	c.spent += uint64(len(v)) / bytesWork
	if len(v) > 0 && uint64(len(v)) <= uint64(uint32(limit)) {
		b, ok := c.reach(ptr, uint64(len(v)))
		if !ok {
			panic(errPointer)
		}
		copy(b, v)
	}
	return uint64(len(v))
}

// exchange returns what is being handled, with all that the guest has done to
// it so far.
func (c *call) exchange() adapter.Exchange {
	if c.x == nil {
		panic(misuse("there is no request while the guest begins"))
	}
	if c.i.g.margin {
		c.takeNotes()
	}
	return c.x
}

// finish takes what the guest has left when its hook returned: edits in its
// margin, and bodies.
func (c *call) finish() error {
	if !c.i.g.margin && !c.written[0] && !c.written[1] {
		return nil
	}
	return c.left()
}

func (c *call) left() (err error) {
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case misuse:
			err = fault
		default:
			panic(fault)
		}
	}()
	c.exchange()
	for side, written := range c.written {
		if written {
			c.x.SetBody(adapter.Side(side), c.bodies[side])
		}
	}
	return nil
}
