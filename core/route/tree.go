package route

import (
	"math/bits"
	"slices"
	"strings"
)

// tree is a persistent radix tree by byte over the shapes of patterns. It is
// a branch, or, where only one shape is left, the leaf of that shape, or
// empty. Nothing in it changes once it is made; a change makes anew what is
// on the way to it and shares the rest.
type tree struct {
	branch *branch
	leaf   *leaf
}

// branch is where shapes part.
type branch struct {
	text  string    // of the shapes, from the branch above to where they part
	walk  bool      // text has a parameter
	set   [2]uint64 // the bytes that follow, as bits: patterns are ASCII
	trees []tree    // one for each bit of set, in order
	ends  *leaf     // the shape that ends here
}

// find returns the target of the most specific route below t: at each segment
// a literal goes before a parameter, a parameter before the rest. Text is
// skipped on the way, not read: the leaf compares the whole path, which costs
// one visit to memory instead of one per branch. at is how much of path led
// to t; there is one way to each branch, so none is visited twice.
func (t tree) find(method, path []byte, at int) *Target {
	b := t.branch
	if b == nil {
		return t.leaf.pick(method, path)
	}
	if at = b.skip(path, at); at > len(path) {
		return nil
	}
	if at == len(path) {
		if found := b.ends.pick(method, path); found != nil {
			return found
		}
		return b.below('*').find(method, path, at)
	}
	if c := path[at]; c != '{' && c != '*' {
		if below := b.below(c); below != (tree{}) {
			if found := below.find(method, path, at); found != nil {
				return found
			}
		}
	}
	if below := b.below('{'); below != (tree{}) {
		if found := below.find(method, path, at); found != nil {
			return found
		}
	}
	return b.below('*').find(method, path, at)
}

// allow appends the methods of all routes below t that the path leads to.
func (t tree) allow(path []byte, at int, to []string) []string {
	b := t.branch
	if b == nil {
		return t.leaf.allow(path, to)
	}
	if at = b.skip(path, at); at > len(path) {
		return to
	}
	if at == len(path) {
		to = b.ends.allow(path, to)
	} else {
		if c := path[at]; c != '{' && c != '*' {
			to = b.below(c).allow(path, at, to)
		}
		to = b.below('{').allow(path, at, to)
	}
	return b.below('*').allow(path, at, to)
}

// skip returns how much of path leads to where b parts, if b is on its way at
// all: more than there is, if it is too short.
func (b *branch) skip(path []byte, at int) int {
	if !b.walk {
		return at + len(b.text)
	}
	for i := 0; i < len(b.text); i++ {
		if b.text[i] != '{' {
			at++
			continue
		}
		if at > len(path) {
			return at
		}
		at += segment(path[at:])
		i++
	}
	return at
}

// below returns the tree behind byte c.
func (b *branch) below(c byte) tree {
	if i, ok := b.index(c); ok {
		return b.trees[i]
	}
	return tree{}
}

// index returns where c is, or belongs, in trees.
func (b *branch) index(c byte) (i int, ok bool) {
	if c >= 128 {
		return 0, false
	}
	word, bit := b.set[c>>6], uint64(1)<<(c&63)
	i = bits.OnesCount64(word & (bit - 1))
	if c >= 64 {
		i += bits.OnesCount64(b.set[0])
	}
	return i, word&bit != 0
}

// put makes t the tree behind byte c. b is not published yet.
func (b *branch) put(c byte, t tree) {
	i, ok := b.index(c)
	switch {
	case t == (tree{}) && ok:
		b.trees = slices.Delete(b.trees, i, i+1)
		b.set[c>>6] &^= 1 << (c & 63)
	case t == (tree{}):
	case ok:
		b.trees[i] = t
	default:
		b.trees = slices.Insert(b.trees, i, t)
		b.set[c>>6] |= 1 << (c & 63)
	}
}

// with returns t with the edits made, which are in order of their shapes, and
// have the first at bytes of these in common with t.
func (t tree) with(edits []edit, at int, c *change) tree {
	if len(edits) == 0 {
		return t
	}
	first, last := edits[0].shape, edits[len(edits)-1].shape
	if t.branch == nil && first == last && (t.leaf == nil || t.leaf.shape == first) {
		return tree{leaf: t.leaf.with(edits, c)}
	}
	b := t.part(first, last, at)
	at += len(b.text)
	for len(edits) > 0 {
		shape := edits[0].shape
		n := 1
		if len(shape) == at {
			for n < len(edits) && len(edits[n].shape) == at {
				n++
			}
			b.ends = b.ends.with(edits[:n], c)
		} else {
			for n < len(edits) && edits[n].shape[at] == shape[at] {
				n++
			}
			b.put(shape[at], b.below(shape[at]).with(edits[:n], at, c))
		}
		edits = edits[n:]
	}
	return b.tidy()
}

// part returns a copy of t as a branch that does not go beyond where first
// or last leave it.
func (t tree) part(first, last string, at int) *branch {
	switch {
	case t.branch != nil:
		b := *t.branch
		n := min(common(b.text, first[at:]), common(b.text, last[at:]))
		if n == len(b.text) {
			b.trees = slices.Clone(b.trees)
			return &b
		}
		upper := newBranch(b.text[:n])
		c := b.text[n]
		b.setText(b.text[n:])
		upper.put(c, tree{branch: &b})
		return upper
	case t.leaf != nil:
		shape := t.leaf.shape
		n := min(common(shape, first), common(shape, last))
		b := newBranch(shape[at:n])
		if n == len(shape) {
			b.ends = t.leaf
		} else {
			b.put(shape[n], t)
		}
		return b
	default:
		return newBranch(first[at:common(first, last)])
	}
}

func newBranch(text string) *branch {
	b := new(branch)
	b.setText(text)
	return b
}

func (b *branch) setText(text string) { b.text, b.walk = text, strings.Contains(text, "{") }

// tidy returns b in its shortest form.
func (b *branch) tidy() tree {
	switch {
	case len(b.trees) == 0:
		return tree{leaf: b.ends}
	case len(b.trees) > 1 || b.ends != nil:
		return tree{branch: b}
	case b.trees[0].branch == nil:
		return b.trees[0]
	default:
		only := *b.trees[0].branch
		only.setText(b.text + only.text)
		return tree{branch: &only}
	}
}

// common returns the length of the common prefix.
func common(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
