package route

import "strings"

// leaf is one route of a shape, for one method, with the others of the shape
// behind it: by method, "" (any) last. A list is not changed once published.
type leaf struct {
	shape  string
	method string
	next   *leaf
	target Target
}

// pick returns the target for the method, if the shape matches the path.
func (l *leaf) pick(method, path []byte) *Target {
	for ; l != nil; l = l.next {
		if l.method == "" || l.method == string(method) {
			if matches(l.shape, path) {
				return &l.target
			}
			return nil // nor do those behind it: they have the same shape
		}
	}
	return nil
}

// allow appends the methods of l, if its shape matches the path.
func (l *leaf) allow(path []byte, to []string) []string {
	if l == nil || !matches(l.shape, path) {
		return to
	}
	for ; l != nil; l = l.next {
		to = append(to, l.method)
	}
	return to
}

// edit puts a leaf in, or takes out the leaf that is like it.
type edit struct {
	*leaf
	out bool
}

// change is one With under way.
type change struct {
	conflict *ConflictError // the first, by shape
}

// with returns l with edits made, all of which have its shape: what goes out
// comes before what goes in.
func (l *leaf) with(edits []edit, c *change) *leaf {
	for _, e := range edits {
		if e.out {
			l = l.without(e.leaf)
		} else {
			l = l.plus(e.leaf, c)
		}
	}
	return l
}

// without returns l less one leaf of the method and the module of out.
func (l *leaf) without(out *leaf) *leaf {
	if l == nil {
		return nil
	}
	if l.method == out.method && l.target.Module == out.target.Module {
		return l.next
	}
	n := *l
	n.next = l.next.without(out)
	return &n
}

// plus returns l with add, which is not published yet, in its place.
func (l *leaf) plus(add *leaf, c *change) *leaf {
	if l != nil && l.method == add.method && c.conflict == nil {
		c.conflict = &ConflictError{
			Module: add.target.Module, Method: add.method, Pattern: add.target.Pattern,
			With: l.target.Module, Has: l.target.Pattern,
		}
	}
	if l == nil || add.before(l) {
		add.next = l
		return add
	}
	n := *l
	n.next = l.next.plus(add, c)
	return &n
}

// before orders leaves by method and, for those that were dropped, by module:
// who answers does not depend on who came first.
func (l *leaf) before(m *leaf) bool {
	if l.method == m.method {
		return l.target.Module.Name < m.target.Module.Name
	}
	return m.method == "" || l.method != "" && strings.Compare(l.method, m.method) < 0
}
