// Package fallback is what a policy is asked and what it may answer, as
// plain values. Who asks knows nothing of Rego; who answers knows nothing of
// the lifecycle's machine.
//
// It decides the questions, the answers, and the bounds an answer is clamped
// to. It never answers.
package fallback

import (
	"time"

	"github.com/modgate/modgate/core/message"
)

// Entrypoint names a question (policies.md 3.1).
type Entrypoint string

// The entrypoints. Request is asked on the data plane, where a module is not
// ready (A3) or is watched; the others on transitions, Alert by the clock too.
const (
	Request Entrypoint = "request"
	Watch   Entrypoint = "watch"   // whether Request is asked while the module is ready (A2)
	Absence Entrypoint = "absence" // how long an absence may last (A4)
	Update  Entrypoint = "update"  // whether an UPDATE goes ahead (U1)
	Grace   Entrypoint = "grace"   // how long an older version may finish (V2, U2)
	Resume  Entrypoint = "resume"  // how fast parked requests go to a module that is back (A5)
	Alert   Entrypoint = "alert"   // which incidents the administrator is told of (G5)
)

// Query is what a policy sees. Fields that do not belong to the entrypoint
// are zero.
type Query struct {
	Entrypoint Entrypoint
	Now        time.Time // when it is asked: policies have no other clock
	Target     Target
	Caller     Caller
	HTTP       HTTP
	Parked     Parked
	Platform   Platform
	Trouble    Trouble
}

// Target is the module that the question is about.
type Target struct {
	Module   string
	State    message.Availability
	Reason   message.Reason
	Version  string        // the version that leaves, updates or is asked about
	Serving  string        // the highest serving version, if any
	Older    string        // the version that a fallback to an older one would reach, if any (A3)
	Since    time.Time     // start of the absence
	Absent   time.Duration // how long it has lasted
	TTLLeft  time.Duration // what is left of it
	Expected time.Duration // the module's own hint (3.3), zero if none
	Note     string        // the module's own reason, as announced
	Asked    time.Duration // update: how long ago the UPDATE was announced
	Losses   int           // involuntary departures within 10 minutes
}

// Caller is who sent the request.
type Caller struct {
	Module  string // empty: a client, which bears no token (I1)
	Version string
	OnDelay message.OnDelay
}

// HTTP is the request itself.
type HTTP struct {
	Method, Path, Route string
	Host                string
	Tenant              string // value of the header that the configuration names, if any
	Size                int64  // of the body in bytes; 0 if it is not known
	Repeatable          bool   // bears an Idempotency-Key: sent twice, it is done once
}

// Parked is how full the module's waiting room is.
type Parked struct {
	Count, Limit int
	Oldest       time.Duration // how long the first of them has waited; for alert
}

// Platform is what an UPDATE is one of. Records are independent, so it is as
// of a moment ago: limits over several modules are advisory (U1).
type Platform struct {
	Updating int // other modules with a granted UPDATE
}

// Trouble is what the gateway's callers and the module itself bear, for alert.
type Trouble struct {
	Delayed int           // answers DELAY a second, lately
	Missing int           // answers MISSING a second, lately
	Unmet   int           // requirements of the module's own that are not met (D5)
	Since   time.Duration // how long the first of those has been so
}

// Action is what a decision does.
type Action uint8

// The actions. The zero value is NoAction: the policy said nothing.
const (
	NoAction   Action = iota
	Delay             // request: DELAY; absence: go on until TTL
	Miss              // request, absence: MISSING
	Substitute        // request: answer by Decision.Fallback
	Pass              // request, of a module that is ready: let it through
	Grant             // update: go ahead
	Defer             // update: DELAY, ask again after TTL
	Deny              // update: MISSING, refused
)

var actionNames = [...]string{"", "delay", "missing", "fallback", "pass", "grant", "defer", "deny"}

func (a Action) String() string { return actionNames[a] }

// Decision is what a policy may answer. Zero fields mean "not said"; the
// asker's defaults and bounds hold (Clamp).
type Decision struct {
	Action   Action
	TTL      time.Duration // absence: how long; grace: how long; update, deferred: when to ask again
	Reply    bool          // request: answer DELAY instead of parking (A8)
	Wait     time.Duration // request: longest parking
	Rate     int           // resume: parked requests let go per second, at most
	Retry    time.Duration // request, by reply: when the caller may come again; 0: at the end of the TTL
	Fallback Fallback      // request: with Substitute
	Status   int           // request: of an answer DELAY or MISSING, instead of 503
	Headers  [][2]string   // request: further ones of such an answer
	Watch    bool          // watch: ask Request while the module is ready
	Alert    bool          // absence: tell the administrator now
	Detail   string        // for the answer's text and the alert
	By       string        // the rule that decided, for explanations

	// Tally counts the requests that were so decided; who follows the decision
	// adds one. Nil: nobody counts.
	Tally Tally
}

// Tally counts: an *atomic.Uint64.
type Tally interface {
	Add(n uint64) (sum uint64)
}

// Fallback says who answers instead (A3). Exactly one field is set.
type Fallback struct {
	Module string  // another module
	Older  bool    // an older version of the same one, neither below the floor nor draining
	Static *Static // a fixed answer
}

// Static is a fixed answer.
type Static struct {
	Status  int
	Headers [][2]string
	Body    string
}

// Clone returns a copy that keeps nothing of the request's buffers.
func (q *Query) Clone() Query {
	c := *q
	c.HTTP = c.HTTP.Clone()
	return c
}

// Clone returns a copy that keeps nothing of the request's buffers, in one
// piece of memory.
func (h HTTP) Clone() HTTP {
	rest := h.Method + h.Path + h.Host + h.Tenant
	for _, s := range [...]*string{&h.Method, &h.Path, &h.Host, &h.Tenant} {
		*s, rest = rest[:len(*s)], rest[len(*s):]
	}
	return h
}

// Plan answers Request about one module in one state. It may be asked at any
// time from anywhere, and costs little.
type Plan interface {
	// Request answers q. Of q.Target it looks at Absent and TTLLeft only, for
	// the rest is the plan's own. It keeps nothing of q; what the decision
	// points to is shared, and not to be changed.
	Request(q *Query) Decision
}

// Always is a Plan that gives one answer.
type Always Decision

// Request returns a.
func (a Always) Request(*Query) Decision { return Decision(a) }

// Incident is something that the administrator must know of a module, for as
// long as a policy says so. Raised and ended, it is one incident (G5).
type Incident struct {
	Code     string // tells a module's incidents apart
	Severity string // info, warning or critical, as in the control API (3.3)
	Summary  string
	Detail   string
	By       string // the unit that said so
}

// Decide answers a query. It must be pure while a transition is under way:
// the same query, the same answer.
type Decide func(Query) Decision

// Bounds limit what a policy may say; a zero bound is none.
type Bounds struct{ Min, Max time.Duration }

// Clamp returns d within b.
func (b Bounds) Clamp(d time.Duration) time.Duration {
	d = max(d, b.Min)
	if b.Max > 0 {
		d = min(d, b.Max)
	}
	return d
}
