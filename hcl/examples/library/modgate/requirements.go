package modgate

import (
	"context"
	"sync"
)

// The states of a requirement (D3).
const (
	StateMet     = "met"
	StateDelayed = "delayed"
	StateMissing = "missing"
)

// Requirement is what a version needs; the gateway adds how it stands.
type Requirement struct {
	ID       string `json:"id"`
	Kind     string `json:"kind,omitempty"` // "module", "interface", or either
	Range    string `json:"range,omitempty"`
	Optional bool   `json:"optional,omitempty"`

	State  string `json:"state,omitempty"`
	Reason string `json:"reason,omitempty"`
	Found  string `json:"found,omitempty"`
}

// Requirements are the module's requirements as last told. They are safe for
// use by several goroutines.
type Requirements struct {
	mu      sync.Mutex
	byID    map[string]Requirement // guarded by mu
	changed chan struct{}          // guarded by mu; closed by the next change
}

// NewRequirements returns requirements that stand as the registration's answer
// says.
func NewRequirements(rs []Requirement) *Requirements {
	q := &Requirements{byID: map[string]Requirement{}, changed: make(chan struct{})}
	for _, r := range rs {
		q.byID[r.ID] = r
	}
	return q
}

// Look returns the requirement named id, and a channel that is closed when
// any requirement changes.
func (q *Requirements) Look(id string) (Requirement, <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.byID[id], q.changed
}

// Settled waits until the requirement named id is met or missing: RESUME or
// MISSING has come.
func (q *Requirements) Settled(ctx context.Context, id string) (Requirement, error) {
	for {
		r, changed := q.Look(id)
		if r.State != StateDelayed {
			return r, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return r, context.Cause(ctx)
		}
	}
}

// Hear notes what n says of a requirement.
func (q *Requirements) Hear(n Notice) {
	q.mu.Lock()
	defer q.mu.Unlock()
	r := q.byID[n.Subject]
	r.ID, r.Reason, r.Found = n.Subject, n.Reason, n.Found
	switch n.Kind {
	case Delay:
		r.State = StateDelayed
	case Missing:
		r.State = StateMissing
	case Resumed:
		r.State = StateMet
	default:
		return
	}
	q.byID[n.Subject] = r
	q.change()
}

// meetAllBut notes that every requirement not named is met.
func (q *Requirements) meetAllBut(named map[string]bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for id, r := range q.byID {
		if !named[id] {
			r.State, r.Reason = StateMet, ""
			q.byID[id] = r
		}
	}
	q.change()
}

// change wakes who looks; mu is held.
func (q *Requirements) change() {
	close(q.changed)
	q.changed = make(chan struct{})
}
