package policies

import (
	"fmt"
	"hash/fnv"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/modgate/modgate/core/fallback"
)

// Options say where policies are, and who is told what is wrong with them.
// The zero Options are the embedded base policy alone.
type Options struct {
	Dir    string            // folder of policies; empty: the base policy alone
	Units  map[string]string // by module: its unit, where that is not under the module's name; Assign replaces it
	Zone   *time.Location    // of input.now; nil: UTC
	Report func(Fault)       // told of each unit and class once until the unit changes; nil: nobody
	Clear  func(unit string) // told when a unit of which a fault was reported has changed, and none is left; nil: nobody

	tree fs.FS // instead of Dir
}

// Engine asks policies. Its methods may be called at any time from anywhere.
type Engine struct {
	o        Options
	compiler *compiler
	opened   time.Time
	current  atomic.Pointer[snapshot]

	reload sync.Mutex // held by who changes current
	tree   fs.FS      // that is read; nil: the base policy alone; guarded by reload

	slots  atomic.Pointer[map[string]*atomic.Pointer[Plan]] // by module; the map is replaced under mu
	rules  rules
	missed atomic.Uint64 // requests that were evaluated
	spared atomic.Uint64 // of the base, because a module missed too often

	mu     sync.Mutex
	faults map[faultKey]uint64 // guarded by mu; how often
	told   map[faultKey]bool   // guarded by mu; since the unit changed
}

type faultKey struct {
	unit  string
	class Class
}

// Open returns an engine for the policies in o.Dir. A unit that is broken is
// reported and left out; the error is about a folder that cannot be read.
func Open(o Options) (*Engine, error) {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.tree == nil {
		o.tree = treeOf(o.Dir)
	}
	c, err := newCompiler()
	if err != nil {
		return nil, err
	}
	e := &Engine{o: o, compiler: c, tree: o.tree, opened: time.Now(), faults: map[faultKey]uint64{}, told: map[faultKey]bool{}}
	e.slots.Store(&map[string]*atomic.Pointer[Plan]{})
	if err := e.load(o.Units); err != nil {
		return nil, err
	}
	return e, nil
}

// Reload reads the folder again, builds beside what is in force, and swaps.
// Decisions under way end as they began. A unit that is broken keeps its last
// good text; then the error is Diagnostics, and all else is in force. After any
// other error nothing changed.
func (e *Engine) Reload() error {
	e.reload.Lock()
	defer e.reload.Unlock()
	if err := e.load(e.current.Load().byModule); err != nil {
		return err
	}
	if wrong := e.current.Load().wrong; wrong != nil {
		return wrong
	}
	return nil
}

// Assign puts units, as Options.Units, in force with the texts that are.
// What Lacks says of them is reported.
func (e *Engine) Assign(units map[string]string) {
	e.reload.Lock()
	defer e.reload.Unlock()
	s := *e.current.Load()
	e.enforce(&s, units)
}

// Lacks says which of units, as Options.Units, the folder did not have when it
// was read, or is nil.
func (e *Engine) Lacks(units map[string]string) Diagnostics { return e.current.Load().lacks(units) }

// Diagnostics returns what of the folder is not in force, and why; and what it
// lacks.
func (e *Engine) Diagnostics() Diagnostics {
	s := e.current.Load()
	return append(slices.Clip(s.wrong), s.lacks(s.byModule)...)
}

// Broken counts the units and documents of which not the present text is in
// force.
func (e *Engine) Broken() int {
	units := map[string]bool{}
	for _, d := range e.Diagnostics() {
		units[d.unit()] = true
	}
	return len(units)
}

// load reads the folder and puts it in force, with units. The caller holds
// reload.
func (e *Engine) load(units map[string]string) error {
	s, err := e.build(e.tree)
	if err != nil {
		return err
	}
	e.enforce(s, units)
	return nil
}

// build builds what tree has, beside what is in force. The caller holds reload.
func (e *Engine) build(tree fs.FS) (*snapshot, error) {
	f := &folder{}
	if tree != nil {
		var err error
		if f, err = read(tree); err != nil {
			return nil, err
		}
	}
	return e.compiler.build(f, e.current.Load())
}

// enforce puts s in force, with units, and says what is wrong, and what is not
// any more. The caller holds reload.
func (e *Engine) enforce(s *snapshot, units map[string]string) {
	s.byModule = maps.Clone(units)
	old := e.current.Swap(s)
	wrong := e.Diagnostics()
	for _, unit := range e.forget(s, old, wrong) {
		if e.o.Clear != nil {
			e.o.Clear(unit)
		}
	}
	for _, d := range wrong {
		e.report(Fault{Unit: d.unit(), Class: Broken, Detail: d.String()})
	}
}

// Decide answers q: the first answer of the units locked, of the module, site
// and base. It is a fallback.Decide: pure while no Reload comes between.
func (e *Engine) Decide(q fallback.Query) fallback.Decision {
	s := e.current.Load()
	d, _ := s.ask(s.asked(q.Target.Module), &q, input(&q, e.o.Zone), e.report)
	e.rules.of(q.Entrypoint, d.By).Add(1)
	return d
}

// Forbid notes that a decision about a request to module cannot be followed:
// what it says no policy may say (A3).
func (e *Engine) Forbid(module string, d *fallback.Decision, detail string) {
	unit, _, _ := strings.Cut(d.By, ": ")
	e.report(Fault{Unit: unit, Class: Forbidden, Entrypoint: fallback.Request, Module: module, Detail: detail})
}

// Fingerprint tells whether the folder's files are others than they were, as
// far as their names, sizes and times do.
func (e *Engine) Fingerprint() (sum uint64, err error) {
	e.reload.Lock()
	tree := e.tree
	e.reload.Unlock()
	if tree == nil {
		return 0, nil
	}
	h := fnv.New64a()
	err = fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		i, err := d.Info()
		if err == nil {
			fmt.Fprintf(h, "%s %d %d\n", p, i.Size(), i.ModTime().UnixNano())
		}
		return err
	})
	return h.Sum64(), err
}

// Counts are what requests cost since Open. Hits are not counted: they touch
// nothing that is shared.
type Counts struct {
	Evaluated uint64 // requests that no kept answer was there for
	Spared    uint64 // of those the ones that the base answered, because too many of one module were evaluated
}

// Counts returns what requests cost since Open.
func (e *Engine) Counts() Counts { return Counts{e.missed.Load(), e.spared.Load()} }

// Faults returns how often each unit failed since Open, by unit and class.
func (e *Engine) Faults() map[string]map[Class]uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := map[string]map[Class]uint64{}
	for k, n := range e.faults {
		if out[k.unit] == nil {
			out[k.unit] = map[Class]uint64{}
		}
		out[k.unit][k.class] = n
	}
	return out
}

// report counts f, and passes on the first of its unit and class.
func (e *Engine) report(f Fault) {
	k := faultKey{f.Unit, f.Class}
	e.mu.Lock()
	e.faults[k]++
	first := !e.told[k]
	e.told[k] = true
	e.mu.Unlock()
	if first && e.o.Report != nil {
		e.o.Report(f)
	}
}

// forget makes faults of units that changed worth reporting again, and returns
// the units of which none is left.
func (e *Engine) forget(s, old *snapshot, wrong Diagnostics) (mended []string) {
	broken := map[string]bool{}
	for _, d := range wrong {
		broken[d.unit()] = true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	left := map[string]bool{}
	for k := range e.told {
		if k.class == Broken || s.unit(k.unit) != old.unit(k.unit) {
			delete(e.told, k)
			left[k.unit] = left[k.unit] || broken[k.unit]
		} else {
			left[k.unit] = true
		}
	}
	for _, unit := range sortedNames(left) {
		if !left[unit] {
			mended = append(mended, unit)
		}
	}
	return mended
}
