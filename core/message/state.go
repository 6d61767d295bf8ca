// Package message is the wire form of the lifecycle: what modules announce,
// what they are told, and how the state of a module is written down
// (lifecycle.md sections 3.2 to 3.4).
//
// It decides names and encodings, and what is a well-formed message. It never
// decides what a message leads to.
package message

import (
	"fmt"
	"time"

	"github.com/modgate/modgate/core/module"
)

// Availability is the state of a module (A1). The zero value is Unknown.
type Availability uint8

// The states of a module.
const (
	Unknown Availability = iota // never registered nor configured
	Ready                       // a version serves
	Delayed                     // absent, younger than its deadline
	Missing                     // absent, older
)

var availabilityNames = [...]string{"unknown", "ready", "delayed", "missing"}

func (a Availability) String() string { return availabilityNames[a] }

// MarshalText writes the word of A1.
func (a Availability) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (a *Availability) UnmarshalText(b []byte) error {
	return parse(a, availabilityNames[:], b, "module state")
}

// Reason says why a module is not ready, or why a caller or version is
// refused (A1). The zero value is NoReason.
type Reason uint8

// The reasons of A1. Those from ReasonVersion on belong to an answer to one
// caller.
const (
	NoReason           Reason = iota
	ReasonStarting            // no version has announced RESUME yet
	ReasonWaiting             // an UPDATE waits for the older version to finish (U2)
	ReasonUpdating            // an UPDATE is granted (U1)
	ReasonDisconnected        // the last instance said DISCONNECT (L1)
	ReasonLost                // the last instance's lease ran out, or it refuses connections (L2, L6)
	ReasonUnhealthy           // the last instance's probes failed (L2)
	ReasonExpired             // the absence outlived its deadline (A4)
	ReasonForced              // an administrator said so (O1)
	ReasonVersion             // the caller's requirement is unmet (D3)
	ReasonUnknown             // no such module or path
	ReasonCycle               // parking would wait for itself (U11)
	ReasonRefused             // the version's UPDATE was refused (U12)
	ReasonFenced              // the version is fenced (U8)
)

var reasonNames = [...]string{
	"", "starting", "waiting", "updating", "disconnected", "lost", "unhealthy", "expired", "forced",
	"version", "unknown", "cycle", "refused", "fenced",
}

func (r Reason) String() string { return reasonNames[r] }

// MarshalText writes the word of A1, or nothing.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (r *Reason) UnmarshalText(b []byte) error { return parse(r, reasonNames[:], b, "reason") }

// Phase is where a version or an instance stands (A1). The zero value is
// Starting: registered, and nothing announced.
type Phase uint8

// The phases of A1.
const (
	Starting Phase = iota
	Serving
	Draining // finishing its runs, no new requests
	Waiting  // said UPDATE, not granted yet
	Updating // holds the grant
	Idle     // a higher version serves (V3)
	Fenced   // its token opens nothing (U8)
	Out      // gone, or unreachable
)

var phaseNames = [...]string{"starting", "serving", "draining", "waiting", "updating", "idle", "fenced", "out"}

func (p Phase) String() string { return phaseNames[p] }

// MarshalText writes the word of A1.
func (p Phase) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (p *Phase) UnmarshalText(b []byte) error { return parse(p, phaseNames[:], b, "phase") }

// Fulfilment is the state of a requirement (A1). The zero value is invalid.
type Fulfilment uint8

// The states of a requirement.
const (
	Met Fulfilment = iota + 1
	UnmetDelayed
	UnmetMissing
)

var fulfilmentNames = [...]string{"", "met", "delayed", "missing"}

func (f Fulfilment) String() string { return fulfilmentNames[f] }

// MarshalText writes the word of A1.
func (f Fulfilment) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (f *Fulfilment) UnmarshalText(b []byte) error {
	return parse(f, fulfilmentNames[:], b, "requirement state")
}

// parse sets *e to the index of b in names.
func parse[E ~uint8](e *E, names []string, b []byte, what string) error {
	for i, n := range names {
		if n == string(b) {
			*e = E(i)
			return nil
		}
	}
	return fmt.Errorf("%q is not a %s", b, what)
}

// State is a module's state as the control API writes it (3.3), seen by one
// of its instances when Phase is set.
type State struct {
	Module  string         `json:"module"`
	State   Availability   `json:"state"`
	Reason  Reason         `json:"reason,omitempty"`
	Since   time.Time      `json:"since,omitzero"`
	TTL     Duration       `json:"ttl,omitzero"`
	Serving module.Version `json:"serving,omitzero"`
	Phase   *Phase         `json:"phase,omitempty"`
	Turn    uint64         `json:"turn"`
}

// Requirement is a requirement with its state (D1).
type Requirement struct {
	ID       string     `json:"id"`
	Range    string     `json:"range,omitempty"`
	Optional bool       `json:"optional,omitempty"`
	State    Fulfilment `json:"state"`
	Reason   Reason     `json:"reason,omitempty"`
	Found    string     `json:"found,omitempty"`  // version found, of what Range is about
	Module   string     `json:"module,omitempty"` // module that provides it, or would
}

// Duration is a time.Duration that reads and writes as a Go string ("12s").
type Duration time.Duration

// MarshalText writes d as time.Duration's String does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads a Go duration such as "90s" or "1m30s".
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("duration %q: want a Go duration such as \"90s\" or \"1m30s\"", b)
	}
	*d = Duration(v)
	return nil
}
