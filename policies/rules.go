package policies

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/modgate/modgate/core/fallback"
)

// mostRules is how many rules are counted apart. A rule's name is the author's
// to compute, and may be of a request.
const mostRules = 1024

// otherRule counts for those beyond.
const otherRule = "(other)"

// Rule is a rule that decided, as it calls itself.
type Rule struct {
	Entrypoint fallback.Entrypoint
	Unit, Name string // Name is empty if it does not call itself anything
}

// rules counts decisions by the rule that made them.
type rules struct {
	mu     sync.Mutex
	counts map[Rule]*atomic.Uint64 // guarded by mu
}

// of returns the counter of who decided, as a Decision's By says.
func (r *rules) of(e fallback.Entrypoint, by string) *atomic.Uint64 {
	unit, name, _ := strings.Cut(strings.ToValidUTF8(by, "?"), ": ")
	k := Rule{e, unit, name}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts == nil {
		r.counts = map[Rule]*atomic.Uint64{}
	}
	if r.counts[k] == nil && len(r.counts) >= mostRules {
		k.Name = otherRule
	}
	if r.counts[k] == nil {
		r.counts[k] = new(atomic.Uint64)
	}
	return r.counts[k]
}

// Decisions returns how often each rule decided since Open. Incidents count
// each time that they are found to last.
func (e *Engine) Decisions() map[Rule]uint64 {
	e.rules.mu.Lock()
	defer e.rules.mu.Unlock()
	out := make(map[Rule]uint64, len(e.rules.counts))
	for k, n := range e.rules.counts {
		out[k] = n.Load()
	}
	return out
}
