package policies

import (
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
)

// parts of the language that the comparison with evaluation has to be about.
var parts = []string{
	"else", "default", "default of a function", "not", "with", "with of data", "every", "some in", "function", "function with a pattern",
	"call", "array comprehension", "set comprehension", "object comprehension", "partial set", "partial object", "template string",
	"regular expression", "group with a name", "data", "library", "place in data by a field",
}

// TestGrammarWritesTheLanguage: of the policies that the comparison is made
// with, each part of the language is in not a few.
func TestGrammarWritesTheLanguage(t *testing.T) {
	const policies = 200
	written := map[string]int{}
	for i := range uint64(policies) {
		g := newGrammar(1<<32+i, "site")
		m, err := ast.ParseModuleWithOpts("a.rego", g.policy(), ast.ParserOptions{Capabilities: capabilities(false), RegoVersion: ast.RegoV1})
		if err != nil {
			t.Fatal(err)
		}
		has := map[string]bool{}
		for _, r := range m.Rules {
			partsOfRule(r, has)
		}
		ast.WalkTerms(m, func(x *ast.Term) bool { partsOfTerm(x, has); return false })
		ast.WalkExprs(m, func(x *ast.Expr) bool { partsOfExpr(x, has); return false })
		for name := range has {
			written[name]++
		}
	}
	t.Log(written)
	for _, name := range parts {
		if written[name] < policies/50 {
			t.Errorf("%s: in %d policies of %d", name, written[name], policies)
		}
		delete(written, name)
	}
	for name := range written {
		t.Errorf("%s is no part", name)
	}
}

func partsOfRule(r *ast.Rule, has map[string]bool) {
	switch {
	case r.Default && len(r.Head.Args) > 0:
		has["default of a function"] = true
	case r.Default:
		has["default"] = true
	case len(r.Head.Args) > 0:
		has["function"] = true
		if !ast.IsConstant(r.Head.Args[0].Value) {
			break
		}
		has["function with a pattern"] = true
	case r.Head.RuleKind() == ast.MultiValue:
		has["partial set"] = true
	case len(r.Head.Reference) > 1:
		has["partial object"] = true
	}
	if r.Else != nil {
		has["else"] = true
	}
}

func partsOfTerm(x *ast.Term, has map[string]bool) {
	switch v := x.Value.(type) {
	case *ast.ArrayComprehension:
		has["array comprehension"] = true
	case *ast.SetComprehension:
		has["set comprehension"] = true
	case *ast.ObjectComprehension:
		has["object comprehension"] = true
	case *ast.TemplateString:
		has["template string"] = true
	case ast.Ref:
		if v.HasPrefix(ast.DefaultRootRef) && !v.HasPrefix(modgateRef) {
			has["data"] = true
			has["place in data by a field"] = has["place in data by a field"] || !v.IsGround()
		}
	}
}

func partsOfExpr(x *ast.Expr, has map[string]bool) {
	if x.Negated {
		has["not"] = true
	}
	for _, w := range x.With {
		has["with"] = true
		if r, ok := w.Target.Value.(ast.Ref); ok && r.HasPrefix(ast.DefaultRootRef) {
			has["with of data"] = true
		}
	}
	switch terms := x.Terms.(type) {
	case *ast.Every:
		has["every"] = true
	case *ast.SomeDecl:
		has["some in"] = true
	case []*ast.Term:
		switch op := x.Operator().String(); {
		case op == "regex.match":
			has["regular expression"] = true
		case op == "assign" && inputGroup(terms[2]):
			has["group with a name"] = true
		case len(op) > 4 && op[:4] == "lib.":
			has["library"] = true
		case ast.BuiltinMap[op] == nil:
			has["call"] = true
		}
	}
}

// inputGroup reports whether x is input or a group of it.
func inputGroup(x *ast.Term) bool {
	r, ok := x.Value.(ast.Ref)
	return ok && r.HasPrefix(ast.InputRootRef) && len(r) <= 2
}
