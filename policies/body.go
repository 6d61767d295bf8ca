package policies

import (
	"fmt"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// body follows a body, and reports whether it can be true at all. If what is
// known makes one expression false, none of it matters. The scope returned is
// that of the head.
func (a *analyser) body(b ast.Body, s scope, plain bool) (scope, bool) {
	aliases := map[*ast.Expr]bool{}
	if plain {
		s, aliases = a.names(b, s)
		for _, e := range b {
			if a.decide(e, s) == never {
				return s, false
			}
		}
	}
	for _, e := range b {
		if !aliases[e] {
			a.expr(e, s, b, plain)
		}
	}
	return s, true
}

// names returns the scope in which variables that stand for a constant or for
// a part of input do so, and the expressions that say no more than that: the
// parts of input are always there. A variable that has a value already where
// the body begins is compared, not named.
func (a *analyser) names(b ast.Body, s scope) (scope, map[*ast.Expr]bool) {
	in := scope{maps.Clone(s.vars), s.outer}
	if in.vars == nil {
		in.vars = map[ast.Var]meaning{}
	}
	aliases := map[*ast.Expr]bool{}
	for _, e := range b {
		if !e.IsEquality() || e.Negated || len(e.With) > 0 {
			continue
		}
		l, r := e.Operand(0), e.Operand(1)
		if _, ok := l.Value.(ast.Var); !ok {
			l, r = r, l
		}
		v, ok := l.Value.(ast.Var)
		if !ok || in.vars[v].path != nil || in.vars[v].constant != nil {
			continue
		}
		switch m := a.resolve(r, in); {
		case m.constant != nil:
			in.vars[v] = m
		case m.exists() && !in.outer[v]:
			in.vars[v] = m
			aliases[e] = true
		}
	}
	return in, aliases
}

// expr follows an expression of body b.
func (a *analyser) expr(e *ast.Expr, s scope, b ast.Body, plain bool) {
	a.stand(e.Location)
	if len(e.With) > 0 {
		plain = false // it may replace what is known
		for _, w := range e.With {
			a.term(w.Value, s, b, plain)
		}
	}
	switch t := e.Terms.(type) {
	case *ast.SomeDecl:
	case *ast.Every:
		a.term(t.Domain, s, b, plain)
		in := s.inner(b)
		for _, v := range []*ast.Term{t.Key, t.Value} {
			if v, ok := v.Value.(ast.Var); ok {
				in.outer[v] = true
			}
		}
		a.body(t.Body, in, plain)
	case *ast.Term:
		a.statement(e, t, s, b, plain)
	case []*ast.Term:
		a.call(e, t, s, b, plain)
	default:
		a.bypass(fmt.Sprintf("an expression is a %T", t))
	}
}

// statement follows an expression that is one term.
func (a *analyser) statement(e *ast.Expr, t *ast.Term, s scope, b ast.Body, plain bool) {
	if f, ok := a.resolve(t, s).field(); ok && plain {
		if fields[f].kind == boolean {
			a.ask([]predicate{{field: f, test: isSet}})
		}
		return // text and numbers are always true
	}
	a.term(t, s, b, plain)
}

// call follows an expression that is a call, of a built-in or of a function.
func (a *analyser) call(e *ast.Expr, t []*ast.Term, s scope, b ast.Body, plain bool) {
	op, operands := e.Operator(), t[1:]
	builtin, ok := ast.BuiltinMap[op.String()]
	if !ok {
		a.function(op, operands, s, b, plain)
		return
	}
	if builtin.IsNondeterministic() {
		a.bypass(builtin.Name + " may answer differently each time")
	}
	if len(operands) >= 2 && plain {
		l, r := a.resolve(operands[0], s), a.resolve(operands[1], s)
		a.compared(e.Location, builtin.Name, l, r)
		if questions, _, ok := a.operation(builtin.Name, l, r); ok {
			a.ask(questions)
			operands = operands[2:] // what else there is takes the answer
		}
	}
	for _, o := range operands {
		a.term(o, s, b, plain)
	}
}

// function follows a call of a function of the policies'. What is a constant
// or a part of input is so in its bodies too.
func (a *analyser) function(op ast.Ref, operands []*ast.Term, s scope, b ast.Body, plain bool) {
	args := make([]meaning, len(operands))
	for i, o := range operands {
		if plain {
			args[i] = a.resolve(o, s)
		}
		if args[i].constant == nil && args[i].path == nil {
			a.term(o, s, b, plain)
		}
	}
	a.data(op, args, plain)
}

// operation returns the questions on whose answers op(l, r) depends, and what
// is known of it. It is false where it depends on more.
func (a *analyser) operation(op string, l, r meaning) ([]predicate, verdict, bool) {
	if l.constant != nil && r.constant != nil {
		return nil, compare(op, l.constant, r.constant), true
	}
	if op == "regex.match" {
		l, r = r, l
	} else if l.constant != nil {
		l, r, op = r, l, mirrored[op]
	}
	f, ok := l.field()
	if !ok || r.constant == nil {
		return nil, undecided, false
	}
	list, ok := questions(op, f, r.constant)
	if !ok || !a.settled(f) {
		return list, undecided, ok
	}
	return nil, a.settle(op, list), true
}

// settle answers op by its questions about a field that is known.
func (a *analyser) settle(op string, list []predicate) verdict {
	holds := slices.ContainsFunc(list, func(p predicate) bool { return p.holds(a.known, a.zone) })
	switch op {
	case "neq", "gt", "gte":
		holds = !holds
	}
	if holds {
		return always
	}
	return never
}

// decide returns what is known of e before the fields are.
func (a *analyser) decide(e *ast.Expr, s scope) verdict {
	if len(e.With) > 0 {
		return undecided
	}
	v := undecided
	switch t := e.Terms.(type) {
	case *ast.Term:
		v = a.decideTerm(t, s)
	case []*ast.Term:
		v = a.decideCall(e.Operator(), t[1:], s)
	}
	if e.Negated {
		return v.not()
	}
	return v
}

func (a *analyser) decideTerm(t *ast.Term, s scope) verdict {
	switch m := a.resolve(t, s); {
	case m.constant != nil && m.constant.Compare(ast.Boolean(false)) == 0:
		return never
	case a.undefined(t, s):
		return never
	}
	return undecided
}

func (a *analyser) decideCall(op ast.Ref, operands []*ast.Term, s scope) verdict {
	for _, o := range operands {
		if a.undefined(o, s) {
			return never
		}
	}
	if _, ok := ast.BuiltinMap[op.String()]; !ok {
		args := make([]meaning, len(operands))
		for i, o := range operands {
			args[i] = a.resolve(o, s)
		}
		if a.vain(op, args) {
			return never
		}
		return undecided
	}
	if len(operands) != 2 {
		return undecided
	}
	_, v, _ := a.operation(op.String(), a.resolve(operands[0], s), a.resolve(operands[1], s))
	return v
}

// undefined reports whether t is a reference to a rule that has no value in the
// state that is known.
func (a *analyser) undefined(t *ast.Term, s scope) bool {
	r, ok := t.Value.(ast.Ref)
	return ok && r[0].Equal(ast.DefaultRootDocument) && r.IsGround() && a.vain(r, nil)
}

// vain reports whether no rule at r, called with args, can be true.
func (a *analyser) vain(r ast.Ref, args []meaning) bool {
	key := fmt.Sprintf("%v %q", r, args)
	vain, ok := a.vainly[key]
	if !ok {
		vain = a.hopeless(r, args)
		a.vainly[key] = vain
	}
	return vain
}

func (a *analyser) hopeless(r ast.Ref, args []meaning) bool {
	n := a.rules.RuleTree.Find(r)
	if n == nil || len(n.Values) == 0 || len(n.Children) > 0 {
		return false
	}
	for _, rule := range n.Values {
		if rule.Head.RuleKind() != ast.SingleValue {
			return false
		}
		for ; rule != nil; rule = rule.Else {
			if a.possible(rule, args) {
				return false
			}
		}
	}
	return true
}

// possible reports whether r, called with args, may be true.
func (a *analyser) possible(r *ast.Rule, args []meaning) bool {
	quiet := *a // what it writes down is not kept
	quiet.seen = findings{data: a.seen.data}
	quiet.places, quiet.remark = nil, nil
	s, _, fits := quiet.bind(r.Head.Args, args, true)
	if fits == never {
		return false
	}
	s, _ = quiet.names(r.Body, s)
	return !slices.ContainsFunc(r.Body, func(e *ast.Expr) bool { return quiet.decide(e, s) == never })
}
