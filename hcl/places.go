package hcl

import (
	"strconv"

	"github.com/hashicorp/hcl/v2"
)

// places is where everything stands that was written, by config's path. They
// are only sorted when somebody asks: mostly, nothing is wrong.
type places struct {
	noted  []noted
	others []places             // that were added
	index  map[string]hcl.Range // of all that is noted, or nil
}

// noted is a place, or the list whose elements have places.
type noted struct {
	path string
	at   hcl.Range
	list hcl.Expression
}

func (p *places) note(path string, at hcl.Range) {
	p.noted, p.index = append(p.noted, noted{path: path, at: at}), nil
}

// noteElements notes where the elements of a list are that is written out.
func (p *places) noteElements(path string, list hcl.Expression) {
	p.noted, p.index = append(p.noted, noted{path: path, list: list}), nil
}

// add notes what another has noted.
func (p *places) add(other places) { p.others, p.index = append(p.others, other), nil }

// of returns where that path stands, if it was written.
func (p *places) of(path string) (hcl.Range, bool) {
	if p.index == nil {
		p.index = map[string]hcl.Range{}
		p.enter(p.index)
	}
	at, ok := p.index[path]
	return at, ok
}

func (p *places) enter(index map[string]hcl.Range) {
	for _, n := range p.noted {
		n.enter(index)
	}
	for _, o := range p.others {
		o.enter(index)
	}
}

func (n noted) enter(index map[string]hcl.Range) {
	if n.list == nil {
		index[n.path] = n.at
		return
	}
	elements, found := hcl.ExprList(n.list)
	if found.HasErrors() {
		return // it is no list, or made by an expression
	}
	for i, e := range elements {
		index[n.path+"."+strconv.Itoa(i)] = e.Range()
	}
}
