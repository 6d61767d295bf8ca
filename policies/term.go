package policies

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
)

// term follows a term of body b or of its head: what stands for a part of
// input is used as it is.
func (a *analyser) term(t *ast.Term, s scope, b ast.Body, plain bool) {
	switch v := t.Value.(type) {
	case ast.Null, ast.Boolean, ast.Number, ast.String:
	case ast.Var:
		a.use(s.vars[v])
	case ast.Ref:
		a.ref(v, s, b, plain)
	case *ast.Array:
		v.Foreach(func(t *ast.Term) { a.term(t, s, b, plain) })
	case ast.Set:
		v.Foreach(func(t *ast.Term) { a.term(t, s, b, plain) })
	case ast.Object:
		v.Foreach(func(k, t *ast.Term) {
			a.term(k, s, b, plain)
			a.term(t, s, b, plain)
		})
	case *ast.ArrayComprehension:
		a.closure(v.Body, s, b, plain, v.Term)
	case *ast.SetComprehension:
		a.closure(v.Body, s, b, plain, v.Term)
	case *ast.ObjectComprehension:
		a.closure(v.Body, s, b, plain, v.Key, v.Value)
	default:
		a.bypass(fmt.Sprintf("a term is a %T", v))
	}
}

// closure follows a comprehension in body b.
func (a *analyser) closure(body ast.Body, s scope, b ast.Body, plain bool, terms ...*ast.Term) {
	in, alive := a.body(body, s.inner(b), plain)
	if !alive {
		return
	}
	for _, t := range terms {
		a.term(t, in, body, plain)
	}
}

// ref follows a reference, to input, to data, or into what a variable has, and
// what stands in it.
func (a *analyser) ref(r ast.Ref, s scope, b ast.Body, plain bool) {
	rest := r[1:]
	head, isVar := r[0].Value.(ast.Var)
	m := s.vars[head]
	switch {
	case !isVar:
		a.term(r[0], s, b, plain)
	case head.Equal(ast.InputRootDocument.Value):
		m = meaning{path: []string{}}
	case head.Equal(ast.DefaultRootDocument.Value):
		a.data(r, nil, plain)
	}
	if m.path != nil {
		m, n := m.below(rest)
		a.use(m)
		rest = rest[n:]
	}
	for _, t := range rest {
		a.term(t, s, b, plain)
	}
}
