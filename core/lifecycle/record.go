package lifecycle

import (
	"slices"
	"time"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// Record is everything that is known of one module's life. It is a value:
// Step returns a new one and shares nothing that it changes. It encodes as
// JSON.
type Record struct {
	Module   string         `json:"module"`
	Turn     uint64         `json:"turn"`
	Epoch    uint64         `json:"epoch"`
	Floor    module.Version `json:"floor,omitzero"`
	Absence  Absence        `json:"absence,omitzero"`
	Grant    Grant          `json:"grant,omitzero"`
	Left     message.Reason `json:"left,omitempty"`     // why the last one that served does not
	Back     time.Duration  `json:"back,omitempty"`     // hint of the last one that left, while nobody serves
	Served   module.Version `json:"served,omitzero"`    // the last version that served (V9)
	Settled  time.Time      `json:"settled,omitzero"`   // since a restart no absence ends before (G6)
	Removed  []Removed      `json:"removed,omitempty"`  // paths that vanished (V9)
	Replaced []string       `json:"replaced,omitempty"` // modules whose routes have come to this one (V10); sorted
	Versions []Version      `json:"versions,omitempty"` // ascending

	Forced    Forced     `json:"forced,omitzero"`
	Overrides []Override `json:"overrides,omitempty"` // the latest, oldest first (O1)
}

// Forced is what administrators keep in force until they lift it (O1). The
// zero value is nothing.
type Forced struct {
	Missing bool           `json:"missing,omitempty"` // the module is missing, whoever serves
	Above   module.Version `json:"above,omitzero"`    // it was promoted: versions above it are fenced
}

// Override is what an administrator decided, and when.
type Override struct {
	Time time.Time `json:"time"`
	message.Override
}

// Absence is the time from the moment a module stops being ready until it is
// ready again. The zero value is none.
type Absence struct {
	Since   time.Time      `json:"since,omitzero"` // never moves within it (A7)
	Reason  message.Reason `json:"reason,omitempty"`
	Until   time.Time      `json:"until,omitzero"` // end of the TTL (A4)
	Expired bool           `json:"expired,omitempty"`
}

// Grant is an UPDATE that was granted. The zero value is none.
type Grant struct {
	Version  module.Version `json:"version,omitzero"`
	Instance string         `json:"instance,omitempty"` // the holder
	Expected time.Duration  `json:"expected,omitempty"` // the holder's hint
	Note     string         `json:"note,omitempty"`     // and reason, as it announced the UPDATE
	Lost     message.Reason `json:"lost,omitempty"`     // why the holder is gone (U6); none while it lives
}

// IsZero reports that no UPDATE is granted.
func (g Grant) IsZero() bool { return g.Version.IsZero() }

// Removed is a route that vanished with a takeover (V9).
type Removed struct {
	Route message.Route  `json:"route"`
	In    module.Version `json:"in"` // first version without it
}

// Version is one version of the module, with what its registration said.
type Version struct {
	Version   module.Version       `json:"version"`
	Routes    []message.Route      `json:"routes,omitempty"`
	Provides  []module.Interface   `json:"provides,omitempty"`
	Requires  []module.Requirement `json:"requires,omitempty"`
	Replaces  []string             `json:"replaces,omitempty"` // modules whose routes go to this one when it serves (V10)
	Drain     Drain                `json:"drain,omitzero"`
	Instances []Instance           `json:"instances,omitempty"` // by id
}

// Drain says that a version gets no new requests and may finish its runs
// (V2, U2, U9). The zero value is none.
type Drain struct {
	Since time.Time `json:"since,omitzero"`
	Least time.Time `json:"least,omitzero"` // grace_min: no grant before
	Until time.Time `json:"until,omitzero"` // the grace's end
}

// Instance is one process of a version.
type Instance struct {
	ID       string           `json:"id"`
	Upstream string           `json:"upstream"`
	Protocol message.Protocol `json:"protocol,omitempty"`
	Webhook  string           `json:"webhook,omitempty"`
	Lease    time.Duration    `json:"lease"`
	OnDelay  message.OnDelay  `json:"on_delay,omitempty"`
	Token    []byte           `json:"token"`             // SHA-256 of the instance token
	StartBy  time.Time        `json:"start_by"`          // when start_ttl runs out (V6)
	Alerted  bool             `json:"alerted,omitempty"` // it did

	Phase   message.Phase   `json:"phase"`
	Seq     uint64          `json:"seq"` // of the last announcement (U7)
	Outcome message.Outcome `json:"outcome,omitempty"`
	Ask     Ask             `json:"ask,omitzero"`
	Held    bool            `json:"held,omitempty"`    // starting, and resumed; serves when it may (V2, V6)
	Refused bool            `json:"refused,omitempty"` // its UPDATE was refused (U12)
	Denial  string          `json:"denial,omitempty"`  // in the words of the policy, or the administrator, that refused it
	Away    message.Reason  `json:"away,omitempty"`    // why it is out
	Shut    time.Time       `json:"shut,omitzero"`     // does not begin to serve before: it was lost too often (L5)
	Sick    bool            `json:"sick,omitempty"`    // its probes failed: does not begin to serve before they succeed (L2)
	Socket  bool            `json:"socket,omitempty"`  // out by refused connections only: a connect brings it back (L6)

	Leaving   time.Time `json:"leaving,omitzero"`     // said DISCONNECT: when its grace ends (L1)
	DrainTurn uint64    `json:"drain_turn,omitempty"` // turn that published the drain; a report of another is stale
	DrainedBy []string  `json:"drained_by,omitempty"` // gateways that have no run of it left
	Drained   bool      `json:"drained,omitempty"`    // draining or waiting, and no run is left
	Orphaned  time.Time `json:"orphaned,omitzero"`    // runs of before a restart, which nobody counts, may go on until then (G6)
}

// Ask is an UPDATE that was announced and not granted yet. The zero value is
// none.
type Ask struct {
	Since    time.Time     `json:"since,omitzero"`
	Deferred time.Time     `json:"deferred,omitzero"` // the policy wants to be asked again then (U1)
	Why      string        `json:"why,omitempty"`     // in the words of the policy that deferred it
	Expected time.Duration `json:"expected,omitempty"`
	Note     string        `json:"note,omitempty"`
}

// IsZero reports that nothing is asked.
func (a Ask) IsZero() bool { return a.Since.IsZero() }

// clone returns a copy that shares nothing that Step changes in place.
func (r Record) clone() Record {
	r.Versions = slices.Clone(r.Versions)
	for i := range r.Versions {
		r.Versions[i].Instances = slices.Clone(r.Versions[i].Instances)
	}
	return r
}

// Find returns the instance of that id with its version, or nil, nil. They
// point into r.
func (r *Record) Find(id string) (*Version, *Instance) {
	for i := range r.Versions {
		v := &r.Versions[i]
		for j := range v.Instances {
			if v.Instances[j].ID == id {
				return v, &v.Instances[j]
			}
		}
	}
	return nil, nil
}

// Version returns the record of version v, or nil.
func (r *Record) Version(v module.Version) *Version {
	for i := range r.Versions {
		if r.Versions[i].Version.Equal(v) {
			return &r.Versions[i]
		}
	}
	return nil
}

// Serving returns the highest version that serves, or nil: an administrator
// may have said that none does (O1).
func (r *Record) Serving() *Version {
	if r.Forced.Missing {
		return nil
	}
	return r.top()
}

// top returns the highest version that serves, or would if it were not for an
// administrator, or nil.
func (r *Record) top() *Version {
	for i := len(r.Versions) - 1; i >= 0; i-- {
		if r.Versions[i].count(message.Serving) > 0 {
			return &r.Versions[i]
		}
	}
	return nil
}

// Owner returns the version that holds a granted UPDATE, else the highest
// that serves, or would if it were not for an administrator, else nil
// (glossary).
func (r *Record) Owner() *Version {
	if !r.Grant.IsZero() {
		return r.Version(r.Grant.Version)
	}
	return r.top()
}

// Barred reports whether v may not serve whoever asks: below the floor (V7),
// or above a promotion (O1).
func (r *Record) Barred(v module.Version) bool {
	return v.Less(r.Floor) || !r.Forced.Above.IsZero() && r.Forced.Above.Less(v)
}

// Availability returns the module's state (A1).
func (r *Record) Availability() message.Availability {
	switch {
	case r.Module == "" || r.Absence.Since.IsZero() && len(r.Versions) == 0:
		return message.Unknown
	case r.Forced.Missing:
		return message.Missing
	case r.Absence.Since.IsZero():
		return message.Ready
	case r.Absence.Expired:
		return message.Missing
	default:
		return message.Delayed
	}
}

// Reason returns why the module is not ready (A1), or NoReason.
func (r *Record) Reason() message.Reason {
	if r.Absence.Expired && !r.Forced.Missing {
		return message.ReasonExpired
	}
	return r.Absence.Reason
}

func (v *Version) count(p message.Phase) int {
	n := 0
	for i := range v.Instances {
		if v.Instances[i].Phase == p {
			n++
		}
	}
	return n
}

// Phase returns where the version stands: the phase of its instance that is
// furthest in use.
func (v *Version) Phase() message.Phase {
	order := [...]message.Phase{
		message.Updating, message.Serving, message.Waiting, message.Draining,
		message.Starting, message.Idle, message.Fenced,
	}
	for _, p := range order {
		if v.count(p) > 0 {
			return p
		}
	}
	return message.Out
}

// returning reports whether v serves, or will again if the UPDATE that it
// drains for comes to nothing (V4, U12): an instance serves, or drains and
// does not leave.
func (v *Version) returning() bool {
	return slices.ContainsFunc(v.Instances, func(i Instance) bool {
		return i.Phase == message.Serving || i.Phase == message.Draining && i.Leaving.IsZero()
	})
}

// unheard reports whether i registered and has not announced that it is
// ready (V6).
func (i *Instance) unheard() bool { return i.Phase == message.Starting && !i.Held }

// inUse reports whether i keeps an UPDATE of another waiting: it serves, or
// runs may be in flight in it (glossary: in use).
func (i *Instance) inUse() bool { return i.Phase == message.Serving || i.finishing() }

// finishing reports whether i takes no new requests and may have runs in
// flight: it drains, or it served until it said UPDATE.
func (i *Instance) finishing() bool {
	return (i.Phase == message.Draining || i.Phase == message.Waiting) && !i.Drained
}

// Uncounted reports whether i finishes runs that nobody counts (G6).
func (i *Instance) Uncounted() bool { return i.finishing() && !i.Orphaned.IsZero() }

// enter moves i to phase p, in which no report about its runs came yet.
func (i *Instance) enter(p message.Phase) {
	i.Phase, i.Drained, i.DrainedBy, i.DrainTurn = p, false, nil, 0
}
