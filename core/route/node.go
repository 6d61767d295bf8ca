package route

import (
	"bytes"
	"slices"
	"strings"
)

// node is a place in a radix tree over patterns. A published node never
// changes; a change copies the nodes on the way to it, once each, and shares
// the others. Fan-out is by byte, so a copy is small however many routes
// there are.
type node struct {
	text  string  // literal bytes that lead here
	first []byte  // first byte of each child's text, ascending
	child []*node // beside first
	param *node   // behind one segment that is not empty
	ends  []leaf  // routes that end here
	rest  []leaf  // routes whose * begins here

	made *change // the change that made this node, and may still write to it
}

// leaf is a route's end for one method; "" is any method, and stands last.
type leaf struct {
	method string
	target *Target
}

// change is one With under way.
type change struct{ _ byte }

// own returns a node that c may write to: n itself, or a copy.
func (c *change) own(n *node) *node {
	if n == nil {
		return &node{made: c}
	}
	if n.made == c {
		return n
	}
	m := *n
	m.first, m.child = slices.Clone(n.first), slices.Clone(n.child)
	m.ends, m.rest = slices.Clone(n.ends), slices.Clone(n.rest)
	m.made = c
	return &m
}

// find returns the most specific target below n: at each segment a literal
// goes before a parameter, a parameter before the rest; a method before any.
// A node is visited at most once, since only one way leads to it.
func (n *node) find(method, path []byte) *Target {
	if len(path) == 0 {
		if t := pick(n.ends, method); t != nil {
			return t
		}
		return pick(n.rest, method)
	}
	if i := bytes.IndexByte(n.first, path[0]); i >= 0 {
		if c := n.child[i]; len(path) >= len(c.text) && string(path[:len(c.text)]) == c.text {
			if t := c.find(method, path[len(c.text):]); t != nil {
				return t
			}
		}
	}
	if n.param != nil {
		if end := segment(path); end > 0 {
			if t := n.param.find(method, path[end:]); t != nil {
				return t
			}
		}
	}
	return pick(n.rest, method)
}

// segment returns the length of the path up to its next slash.
func segment(path []byte) int {
	if i := bytes.IndexByte(path, '/'); i >= 0 {
		return i
	}
	return len(path)
}

func pick(leaves []leaf, method []byte) *Target {
	for i := range leaves {
		if m := leaves[i].method; m == "" || m == string(method) {
			return leaves[i].target
		}
	}
	return nil
}

// edit applies f to the leaves at which parts end, below n, a root or the node
// behind a parameter, and returns what is to stand in n's place: nil when
// nothing is left.
func (c *change) edit(n *node, parts []part, f func([]leaf) []leaf) *node {
	n = c.own(n)
	c.descend(n, parts[0].text, parts, f)
	if n.empty() {
		return nil
	}
	return n
}

// descend follows text from n, which c owns, and then the rest of parts.
func (c *change) descend(n *node, text string, parts []part, f func([]leaf) []leaf) {
	if text == "" {
		switch parts[0].next {
		case end:
			n.ends = f(n.ends)
		case rest:
			n.rest = f(n.rest)
		case param:
			n.param = c.edit(n.param, parts[1:], f)
		}
		return
	}
	i, found := slices.BinarySearch(n.first, text[0])
	if !found {
		m := &node{text: text, made: c}
		c.descend(m, "", parts, f)
		if m.empty() {
			return
		}
		n.first = slices.Insert(n.first, i, text[0])
		n.child = slices.Insert(n.child, i, m)
		return
	}
	m := c.own(n.child[i])
	common := commonPrefix(m.text, text)
	if common < len(m.text) {
		m = c.split(m, common)
	}
	c.descend(m, text[common:], parts, f)
	if m = m.tidy(); m == nil {
		n.first, n.child = slices.Delete(n.first, i, i+1), slices.Delete(n.child, i, i+1)
		return
	}
	n.child[i] = m
}

// split makes m two nodes, the upper one with n bytes of text.
func (c *change) split(m *node, n int) *node {
	upper := &node{text: m.text[:n], first: []byte{m.text[n]}, child: []*node{m}, made: c}
	m.text = m.text[n:]
	return upper
}

func commonPrefix(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

func (n *node) empty() bool {
	return len(n.child) == 0 && n.param == nil && len(n.ends) == 0 && len(n.rest) == 0
}

// tidy returns a child in its shortest form: nothing, or joined with its own
// only child.
func (n *node) tidy() *node {
	if n.empty() {
		return nil
	}
	if len(n.child) == 1 && n.param == nil && len(n.ends) == 0 && len(n.rest) == 0 {
		only := *n.child[0]
		only.text, only.made = n.text+only.text, nil
		return &only
	}
	return n
}

// put returns leaves with l, before others of its method.
func put(leaves []leaf, l leaf) []leaf {
	at, _ := slices.BinarySearchFunc(leaves, l.method, func(x leaf, m string) int { return orderMethods(x.method, m) })
	return slices.Insert(leaves, at, l)
}

// holder returns the target that has just that method, or nil.
func holder(leaves []leaf, method string) *Target {
	for _, l := range leaves {
		if l.method == method {
			return l.target
		}
	}
	return nil
}

// orderMethods sorts "" last.
func orderMethods(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == "":
		return 1
	case b == "":
		return -1
	default:
		return strings.Compare(a, b)
	}
}
