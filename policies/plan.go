package policies

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/modgate/modgate/core/fallback"
)

// Plan answers the entrypoint request for one module in one state. It is made
// anew with each state; until the first request of that state nothing is
// analysed. Its methods may be called at any time from anywhere.
type Plan struct {
	engine *Engine
	target fallback.Target // its known fields hold for all requests

	now      atomic.Pointer[prepared]
	building sync.Mutex
	meter    meter
}

// prepared is a plan for one snapshot.
type prepared struct {
	snap    *snapshot
	base    bool // only the base is asked
	units   []*unit
	data    map[string]*document
	found   findings
	probe   *probe
	answers *answers
	spare   *prepared // the base alone, for when too many requests miss
}

// Plan returns the plan for requests to t's module while its state is t.
func (e *Engine) Plan(t fallback.Target) *Plan {
	return &Plan{engine: e, target: t}
}

// Request answers q through the plan of its target's module; it keeps one for
// each module, of the state that was asked about last.
func (e *Engine) Request(q *fallback.Query) fallback.Decision {
	slot := e.slot(q.Target.Module)
	p := slot.Load()
	if p == nil || !p.fits(&q.Target) {
		p = e.Plan(q.Target)
		slot.Store(p)
	}
	return p.Request(q)
}

// slot returns where the plan of a module is kept.
func (e *Engine) slot(module string) *atomic.Pointer[Plan] {
	if slot := (*e.slots.Load())[module]; slot != nil {
		return slot
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	slots := maps.Clone(*e.slots.Load())
	if slots[module] == nil {
		slots[strings.Clone(module)] = &atomic.Pointer[Plan]{}
		e.slots.Store(&slots)
	}
	return slots[module]
}

// fits reports whether t is the state that p is for.
func (p *Plan) fits(t *fallback.Target) bool {
	k := &p.target
	return k.State == t.State && k.Reason == t.Reason && k.Module == t.Module && k.Version == t.Version &&
		k.Serving == t.Serving && k.Older == t.Older && k.Expected == t.Expected && k.Losses == t.Losses && k.Note == t.Note
}

// Request answers q. Of q.Target only Absent and TTLLeft are looked at. A hit
// allocates nothing, and costs what its predicates cost. Nothing of q is kept;
// what the decision points to is shared, and not to be changed.
func (p *Plan) Request(q *fallback.Query) fallback.Decision {
	r := p.now.Load()
	if r == nil || r.snap != p.engine.current.Load() {
		if r = p.prepare(); r == nil {
			return p.direct(q)
		}
	}
	if d := r.find(q, p.engine.o.Zone); d != nil {
		return *d
	}
	return p.miss(r, q)
}

// find returns the stored answer to q, or nil.
func (r *prepared) find(q *fallback.Query, zone *time.Location) *fallback.Decision {
	if d := r.answers.only.Load(); d != nil {
		return d
	}
	return r.answers.find(r.probe, q, zone)
}

// prepare returns the plan for the snapshot in force, or nil while another
// caller makes it.
func (p *Plan) prepare() *prepared {
	if !p.building.TryLock() {
		return nil
	}
	defer p.building.Unlock()
	s := p.engine.current.Load()
	old := p.now.Load()
	if old != nil && old.snap == s {
		return old
	}
	r := old.onto(s, p.target.Module)
	if r == nil {
		r = p.build(s, s.asked(p.target.Module), false)
		r.spare = p.build(s, []*asker{s.askers[unitBase]}, true)
	}
	p.now.Store(r)
	return r
}

func (p *Plan) build(s *snapshot, askers []*asker, base bool) *prepared {
	q := fallback.Query{Entrypoint: fallback.Request, Target: p.target}
	f := s.analyse(askers, fallback.Request, &q, p.engine.o.Zone)
	r := &prepared{snap: s, base: base, found: f, data: map[string]*document{}, probe: newProbe(&f), answers: newAnswers(&f)}
	for _, a := range askers {
		r.units = append(r.units, s.units[a.unit])
	}
	for name := range f.data {
		r.data[name] = s.data[name]
	}
	return r
}

// onto returns r for another snapshot in which everything that it depends on
// is the same, or nil. A nil r depends on everything.
func (r *prepared) onto(s *snapshot, module string) *prepared {
	if r == nil {
		return nil
	}
	var units []*unit
	for _, a := range s.asked(module) {
		units = append(units, s.units[a.unit])
	}
	if !slices.Equal(units, r.units) {
		return nil
	}
	for name, d := range r.data {
		if s.data[name] != d {
			return nil
		}
	}
	moved, spare := *r, *r.spare
	moved.snap, spare.snap, moved.spare = s, s, &spare
	return &moved
}

// miss evaluates q and stores the answer. When a module misses too often, it is
// the base's answer, which nothing that a client sends makes many of.
func (p *Plan) miss(r *prepared, q *fallback.Query) fallback.Decision {
	if !p.meter.take(time.Since(p.engine.opened)) {
		p.engine.spared.Add(1)
		r = r.spare
		if d := r.find(q, p.engine.o.Zone); d != nil {
			return *d
		}
	}
	p.engine.missed.Add(1)
	d, steady := p.evaluate(r, q)
	if steady && r.found.bypass == "" {
		r.answers.put(r.probe, q, p.engine.o.Zone, &d)
	}
	return d
}

// direct evaluates q beside the plan: by the base if that is too often.
func (p *Plan) direct(q *fallback.Query) fallback.Decision {
	s := p.engine.current.Load()
	d, _ := p.evaluate(&prepared{snap: s, base: !p.meter.take(time.Since(p.engine.opened))}, q)
	return d
}

// evaluate asks the units.
func (p *Plan) evaluate(r *prepared, q *fallback.Query) (d fallback.Decision, steady bool) {
	whole := *q
	whole.Entrypoint = fallback.Request
	absent, left := q.Target.Absent, q.Target.TTLLeft
	whole.Target = p.target
	whole.Target.Absent, whole.Target.TTLLeft = absent, left
	askers := r.snap.asked(p.target.Module)
	if r.base {
		askers = []*asker{r.snap.askers[unitBase]}
	}
	d, steady = r.snap.ask(askers, &whole, input(&whole, p.engine.o.Zone), func(f Fault) {
		if f.Class == Spent {
			p.meter.charge(requestTime)
		}
		p.engine.report(f)
	})
	d.Tally = p.engine.rules.of(fallback.Request, d.By)
	return d, steady
}
