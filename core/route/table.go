// Package route is what a request reads: the immutable table that leads from
// method and path to a module, and the published state of each module,
// version, instance and caller.
//
// It decides which route matches, which routes collide, and who may enter an
// instance that drains. It never decides what a state means for a request
// (core/proxy), nor when it changes (core/control).
//
// The table is a persistent radix tree by byte with an edge for parameters:
// lookups touch few cache lines and allocate nothing, and replacing one
// module's routes copies the nodes on their paths only. A hash of segments
// looks up no faster and copies whole maps; a tree by segment copies its
// root's thousands of children.
package route

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
)

// Entry is a route of a module, as it goes into a table.
type Entry struct {
	Methods   []string // empty: any
	Path      string   // see Pattern
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
	live   *node
	gone   *node // routes that were removed
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
	if t.live != nil {
		if found := t.live.find(method, path); found != nil {
			return found, true
		}
	}
	if t.gone != nil {
		if found := t.gone.find(method, path); found != nil {
			return found, true
		}
	}
	return nil, false
}

// With returns a table in which m has these routes and no others; none
// removes m. t stays as it is. The error is a *ConflictError, or says which
// pattern cannot be read.
func (t *Table) With(m *Module, entries []Entry) (*Table, error) {
	c, n, at := &change{}, *t, shard(m)
	for _, e := range t.owners[at][m] {
		if err := n.remove(c, e, m); err != nil {
			return nil, err
		}
	}
	for _, e := range entries {
		if err := n.add(c, e, m); err != nil {
			return nil, err
		}
	}
	n.size += len(entries) - len(t.owners[at][m])
	n.owners[at] = maps.Clone(t.owners[at])
	if n.owners[at] == nil {
		n.owners[at] = map[*Module][]Entry{}
	}
	if delete(n.owners[at], m); len(entries) > 0 {
		n.owners[at][m] = slices.Clone(entries)
	}
	return &n, nil
}

// add puts one route in, for each of its methods.
func (t *Table) add(c *change, e Entry, m *Module) error {
	p, err := ParsePattern(e.Path)
	if err != nil {
		return err
	}
	target := &Target{Module: m, Interface: e.Interface, RemovedIn: e.RemovedIn, Pattern: e.Path}
	for _, method := range methods(e) {
		var taken *Target
		root := t.root(e)
		*root = c.edit(*root, p.parts, func(leaves []leaf) []leaf {
			taken = holder(leaves, method)
			return put(leaves, leaf{method, target})
		})
		if taken != nil && e.RemovedIn == "" { // several may have dropped the same
			return &ConflictError{Module: m, Method: method, Pattern: e.Path, With: taken.Module, Has: taken.Pattern}
		}
	}
	return nil
}

// remove takes one route of m out.
func (t *Table) remove(c *change, e Entry, m *Module) error {
	p, err := ParsePattern(e.Path)
	if err != nil {
		return err
	}
	for _, method := range methods(e) {
		root := t.root(e)
		*root = c.edit(*root, p.parts, func(leaves []leaf) []leaf {
			return slices.DeleteFunc(leaves, func(l leaf) bool { return l.method == method && l.target.Module == m })
		})
	}
	return nil
}

func (t *Table) root(e Entry) **node {
	if e.RemovedIn != "" {
		return &t.gone
	}
	return &t.live
}

// methods lists e's methods, "" for any.
func methods(e Entry) []string {
	if len(e.Methods) == 0 {
		return []string{""}
	}
	return e.Methods
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
