package hcl

import (
	"cmp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// sensitiveMark is borne by the values of sensitive variables and by whatever
// is made of them.
type sensitiveMark struct{}

// hide notes the texts in v, that no diagnostic may show. What is shorter than
// a word would garble every sentence.
func (ev *evaluator) hide(v cty.Value) {
	v, _ = v.UnmarkDeep()
	var texts []string
	//nolint:errcheck // the function returns none
	cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) {
		if v.IsKnown() && !v.IsNull() && v.Type() == cty.String && len(v.AsString()) > 2 {
			texts = append(texts, v.AsString())
		}
		return true, nil
	})
	ev.hideTexts(texts...)
}

func (ev *evaluator) hideTexts(texts ...string) {
	ev.hidden = append(ev.hidden, texts...)
	slices.SortFunc(ev.hidden, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	ev.hidden = slices.Compact(ev.hidden)
}

// flag reads an attribute that is true or false; one that is not there is
// false.
func (ev *evaluator) flag(a *hcl.Attribute) (bool, hcl.Diagnostics) {
	if a == nil {
		return false, nil
	}
	v, found := a.Expr.Value(nil)
	if found.HasErrors() {
		return false, found
	}
	v, err := convert.Convert(v, cty.Bool)
	if err != nil || v.IsNull() {
		return false, placed(a.Expr.Range(), "Wrong value", "%s: want true or false.", a.Name)
	}
	return v.True(), nil
}

// validate asks the validation blocks of a variable about its value, which
// stands at from.
func (r *reader) validate(name string, blocks hcl.Blocks, from hcl.Range) {
	if !r.variables[name].IsWhollyKnown() {
		return // it may be given where nothing could be read
	}
	for _, b := range blocks {
		c := r.content(b.Body, hcl.BodySchema{Attributes: []hcl.AttributeSchema{
			{Name: "condition", Required: true}, {Name: "error_message", Required: true},
		}})
		condition, message := c.Attributes["condition"], c.Attributes["error_message"]
		if condition == nil || message == nil {
			continue // reported
		}
		holds, found := r.about(name, condition, cty.Bool)
		r.found = append(r.found, found...)
		if found.HasErrors() || holds.True() {
			continue
		}
		text, found := r.about(name, message, cty.String)
		if r.found = append(r.found, found...); !found.HasErrors() {
			r.found = append(r.found, placed(from, "Invalid value of a variable", "%s The rule for var.%s stands at %s.", sentence(words(text.AsString())), name, place(condition.Range))...)
		}
	}
}

// words is what an operator wrote for people to read.
type words string

func (w words) Error() string { return string(w) }

// about evaluates an expression of a validation, which may refer to its own
// variable and to nothing else.
func (r *reader) about(name string, a *hcl.Attribute, want cty.Type) (cty.Value, hcl.Diagnostics) {
	for _, t := range a.Expr.Variables() {
		if of, _ := second(t); t.RootName() != "var" || of != name {
			return cty.DynamicVal, placed(t.SourceRange(), "Rule about something else", "%s may call functions, but refer to var.%s only.", a.Name, name)
		}
	}
	v, found := r.value(a.Expr)
	if found.HasErrors() {
		return v, found
	}
	v, _ = v.UnmarkDeep()
	v, err := convert.Convert(v, want)
	if err != nil || v.IsNull() || !v.IsKnown() {
		kind := "true or false"
		if want == cty.String {
			kind = "a text"
		}
		return cty.DynamicVal, placed(a.Expr.Range(), "Wrong value", "%s: want %s.", a.Name, kind)
	}
	return v, nil
}
