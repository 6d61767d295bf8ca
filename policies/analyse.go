package policies

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/modgate/modgate/core/fallback"
)

// What a decision can depend on is found by walking what its rules refer to.
// The law: whatever the rules do, their outcome is a function of what is
// written down here. An expression that asks one field about a constant is
// written down as that question; every other use of a field as its raw value;
// what is not understood makes the decision uncacheable. What the module's
// state already decides is not followed.

// mostPredicates is how many answers fit into a key.
const mostPredicates = 64

// findings is what a decision depends on.
type findings struct {
	predicates []predicate
	raw        []field         // in order of field
	data       map[string]bool // documents of the site
	bypass     string          // why it cannot be cached; empty if it can
}

// analyser walks the rules of one snapshot.
type analyser struct {
	snap    *snapshot
	rules   *ast.Compiler // of the shard that is walked
	zone    *time.Location
	known   *fallback.Query // its known fields hold; nil: nothing is known
	seen    findings
	index   map[string]bool                     // of predicates
	visited map[string]bool                     // rules, by what they were called with
	vainly  map[string]bool                     // whether a reference can have a value, by the same
	remark  func(at *ast.Location, text string) // told of comparisons that cannot be meant; nil: nobody

	places map[string]*ast.Location // where fields, data and what is not understood stand first; nil: nobody asks
	at     *ast.Location            // where the walk is, in the text of a unit
}

// placeOfBypass is the key of places for why a decision cannot be cached.
const placeOfBypass = "bypass"

// stand tells where the walk is; what it calls in base and lib stands where it
// is called.
func (a *analyser) stand(at *ast.Location) {
	if a.places == nil || at == nil {
		return
	}
	if _, ok := unitOf(at.File); ok {
		a.at = at
	}
}

// note keeps where something stands first.
func (a *analyser) note(what string) {
	if a.places != nil && a.places[what] == nil {
		a.places[what] = a.at
	}
}

// analyse returns what the units' answers depend on in the state that known has.
func (s *snapshot) analyse(askers []*asker, e fallback.Entrypoint, known *fallback.Query, zone *time.Location) findings {
	return newAnalyser(s, known, zone).run(askers, e)
}

func newAnalyser(s *snapshot, known *fallback.Query, zone *time.Location) *analyser {
	return &analyser{
		snap: s, zone: zone, known: known, index: map[string]bool{}, visited: map[string]bool{}, vainly: map[string]bool{},
		seen: findings{data: map[string]bool{}},
	}
}

func (a *analyser) run(askers []*asker, e fallback.Entrypoint) findings {
	for _, k := range askers {
		if _, ok := k.queries[e]; ok {
			a.rules = k.compiler
			a.data(root(k.unit).Append(ast.StringTerm(string(e))), nil, true)
		}
	}
	if len(a.seen.predicates) > mostPredicates {
		a.bypass(fmt.Sprintf("%d predicates, of which at most %d fit", len(a.seen.predicates), mostPredicates))
	}
	slices.Sort(a.seen.raw)
	return a.seen
}

// settled reports whether f's value is known now.
func (a *analyser) settled(f field) bool { return a.known != nil && fields[f].class == known }

func (a *analyser) bypass(why string) {
	if a.seen.bypass == "" {
		a.seen.bypass = why
		a.note(placeOfBypass)
	}
}

// useRaw writes down that the value of f matters as it is.
func (a *analyser) useRaw(f field) {
	if !a.settled(f) && !slices.Contains(a.seen.raw, f) {
		a.seen.raw = append(a.seen.raw, f)
		a.note(f.String())
	}
}

// compared remarks on a comparison, of a field with a constant or of two
// fields.
func (a *analyser) compared(at *ast.Location, op string, l, r meaning) {
	if a.remark == nil {
		return
	}
	if l.constant != nil {
		l, r, op = r, l, cmp.Or(mirrored[op], op)
	}
	f, ok := l.field()
	if !ok {
		return
	}
	text := ""
	if other, ok := r.field(); ok {
		text = remarkBoth(f, other)
	} else if r.constant != nil {
		text = remark(op, f, r.constant)
	}
	if text == "" {
		return
	}
	if _, ok := unitOf(at.File); !ok && a.at != nil {
		at = a.at // what lib compares, its caller gave it
	}
	a.remark(at, text)
}

// use writes down that what m stands for matters as it is.
func (a *analyser) use(m meaning) {
	if m.path == nil {
		return
	}
	if f, ok := m.field(); ok {
		a.useRaw(f)
		return
	}
	a.bypass(m.String() + " is used as a whole: refer to the fields by name")
}

// ask writes down questions.
func (a *analyser) ask(list []predicate) {
	for _, p := range list {
		if k := p.String(); !a.settled(p.field) && !a.index[k] {
			a.index[k] = true
			a.note(p.field.String())
			a.seen.predicates = append(a.seen.predicates, p)
		}
	}
}

// data follows a reference into data: every rule at it, above it and below it.
// Where plain is false the reference stands under a with, which may replace
// whatever is known.
func (a *analyser) data(r ast.Ref, args []meaning, plain bool) {
	if len(r) > 1 && !r[1].Equal(modgate) {
		if name, ok := r[1].Value.(ast.String); ok {
			a.seen.data[string(name)] = true
			a.note("data." + string(name))
		} else {
			a.bypass(r.String() + " may be any data")
		}
		return
	}
	n := a.rules.RuleTree.Child(ast.DefaultRootDocument.Value)
	for _, t := range r[1:] {
		if len(n.Values) > 0 || !ast.IsConstant(t.Value) {
			break
		}
		if n = n.Child(t.Value); n == nil {
			return
		}
	}
	a.tree(n, args, plain)
}

func (a *analyser) tree(n *ast.TreeNode, args []meaning, plain bool) {
	for _, r := range n.Values {
		a.rule(r, args, plain)
	}
	for _, child := range n.Sorted {
		a.tree(n.Children[child], nil, plain)
	}
}

// rule follows a rule and its else branches, called with args.
func (a *analyser) rule(r *ast.Rule, args []meaning, plain bool) {
	key := fmt.Sprintf("%p %v %q", r, plain, args)
	if a.visited[key] {
		return
	}
	a.visited[key] = true
	for ; r != nil; r = r.Else {
		a.stand(r.Location)
		s, asked, fits := a.bind(r.Head.Args, args, plain)
		if fits == never {
			continue
		}
		a.ask(asked)
		if s, alive := a.body(r.Body, s, plain); alive {
			a.head(r, s, plain)
		}
	}
}

func (a *analyser) head(r *ast.Rule, s scope, plain bool) {
	a.stand(r.Location)
	for _, t := range r.Head.Reference {
		a.term(t, s, r.Body, plain)
	}
	for _, t := range []*ast.Term{r.Head.Key, r.Head.Value} {
		if t != nil {
			a.term(t, s, r.Body, plain)
		}
	}
}

// bind returns the scope of a function's bodies, and whether the arguments can
// fit its patterns at all. A constant in a pattern is a question to what is
// passed.
func (a *analyser) bind(patterns ast.Args, args []meaning, plain bool) (scope, []predicate, verdict) {
	s := scope{map[ast.Var]meaning{}, map[ast.Var]bool{}}
	var asked []predicate
	fits := undecided
	for i, p := range patterns {
		m := meaning{}
		if plain && i < len(args) {
			m = args[i]
		}
		v, isVar := p.Value.(ast.Var)
		if isVar && !s.outer[v] {
			s.vars[v] = m
			s.outer[v] = true
			continue
		}
		for v := range p.Vars() {
			s.outer[v] = true
		}
		constant := a.resolve(p, s)
		questions, said, ok := a.operation("eq", m, constant)
		if said == never {
			fits = never
		}
		if !ok {
			a.use(m)
			a.use(constant)
		}
		asked = append(asked, questions...)
	}
	return s, asked, fits
}
