package policies

import (
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// meaning is what the analyser knows of a term: nothing, that it is a constant,
// or that it is a part of input. The zero value is nothing.
type meaning struct {
	constant ast.Value
	path     []string // below input; of the whole of it empty, not nil
}

// field returns the leaf that m is.
func (m meaning) field() (field, bool) {
	if m.path == nil {
		return 0, false
	}
	f, ok := leaves[strings.Join(m.path, ".")]
	return f, ok
}

// exists reports whether m is a part of input that there is.
func (m meaning) exists() bool {
	if len(m.path) == 0 {
		return m.path != nil
	}
	_, leaf := m.field()
	return leaf || len(m.path) == 1 && slices.Contains(groupNames[:], m.path[0])
}

// below returns the part of m at the constants that follow, and how many terms
// of rest that took.
func (m meaning) below(rest []*ast.Term) (meaning, int) {
	path := slices.Clone(m.path)
	for i, t := range rest {
		if _, leaf := (meaning{path: path}).field(); leaf {
			return meaning{path: path}, i
		}
		name, ok := t.Value.(ast.String)
		if !ok {
			return meaning{path: path}, i
		}
		path = append(path, string(name))
	}
	return meaning{path: path}, len(rest)
}

func (m meaning) String() string {
	switch {
	case m.constant != nil:
		return m.constant.String()
	case m.path != nil:
		return "input." + strings.Join(m.path, ".")
	}
	return "_"
}

// leaves are the fields by path below input.
var leaves = func() map[string]field {
	m := make(map[string]field, fieldCount)
	for f := range fieldCount {
		m[strings.TrimPrefix(f.String(), "input.")] = f
	}
	return m
}()

// scope is what variables mean in a body.
type scope struct {
	vars  map[ast.Var]meaning
	outer map[ast.Var]bool // those that have a value already where the body begins
}

// inner returns the scope of a closure in body: all variables of the body are
// outer to it.
func (s scope) inner(body ast.Body) scope {
	in := scope{maps.Clone(s.vars), maps.Clone(s.outer)}
	if in.outer == nil {
		in.outer = map[ast.Var]bool{}
	}
	vis := ast.NewVarVisitor().WithParams(ast.VarVisitorParams{SkipClosures: true})
	vis.Walk(body)
	for v := range vis.Vars() {
		in.outer[v] = true
	}
	return in
}

// resolve returns what t means in the scope s.
func (a *analyser) resolve(t *ast.Term, s scope) meaning {
	switch v := t.Value.(type) {
	case ast.Var:
		return s.vars[v]
	case ast.Ref:
		return a.resolveRef(v, s)
	}
	if ast.IsConstant(t.Value) {
		return meaning{constant: t.Value}
	}
	return meaning{}
}

func (a *analyser) resolveRef(r ast.Ref, s scope) meaning {
	head, ok := r[0].Value.(ast.Var)
	if !ok {
		return meaning{}
	}
	m := s.vars[head]
	switch {
	case head.Equal(ast.InputRootDocument.Value):
		m = meaning{path: []string{}}
	case head.Equal(ast.DefaultRootDocument.Value):
		return meaning{constant: a.constant(r)}
	}
	if m.path == nil {
		return meaning{}
	}
	if m, n := m.below(r[1:]); n == len(r)-1 {
		return m
	}
	return meaning{}
}

// constant returns the value of a rule that has one whatever input is, or of
// the site's data. It is nil if r is neither.
func (a *analyser) constant(r ast.Ref) ast.Value {
	if !r.IsGround() || len(r) < 2 {
		return nil
	}
	if !r[1].Equal(modgate) {
		return a.datum(r)
	}
	rules := a.rules.GetRulesExact(r)
	if len(rules) != 1 {
		return nil
	}
	h, b := rules[0].Head, rules[0].Body
	switch {
	case rules[0].Default, rules[0].Else != nil, len(h.Args) > 0, h.Key != nil, h.Value == nil, !h.Reference.IsGround():
		return nil
	case len(b) != 1, len(b[0].With) > 0, !b[0].Equal(ast.NewExpr(ast.BooleanTerm(true))), !ast.IsConstant(h.Value.Value):
		return nil
	}
	return h.Value.Value
}

// datum returns a part of the site's data, which is constant while the
// snapshot stands.
func (a *analyser) datum(r ast.Ref) ast.Value {
	name, ok := r[1].Value.(ast.String)
	if !ok {
		return nil
	}
	a.seen.data[string(name)] = true
	a.note("data." + string(name))
	d := a.snap.data[string(name)]
	if d == nil {
		return nil
	}
	v, err := d.value.Find(r[2:])
	if err != nil || !ast.IsConstant(v) {
		return nil
	}
	return v
}

var (
	modgate    = ast.StringTerm("modgate")
	modgateRef = ast.Ref{ast.DefaultRootDocument, modgate}
)
