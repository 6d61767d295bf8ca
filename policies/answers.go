package policies

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/modgate/modgate/core/fallback"
)

// answers stores decisions by what they depend on: answers of predicates, and
// raw values. It is a table of slots, four to a key, each an atomic pointer.
// Readers never wait; who stores last wins.
type answers struct {
	only  atomic.Pointer[fallback.Decision] // where all keys are one
	slots []atomic.Pointer[stored]          // nil where all keys are one
	whole bool                              // all keys are one
}

// stored is a decision with its key.
type stored struct {
	bits     uint64
	texts    []string // raw, in the order of the probe
	numbers  []int
	decision fallback.Decision
}

const (
	slotCount = 256
	ways      = 4
)

func newAnswers(f *findings) *answers {
	a := &answers{}
	switch {
	case f.bypass != "":
	case len(f.predicates) == 0 && len(f.raw) == 0:
		a.whole = true
	default:
		a.slots = make([]atomic.Pointer[stored], slotCount)
	}
	return a
}

// find returns the decision that is stored for q, or nil.
func (a *answers) find(p *probe, q *fallback.Query, zone *time.Location) *fallback.Decision {
	if a.slots == nil {
		return nil
	}
	bits := p.answers(q, zone)
	h, ok := p.hash(bits, q, zone)
	if !ok {
		return nil
	}
	for i := range uint64(ways) {
		if s := a.slots[(h+i)%slotCount].Load(); s != nil && s.bits == bits && s.fits(p, q, zone) {
			return &s.decision
		}
	}
	return nil
}

// fits reports whether q has the raw values of s.
func (s *stored) fits(p *probe, q *fallback.Query, zone *time.Location) bool {
	for i, f := range p.texts {
		if s.texts[i] != f.text(q, zone) {
			return false
		}
	}
	for i, value := range p.numbers {
		if s.numbers[i] != value(q, zone) {
			return false
		}
	}
	return true
}

// put stores d for q, of which nothing is kept: text is copied.
func (a *answers) put(p *probe, q *fallback.Query, zone *time.Location, d *fallback.Decision) {
	if a.whole {
		a.only.Store(d)
		return
	}
	bits := p.answers(q, zone)
	h, ok := p.hash(bits, q, zone)
	if !ok {
		return
	}
	s := &stored{bits: bits, decision: *d}
	for _, f := range p.texts {
		s.texts = append(s.texts, strings.Clone(f.text(q, zone)))
	}
	for _, value := range p.numbers {
		s.numbers = append(s.numbers, value(q, zone))
	}
	for i := range uint64(ways) {
		if a.slots[(h+i)%slotCount].CompareAndSwap(nil, s) {
			return
		}
	}
	a.slots[(h+h>>40%ways)%slotCount].Store(s)
}
