// Package simulation lets whole platforms live: modules in several versions
// with their data, processes that speak the protocol over a network that
// loses, repeats and reorders, one gateway or two around a shared store, which
// crash between saving and showing, clients, and an operator who upgrades.
// Everything follows from a seed. A witness judges what is seen from outside.
//
// The gateway here does what core/control does, without its goroutines: load,
// step, compare-and-swap, then perform.
package simulation

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/lifecycle/lifecycletest/witness"
	"github.com/modgate/modgate/core/module"
)

// Report says what happened under one seed.
type Report struct {
	Broken    []error
	Log       []string // what happened, if it was asked for
	Events    int
	Requests  int
	Grants    int
	Crashes   int // of gateways
	Lost      int // processes that were given up
	SetBack   int // clocks
	Overruled int // overrides that were followed
}

// simulation is one platform under way.
type simulation struct {
	random   *rand.Rand
	now, end time.Time
	agenda   agenda
	order    int // of what is on the agenda, for ties
	settings config.Lifecycle
	network  network
	calm     bool // faults are over

	store     store
	gateways  []*gateway
	modules   []*platformModule
	processes []*process
	tokens    int
	bearers   map[string]*process // by token: whom it was meant for
	requests  int
	witness   *witness.Witness
	losses    map[string]int // of an instance
	report    Report
	verbose   bool
}

// platformModule is a module as its authors and operators see it.
type platformModule struct {
	name     string
	requires []module.Requirement
	versions []module.Version
}

// network is how bad the weather is.
type network struct {
	loss, twice float64
	most        time.Duration // of a message's way
}

// storm is how long things go wrong, and calm how long they must then come
// right.
const (
	storm = 150 * time.Second
	calm  = 250 * time.Second
)

// Run lets the platform of that seed live.
func Run(seed uint64, verbose bool) Report {
	s := &simulation{
		random: rand.New(rand.NewPCG(seed, 0)), now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
		settings: config.DefaultLifecycle(), losses: map[string]int{}, bearers: map[string]*process{}, verbose: verbose,
	}
	s.settings.TTL, s.settings.UpdateTTL, s.settings.AbsenceMax = 20*time.Second, 25*time.Second, 90*time.Second
	s.settings.Grace, s.settings.StartTTL, s.settings.Lease = 8*time.Second, 10*time.Second, 4*time.Second
	s.settings.Takeover = 1
	s.network = network{loss: s.chance(0, 0.15), twice: s.chance(0, 0.1), most: time.Duration(s.chance(0.01, 1.5) * float64(time.Second))}
	gateways := 1 + s.random.IntN(2)
	promises := witness.Promises{
		TTL: s.settings.TTL, UpdateTTL: s.settings.UpdateTTL, AbsenceMax: s.settings.AbsenceMax,
		Grace: s.settings.Grace, Lease: s.settings.Lease, Settle: settle,
	}
	if gateways > 1 {
		promises.Lag = mostLag
	}
	s.witness = witness.New(promises)
	s.store = store{records: map[string][]byte{}, saved: map[string]stamp{}, revisions: map[string]int{}, cursors: map[string][]byte{}, leases: map[string]time.Time{}}
	s.found()
	for n := range gateways {
		g := &gateway{simulation: s, name: string(rune('g' + n))}
		s.gateways = append(s.gateways, g)
		g.start()
	}
	s.end = s.now.Add(storm + calm)
	s.operate()
	s.in(storm, s.clear)
	for len(s.agenda) > 0 && len(s.witness.Broken) == 0 {
		next := heap.Pop(&s.agenda).(*appointment)
		if next.at.After(s.end) {
			break
		}
		s.now = next.at
		s.report.Events++
		next.act()
		for _, g := range s.gateways {
			g.overlooked()
		}
	}
	if len(s.witness.Broken) == 0 {
		s.judge()
	}
	s.report.Broken, s.report.Requests = s.witness.Broken, s.requests
	return s.report
}

// found lays the platform out: who requires whom may close circles.
func (s *simulation) found() {
	for n := range 2 + s.random.IntN(3) {
		m := &platformModule{name: fmt.Sprintf("m%d", n+1)}
		for _, v := range []string{"1.0.0", "2.0.0", "3.0.0"}[:1+s.random.IntN(3)] {
			m.versions = append(m.versions, module.MustVersion(v))
		}
		s.modules = append(s.modules, m)
	}
	for _, m := range s.modules {
		for _, other := range s.modules {
			if m != other && s.random.IntN(3) == 0 {
				q := module.Requirement{ID: other.name, Range: [...]string{"", ">= 1", ">= 2", "1"}[s.random.IntN(4)], Optional: s.random.IntN(4) == 0}
				m.requires = append(m.requires, q)
			}
		}
	}
}

// chance returns a number between the two.
func (s *simulation) chance(least, most float64) float64 {
	return least + s.random.Float64()*(most-least)
}

// within returns a length between the two.
func (s *simulation) within(least, most time.Duration) time.Duration {
	return least + time.Duration(s.random.Int64N(int64(most-least)+1))
}

// in puts something on the agenda.
func (s *simulation) in(d time.Duration, act func()) {
	s.order++
	heap.Push(&s.agenda, &appointment{s.now.Add(d), s.order, act})
}

func (s *simulation) note(format string, args ...any) {
	if s.verbose {
		s.report.Log = append(s.report.Log, fmt.Sprintf("%8.3f ", s.now.Sub(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)).Seconds())+fmt.Sprintf(format, args...))
	}
}

// clear ends whatever goes wrong.
func (s *simulation) clear() {
	s.note("calm")
	s.calm, s.network = true, network{most: 20 * time.Millisecond}
	for _, p := range s.processes {
		p.cutOff = false
	}
	for _, g := range s.gateways {
		if !g.up {
			g.start()
		}
	}
	s.lift()
	s.in(60*time.Second, s.repair)
}

// judge asks, at the end, whether all came right.
func (s *simulation) judge() {
	s.witness.End(s.now)
	for _, p := range s.processes {
		if !p.alive || p.token == "" {
			continue
		}
		if p.said != 0 && !p.heard {
			s.witness.Pending(p.token, p.said)
		}
		if p.stage == serving {
			s.witness.Ready(p.module.name)
		}
		if p.stage == serving || p.stage == asking {
			s.witness.Knows(p.token, p.module.requires)
		}
	}
}

// appointment is something that will happen.
type appointment struct {
	at    time.Time
	order int
	act   func()
}

// agenda is a heap of what will happen, the next first.
type agenda []*appointment

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	if !a[i].at.Equal(a[j].at) {
		return a[i].at.Before(a[j].at)
	}
	return a[i].order < a[j].order
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

// Push is heap.Interface's.
func (a *agenda) Push(x any) { *a = append(*a, x.(*appointment)) }

// Pop is heap.Interface's.
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}
