package hcl

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
)

// evaluator knows the variables and local values of a configuration. One
// that could not be evaluated is unknown, so that what uses it fails
// silently: the reason was reported where it arose.
type evaluator struct {
	surroundings
	variables map[string]cty.Value
	locals    map[string]cty.Value // those evaluated so far
	pending   map[string]*hcl.Attribute
	functions map[string]map[string]function.Function // by folder

	secret []hcl.Range // where secrets are written
	hidden []string    // texts that no diagnostic may show, the longest first
}

func newEvaluator(around surroundings) *evaluator {
	return &evaluator{
		surroundings: around, variables: map[string]cty.Value{}, locals: map[string]cty.Value{},
		pending: map[string]*hcl.Attribute{}, functions: map[string]map[string]function.Function{},
	}
}

// value evaluates e. Files that it names are relative to its own file.
func (ev *evaluator) value(e hcl.Expression) (cty.Value, hcl.Diagnostics) {
	if isLiteral(e) {
		return e.Value(nil)
	}
	used := map[string]cty.Value{}
	var found hcl.Diagnostics
	known := true
	for _, t := range e.Variables() {
		ok, wrong := ev.refer(t, used)
		known, found = known && ok, append(found, wrong...)
	}
	if !known {
		return cty.DynamicVal, found
	}
	folder := folderAt(e.Range())
	if ev.functions[folder] == nil {
		ev.functions[folder] = functions(folder, ev.surroundings)
	}
	v, more := e.Value(&hcl.EvalContext{
		Functions: ev.functions[folder],
		Variables: map[string]cty.Value{"var": cty.ObjectVal(ev.variables), "local": cty.ObjectVal(used)},
	})
	if more.HasErrors() {
		v = cty.DynamicVal
	}
	return v, more
}

// isLiteral reports whether e is a text, number or word, or a list of such,
// as nearly everything is that operators write.
func isLiteral(e hcl.Expression) bool {
	switch e := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		return true
	case *hclsyntax.TemplateExpr:
		return e.IsStringLiteral()
	case *hclsyntax.TupleConsExpr:
		return !slices.ContainsFunc(e.Exprs, func(e hclsyntax.Expression) bool { return !isLiteral(e) })
	default:
		return false
	}
}

// refer checks one reference, puts the local value it means into used, and
// reports whether there is what it refers to. What is nowhere may be in what
// could not be read: then nothing is wrong with it.
func (ev *evaluator) refer(t hcl.Traversal, used map[string]cty.Value) (ok bool, found hcl.Diagnostics) {
	at := t.SourceRange()
	root := t.RootName()
	if root != "var" && root != "local" {
		return false, placed(at, "Unknown name", "There is no %q here: names are var.NAME and local.NAME. A text stands in quotes: %q.", root, root)
	}
	name, named := second(t)
	if !named {
		return false, placed(at, "Incomplete reference", "Say which one: %s.NAME.", root)
	}
	if root == "local" {
		used[name], found = ev.local(name, at)
		return !found.HasErrors(), found
	}
	if _, ok = ev.variables[name]; !ok && !ev.partial {
		found = placed(at, "Undeclared variable", "No variable %q is declared.%s Declare it: variable %[1]q {}.", name,
			didYouMean(name, slices.Sorted(maps.Keys(ev.variables))))
	}
	return ok, found
}

// second returns the name after the first dot, or in the first index.
func second(t hcl.Traversal) (string, bool) {
	if len(t) < 2 {
		return "", false
	}
	switch step := t[1].(type) {
	case hcl.TraverseAttr:
		return step.Name, true
	case hcl.TraverseIndex:
		if step.Key.Type() == cty.String {
			return step.Key.AsString(), true
		}
	}
	return "", false
}

// local returns a local value, evaluating it if it was not yet. While it is
// evaluated it is neither in locals nor in pending.
func (ev *evaluator) local(name string, at hcl.Range) (cty.Value, hcl.Diagnostics) {
	if v, ok := ev.locals[name]; ok {
		if v == cty.NilVal {
			return cty.DynamicVal, placed(at, "Circular local value", "local.%s refers to itself, at once or through others.", name)
		}
		return v, nil
	}
	attr, ok := ev.pending[name]
	switch {
	case !ok && ev.partial:
		return cty.DynamicVal, nil
	case !ok:
		return cty.DynamicVal, placed(at, "Undeclared local value", "No local value %q is declared.%s", name,
			didYouMean(name, slices.Sorted(maps.Keys(ev.pending))))
	}
	ev.locals[name] = cty.NilVal // being evaluated
	v, found := ev.value(attr.Expr)
	ev.locals[name] = v
	return v, found
}

// declareVariable evaluates a variable block's content, and returns where the
// value stands.
func (ev *evaluator) declareVariable(name string, c *hcl.BodyContent, at hcl.Range) (from hcl.Range, found hcl.Diagnostics) {
	ev.variables[name] = cty.DynamicVal
	want := cty.DynamicPseudoType
	if a, ok := c.Attributes["type"]; ok {
		want, found = typeexpr.TypeConstraint(a.Expr)
		if found.HasErrors() {
			return at, found
		}
	}
	sensitive, more := ev.flag(c.Attributes["sensitive"])
	found = append(found, more...)
	v, from, more := ev.given(name, want, c, at)
	if sensitive {
		ev.secret = append(ev.secret, from)
		ev.hide(v)
		ev.hide(cty.StringVal(ev.text(name)))
	}
	if found = append(found, more...); found.HasErrors() {
		return from, found
	}
	v, err := convert.Convert(v, want)
	if err != nil {
		return from, append(found, placed(from, "Wrong type", "The value of variable %q does not fit its type %s: %v.", name, typeexpr.TypeString(want), err)...)
	}
	if sensitive {
		v = v.Mark(sensitiveMark{})
	}
	ev.variables[name] = v
	return from, found
}

// placed returns one error.
func placed(at hcl.Range, summary, format string, args ...any) hcl.Diagnostics {
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: &at}}
}

// unplaced returns an error about no place in a file.
func unplaced(summary, format string, args ...any) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...)}
}
