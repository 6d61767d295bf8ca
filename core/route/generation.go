package route

import (
	"sync/atomic"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/message"
)

// TokenHash is the SHA-256 of an instance token. Tokens are stored and looked
// up hashed, so a lookup tells nothing by its time (I1, I2).
type TokenHash [32]byte

// Generation is one consistent picture of the topology: one atomic load
// gives a request all it needs. It is immutable.
type Generation struct {
	Table   *Table
	Modules map[string]*Module
	Callers map[TokenHash]*Caller

	// StartingUntil is G3's: until then an unmatched path is DELAY by reply
	// (starting), not 404, because a configured module has not registered.
	StartingUntil time.Time
}

// Live holds the present generation. The zero value holds none.
type Live struct{ p atomic.Pointer[Generation] }

// Load returns the present generation, nil before the first Store (G3: the
// gateway does not listen before).
func (l *Live) Load() *Generation { return l.p.Load() }

// Store publishes g, which must not change afterwards.
func (l *Live) Store(g *Generation) { l.p.Store(g) }

// Caller is who bears a token on the data plane (I1).
type Caller struct {
	Instance *Instance
	OnDelay  message.OnDelay
	Adapter  *adapter.Slot // its module's, which may translate what it says (L4); nil: it can have none

	fenced atomic.Bool
	unmet  atomic.Pointer[map[*Module][]Unmet]
}

// Fenced reports whether the token opens nothing any more (U8).
func (c *Caller) Fenced() bool { return c.fenced.Load() }

// SetFenced is called by the control plane when the version is fenced.
func (c *Caller) SetFenced(fenced bool) { c.fenced.Store(fenced) }

// Unmet returns c's own unmet requirements on m (D3). It is nil for nearly
// every request, at the cost of one load.
func (c *Caller) Unmet(m *Module) []Unmet {
	if p := c.unmet.Load(); p != nil {
		return (*p)[m]
	}
	return nil
}

// SetUnmet replaces what Unmet answers; an empty map is none.
func (c *Caller) SetUnmet(u map[*Module][]Unmet) {
	if len(u) == 0 {
		c.unmet.Store(nil)
		return
	}
	c.unmet.Store(&u)
}

// Unmet is a requirement of a caller that its target does not meet now.
type Unmet struct {
	Interface string             // "" for a requirement on the module itself
	State     message.Fulfilment // UnmetDelayed or UnmetMissing
	Range     string
	Found     string
	Until     time.Time // while delayed
}
