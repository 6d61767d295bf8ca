package lifecycle

import (
	"errors"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// ErrFenced is returned when an announcement comes from a version that is
// fenced (U8): it must stop.
var ErrFenced = errors.New("the version is fenced")

// ErrRefused is returned when an announcement cannot be followed now or ever:
// the UPDATE was refused before (U12), or a higher version serves (V3).
var ErrRefused = errors.New("refused")

// RefusedError is the ErrRefused of an UPDATE about which somebody said why.
type RefusedError struct{ Why string }

func (e *RefusedError) Error() string { return ErrRefused.Error() + ": " + e.Why }

// Unwrap returns ErrRefused.
func (e *RefusedError) Unwrap() error { return ErrRefused }

// refusal is what who asks again is told.
func (i *Instance) refusal() error {
	if i.Denial == "" {
		return ErrRefused
	}
	return &RefusedError{i.Denial}
}

// ErrUnknown is returned when an event names an instance that is not
// registered.
var ErrUnknown = errors.New("no such instance")

// ErrUnknownModule is returned when an override is about a module that was
// never registered nor configured, or was dropped.
var ErrUnknownModule = errors.New("no such module")

// Env carries what a step may not find out for itself.
type Env struct {
	Now      time.Time // kept without its monotonic reading: the caller sees to it that it never falls (G7)
	Settings config.Lifecycle
	Decide   fallback.Decide // pure; asked on transitions, never per request

	// Nodes are the gateways that must report an instance drained; nobody
	// named: one report is enough. A gateway that was lost stays among them
	// until its requests cannot live on in a module any more (G4, G6). When one
	// is named no longer, a Tick may find something due.
	Nodes []string
}

// Event is something that happened to a module. Its members are the types
// of this file.
type Event interface{ event() }

// Configured says that the configuration names the module. Its absence
// counts from Since (A7).
type Configured struct{ Since time.Time }

// Registered says that a process registered: a new instance, or the
// successor of the one with its id.
type Registered struct {
	Version  module.Version
	Routes   []message.Route
	Provides []module.Interface
	Requires []module.Requirement
	Replaces []string      // V10
	Instance Instance      // ID, Upstream, Webhook, Lease, OnDelay, Token
	Hold     time.Duration // its predecessor was lost by it, too often: as of Lost
}

// Announced says that an instance announced something.
type Announced struct {
	Instance string
	message.Announcement
}

// Lost says that an instance left without a word: its lease ran out, or its
// probes failed (L2). A holder's probes are its adapter's to judge: only
// update_probe_failures, or the exit of its process, make it lost (U6).
type Lost struct {
	Instance string
	Reason   message.Reason // ReasonLost or ReasonUnhealthy
	Hold     time.Duration  // it was lost too often: how long it is held out now (L5)
}

// Unreachable says that an instance refuses connections, twice (L6).
type Unreachable struct {
	Instance string
	Hold     time.Duration // as of Lost
}

// Healthy says that the probes of an instance succeed again, or that nobody
// probes it any more (L2).
type Healthy struct{ Instance string }

// Reachable says that its socket takes connections again (L6).
type Reachable struct{ Instance string }

// Drained says that an instance has no run of that gateway left in the drain
// that was published at Turn.
type Drained struct {
	Instance string
	Turn     uint64
	Node     string // the gateway
}

// Restarted says that the gateway started and read this record from its
// store; no absence ends before Settled (G6).
type Restarted struct {
	Settled time.Time
	Back    time.Duration // how far the clock is behind the last save (G7)
}

// Yielded says that a module whose routes had come to this one has them back:
// it registers, or resumes, while this one is missing (V10).
type Yielded struct{ To string }

// Overridden says that an administrator decided (O1). It is refused with an
// *OverrideError, or ErrUnknownModule.
type Overridden struct{ message.Override }

// Tick says that time has passed. One that finds nothing due does nothing.
type Tick struct{}

func (Configured) event()  {}
func (Registered) event()  {}
func (Announced) event()   {}
func (Lost) event()        {}
func (Unreachable) event() {}
func (Healthy) event()     {}
func (Reachable) event()   {}
func (Drained) event()     {}
func (Restarted) event()   {}
func (Yielded) event()     {}
func (Overridden) event()  {}
func (Tick) event()        {}

// Effect is something that must now be done. Its members are the types
// below; they are values, so that they compare, print and replay.
type Effect interface{ effect() }

// Publish says that the record's picture changed: routes, phases, state.
type Publish struct{}

// Release says that whoever is parked must look again. The record of Turn
// must be published before.
type Release struct{ Turn uint64 }

// Alert opens an incident for the administrator, once per Key (G5).
type Alert struct {
	Key      string
	Critical bool
	Summary  string
}

// Resolve ends the incident of that Key, if it is open.
type Resolve struct{ Key string }

func (Publish) effect() {}
func (Release) effect() {}
func (Alert) effect()   {}
func (Resolve) effect() {}
