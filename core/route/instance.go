package route

import (
	"sync/atomic"
	"time"

	"github.com/modgate/modgate/core/message"
)

// Instance is one process. It stays the same object while its registration
// lives, over any number of States, so that its count of runs is exact.
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
	refused atomic.Int64 // see Refuse
	entrance
}

// NewInstance returns an instance that is open. drained is called, once per
// Drain, when the last run has ended, with the turn that Drain was given; it
// may run on the goroutine of a request and must not block.
func NewInstance(id, module, version, upstream string, drained func(*Instance, uint64)) *Instance {
	i := &Instance{
		ID: id, Module: module, Version: version, Upstream: upstream,
		Hop: module + "@" + version + "/" + id,
	}
	i.build(func(turn uint64) { drained(i, turn) })
	return i
}

// Open ends Drain or Close: everyone may enter. Who was closed begins anew to
// get its share.
func (i *Instance) Open() {
	if i.open() {
		i.begin()
	}
}

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
