package route

import (
	"sync/atomic"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// Module is what every route of one module points at. It lives as long as
// the module is known; only its State changes, by one atomic store, so that
// UPDATE and RESUME never rebuild the table.
type Module struct {
	Name    string
	Adapter *adapter.Slot // nil: the module can have none

	// Requests that were answered DELAY and MISSING for it, since it is known.
	Delayed, Missing atomic.Uint64

	state atomic.Pointer[State]
}

// NewModule returns a module of which nothing is known yet.
func NewModule(name string) *Module {
	m := &Module{Name: name}
	m.state.Store(&State{})
	return m
}

// State returns the module's state of this moment. It is immutable.
func (m *Module) State() *State { return m.state.Load() }

// SetState publishes s. The control plane calls it, under its own lock, with
// rising turns; nobody may touch s afterwards.
func (m *Module) SetState(s *State) { m.state.Store(s) }

// State is all that a request needs to know about its module.
type State struct {
	Availability message.Availability // Ready: Serving takes new requests
	Reason       message.Reason       // why not ready
	Turn         uint64               // compared by parking (glossary: turn)
	Epoch        uint64               // sent to the module as Modgate-Epoch
	Since        time.Time            // start of the absence
	Until        time.Time            // end of its TTL; zero when ready or missing

	Serving *Version   // takes new requests; nil unless ready
	Own     []*Version // draining: takes requests of runs begun in it (U2, U11), nothing else
	Holder  *Instance  // holds a granted UPDATE: its own requests go to itself (U3)
	Older   *Version   // for a fallback to an older version (A3): neither below the floor nor draining

	Plan    fallback.Plan // what the policy says of a request (A3); nil: nothing. Not asked while ready, unless
	Watched bool          // the policy wants to see a ready module's requests (A2)
	Edition uint64        // rises with every State, also where the turn does not: what a review of the parked compares

	Identified bool // callers = "identified": no token, no entry (I1)
}

// Version is one version of a module with its instances in rotation.
type Version struct {
	Version   module.Version
	Instances []*Instance
	DrainedAt time.Time // V2: when the drain began, for Deprecation; zero while it serves
	Sunset    time.Time // V2: when the grace ends
}
