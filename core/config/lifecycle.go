package config

import (
	"fmt"
	"time"

	"github.com/modgate/modgate/core/fallback"
)

// Lifecycle is what operators decide about a module's life: lengths and
// their bounds (C1; defaults of lifecycle.md 3.5).
type Lifecycle struct {
	TTL         time.Duration // how long an absence may last before MISSING
	AbsenceMax  time.Duration // A4: no deadline lies beyond since + AbsenceMax
	UpdateTTL   time.Duration // the TTL that a grant sets (U6)
	Grace       time.Duration // how long an older version may finish (V2, U2)
	GraceMin    time.Duration // U2: no grant before, unless all DISCONNECT
	StreamGrace time.Duration // V8
	StartTTL    time.Duration // V6, G3
	Lease       time.Duration // what a registration gets that asks for none
	Takeover    int           // instances a higher version needs to take over (V2)

	TTLBounds   fallback.Bounds // of what a policy may say
	GraceBounds fallback.Bounds
	LeaseBounds fallback.Bounds // of what a registration may ask for
}

// DefaultLifecycle returns the defaults of lifecycle.md 3.5.
func DefaultLifecycle() Lifecycle {
	return Lifecycle{
		TTL: 30 * time.Second, AbsenceMax: 15 * time.Minute, UpdateTTL: 2 * time.Minute,
		Grace: 30 * time.Second, StreamGrace: 5 * time.Second, StartTTL: time.Minute,
		Lease: 10 * time.Second, Takeover: 1,
		TTLBounds:   fallback.Bounds{Max: 15 * time.Minute},
		GraceBounds: fallback.Bounds{Max: 10 * time.Minute},
		LeaseBounds: fallback.Bounds{Min: time.Second, Max: 5 * time.Minute},
	}
}

// Check returns what is wrong with l, or nil: an absence that is updated
// must be able to outlive the grace before it (lifecycle.md 3.5).
func (l Lifecycle) Check() error {
	if l.AbsenceMax < l.Grace+l.UpdateTTL {
		return fmt.Errorf("absence_max (%v) is below grace + update_ttl (%v): an UPDATE could expire before it is granted; raise absence_max or lower the others",
			l.AbsenceMax, l.Grace+l.UpdateTTL)
	}
	if l.GraceMin > l.Grace {
		return fmt.Errorf("grace_min (%v) is above grace (%v)", l.GraceMin, l.Grace)
	}
	return nil
}
