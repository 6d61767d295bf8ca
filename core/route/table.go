// Package route is what a request reads: the immutable table that leads from
// method and path to a module, and the published state of each module,
// version, instance and caller.
//
// It decides which route matches, which routes collide, and who may enter an
// instance that drains. It never decides what a state means for a request
// (core/proxy), nor when it changes (core/control).
//
// The table is a persistent radix tree by byte. Its branches skip text and
// only the leaf compares the path, since a cold lookup costs what it visits of
// memory: at 100,000 routes about half the time of a tree that compares at
// every branch. Fan-out by byte is bounded, so that replacing one module's
// routes copies little, however many first segments there are.
package route

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/modgate/modgate/core/message"
)

// Entry is a route of a module, as it goes into a table.
type Entry struct {
	Methods   []string // empty: any
	Path      string   // see message.Pattern
	Interface string   // that it belongs to; optional (D3)
	RemovedIn string   // V9: the version that dropped it; then it is only found where nothing else is
}

// Target is where a route leads.
type Target struct {
	Module    *Module
	Interface string
	RemovedIn string
	Pattern   string
}

// ConflictError says that a route belongs to another module, or is there
// twice.
type ConflictError struct {
	Module  *Module
	Method  string // "" is any
	Pattern string
	With    *Module // who has it
	Has     string  // its pattern
}

func (e *ConflictError) Error() string {
	method := e.Method
	if method == "" {
		method = "any method"
	}
	if e.With == e.Module {
		return fmt.Sprintf("route %s (%s) is declared twice: see %s", e.Pattern, method, e.Has)
	}
	return fmt.Sprintf("route %s (%s) of module %s collides with %s of module %s", e.Pattern, method, e.Module.Name, e.Has, e.With.Name)
}

// Table is an immutable set of routes. The zero value is empty.
type Table struct {
	live   tree
	gone   tree // routes that were removed
	owners [shards]map[*Module][]Entry
	size   int
}

// shards bounds what of owners is copied with a change.
const shards = 256

// shard spreads modules by their names (FNV-1a).
func shard(m *Module) int {
	h := uint32(2166136261)
	for i := range len(m.Name) {
		h = (h ^ uint32(m.Name[i])) * 16777619
	}
	return int(h % shards)
}

// Match returns the target of the most specific route for the request, as
// long as there is one. The path is without its query. It allocates nothing.
func (t *Table) Match(method, path []byte) (*Target, bool) {
	found := t.live.find(method, path, 0)
	if found == nil {
		found = t.gone.find(method, path, 0)
	}
	return found, found != nil
}

// Allow returns the methods for which there are routes of the path, in order.
// Where there is one for any method, it is not asked.
func (t *Table) Allow(path []byte) []string {
	allowed := t.live.allow(path, 0, nil)
	slices.Sort(allowed)
	return slices.Compact(allowed)
}

// With returns a table in which m has these entries and no others; without
// any, m is removed. t stays as it is. The lists of methods are kept: nobody
// may change them afterwards. Modules' names must differ. The error is a
// *ConflictError, or says which path or method cannot be read.
func (t *Table) With(m *Module, entries []Entry) (*Table, error) {
	at := shard(m)
	old := t.owners[at][m]
	live, gone, err := edits(m, old, entries)
	if err != nil {
		return nil, err
	}
	n, c := *t, &change{}
	if n.live = t.live.with(live, 0, c); c.conflict != nil {
		return nil, c.conflict
	}
	n.gone = t.gone.with(gone, 0, &change{}) // where nothing collides: several may have dropped a route
	n.size += len(entries) - len(old)
	n.owners[at] = maps.Clone(t.owners[at])
	if n.owners[at] == nil {
		n.owners[at] = map[*Module][]Entry{}
	}
	if delete(n.owners[at], m); len(entries) > 0 {
		n.owners[at][m] = slices.Clone(entries) // without what it has to spare
	}
	return &n, nil
}

// edits lists what takes the old entries of m out and puts the new ones in, in
// order of their shapes.
func edits(m *Module, old, entries []Entry) (live, gone []edit, err error) {
	for i, list := range [][]Entry{old, entries} {
		for _, e := range list {
			p, err := message.ParsePattern(e.Path)
			if err != nil {
				return nil, nil, err
			}
			to := &live
			if e.RemovedIn != "" {
				to = &gone
			}
			ms, err := methods(e)
			if err != nil {
				return nil, nil, err
			}
			target := Target{Module: m, Interface: e.Interface, RemovedIn: e.RemovedIn, Pattern: e.Path}
			for _, method := range ms {
				*to = append(*to, edit{&leaf{shape: p.Shape(), method: method, target: target}, i == 0})
			}
		}
	}
	byShape := func(a, b edit) int { return strings.Compare(a.shape, b.shape) }
	slices.SortStableFunc(live, byShape)
	slices.SortStableFunc(gone, byShape)
	return live, gone, nil
}

// Len returns the number of entries.
func (t *Table) Len() int { return t.size }

// All yields every entry with its module, by the module's name and in the
// order in which they were given.
func (t *Table) All() iter.Seq2[*Module, Entry] {
	return func(yield func(*Module, Entry) bool) {
		var owners []*Module
		for i := range t.owners {
			owners = slices.AppendSeq(owners, maps.Keys(t.owners[i]))
		}
		slices.SortFunc(owners, func(a, b *Module) int { return strings.Compare(a.Name, b.Name) })
		for _, m := range owners {
			for _, e := range t.owners[shard(m)][m] {
				if !yield(m, e) {
					return
				}
			}
		}
	}
}
