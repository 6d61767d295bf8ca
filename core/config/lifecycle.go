package config

import (
	"time"

	"github.com/modgate/modgate/core/fallback"
)

// Lifecycle is what operators decide about a module's life: lengths and
// their bounds (C1). Bounds of each field stand in Settings.
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
	Release     Release

	TTLBounds   fallback.Bounds // of what a policy may say
	GraceBounds fallback.Bounds
	LeaseBounds fallback.Bounds // of what a registration may ask for
}

// Release is how fast parked requests go, at most, to a module that is back;
// the module's own answers may slow them down (A5). In requests per second.
type Release struct {
	Rate    int // where the policy does not say
	MaxRate int // whatever it says
}

// Clamp returns rate, what a policy says, within r; Rate for 0.
func (r Release) Clamp(rate int) int {
	if rate <= 0 {
		rate = r.Rate
	}
	return min(rate, r.MaxRate)
}

// DefaultLifecycle returns the defaults of lifecycle.md 3.5.
func DefaultLifecycle() Lifecycle {
	return Lifecycle{
		TTL: 30 * time.Second, AbsenceMax: 15 * time.Minute, UpdateTTL: 2 * time.Minute,
		Grace: 30 * time.Second, StreamGrace: 5 * time.Second, StartTTL: time.Minute,
		Lease: 10 * time.Second, Takeover: 1,
		Release:     Release{Rate: 20_000, MaxRate: 100_000},
		TTLBounds:   fallback.Bounds{Max: 15 * time.Minute},
		GraceBounds: fallback.Bounds{Max: 10 * time.Minute},
		LeaseBounds: fallback.Bounds{Min: time.Second, Max: 5 * time.Minute},
	}
}

// Settings lists what the language sets of l, by name below "defaults" or a
// module's block.
func (l *Lifecycle) Settings() []Setting {
	return []Setting{
		{Name: "ttl", Value: &l.TTL, Max: day, Doc: "how long an absence may last before DELAY becomes MISSING (A4)"},
		{Name: "absence_max", Value: &l.AbsenceMax, Min: second, Max: 7 * day, Doc: "how long it may last whatever policies say (A4)"},
		{Name: "update_ttl", Value: &l.UpdateTTL, Min: second, Max: day, Doc: "how long a granted UPDATE may last (U6)"},
		{Name: "grace", Value: &l.Grace, Max: day, Doc: "how long an older version may finish its runs (V2, U2)"},
		{Name: "grace_min", Value: &l.GraceMin, Max: day, Doc: "how long an UPDATE waits even if no run is in flight, for versions that work without requests (U2)"},
		{Name: "stream_grace", Value: &l.StreamGrace, Max: hour, Doc: "how long upgraded connections and event streams live on in a grace (V8)"},
		{Name: "start_ttl", Value: &l.StartTTL, Min: second, Max: day, Doc: "how long a registered version may take to its first RESUME before an alert (V6)"},
		{Name: "lease", Value: &l.Lease, Min: second, Max: 5 * minute, Doc: "the lease of a registration that asks for none; a module renews at a third of it"},
		{Name: "takeover.instances", Value: &l.Takeover, Min: 1, Max: 1000, Doc: "instances of a higher version that must serve before the lower drains (V2)"},
		{Name: "release.rate", Value: &l.Release.Rate, Min: 1, Max: 1_000_000, Doc: "parked requests that go to the module per second, at most, when it is back (A5)"},
		{Name: "release.max_rate", Value: &l.Release.MaxRate, Min: 1, Max: 1_000_000, Doc: "most that a policy may say instead of release.rate"},
		{Name: "bounds.ttl", Value: &l.TTLBounds, Max: 7 * day, Doc: "least and most that a policy may say instead of ttl"},
		{Name: "bounds.grace", Value: &l.GraceBounds, Max: day, Doc: "least and most that a policy may say instead of grace"},
		{Name: "bounds.lease", Value: &l.LeaseBounds, Min: second, Max: 5 * minute, Doc: "least and most that a registration may ask for"},
	}
}
