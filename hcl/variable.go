package hcl

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// variablePrefix begins the environment variable that sets a variable.
const variablePrefix = "MODGATE_VAR_"

// surroundings are what a configuration is read in.
type surroundings struct {
	env      func(string) (string, bool)
	assigned map[string]assignment // variables' values, by name
	opened   func(path string)     // told of every file that is read; nil: nobody

	partial    bool // something of the configuration could not be read: what is not declared may be, there
	unassigned bool // likewise variables' values
}

// assignment is the value that a variable was given outside the configuration:
// a text, or an expression in a file.
type assignment struct {
	text string
	attr *hcl.Attribute // nil: text is meant
}

// assign reads values of variables from files and from "name=value", of which
// the last counts, and returns the files' texts.
func (s surroundings) assign(files, vars []string) (texts []source, found hcl.Diagnostics) {
	for _, name := range files {
		text, err := readRegular(name)
		if err != nil {
			found = append(found, unplaced("Nothing to read", "Cannot read %s: %v.", name, cause(err)))
			continue
		}
		file := source{name, text}
		texts = append(texts, file)
		p := parse(file)
		if found = append(found, p.found...); p.found.HasErrors() {
			continue
		}
		attrs, wrong := p.body.JustAttributes()
		found = append(found, wrong...)
		for name, a := range attrs {
			s.assigned[name] = assignment{attr: a}
		}
	}
	for _, v := range vars {
		name, text, ok := strings.Cut(v, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			found = append(found, unplaced("Wrong value of a variable", "--var %q: want NAME=VALUE.", v))
			continue
		}
		s.assigned[name] = assignment{text: text}
	}
	return texts, found
}

// undeclared reports values of variables that no file declares.
func (ev *evaluator) undeclared() (found hcl.Diagnostics) {
	if ev.partial {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(ev.assigned)) {
		if _, ok := ev.variables[name]; ok {
			continue
		}
		d := unplaced("Undeclared variable", "A value is given for %q, and no variable of that name is declared.%s", name,
			didYouMean(name, slices.Sorted(maps.Keys(ev.variables))))
		if a := ev.assigned[name].attr; a != nil {
			d.Subject = &a.NameRange
		}
		found = append(found, d)
	}
	return found
}

// given returns the value that a variable is given, by whoever calls, by the
// environment, or else by its default, and where that stands. It is unknown if
// what could not be read may give another.
func (ev *evaluator) given(name string, want cty.Type, c *hcl.BodyContent, at hcl.Range) (cty.Value, hcl.Range, hcl.Diagnostics) {
	if a, ok := ev.assigned[name]; ok {
		if a.attr == nil {
			return fromOutside(a.text, "--var "+name, want, at)
		}
		if !ev.unassigned {
			v, found := a.attr.Expr.Value(nil)
			return v, a.attr.Expr.Range(), found
		}
	}
	if ev.unassigned {
		return cty.DynamicVal, at, nil
	}
	key := variablePrefix + name
	if text, ok := ev.env(key); ok {
		return fromOutside(text, key, want, at)
	}
	if a, ok := c.Attributes["default"]; ok {
		if used := a.Expr.Variables(); len(used) > 0 {
			return cty.DynamicVal, at, placed(used[0].SourceRange(), "Default that varies", "A default may call functions, but not refer to variables or local values.")
		}
		v, found := ev.value(a.Expr)
		return v, a.Expr.Range(), found
	}
	return cty.DynamicVal, at, placed(at, "Variable without a value", "Give it one by --var %s=VALUE, by a file that --var-file names, or by %s in the environment; or give the variable a default.", name, key)
}

// text returns the text that the variable is given outside the configuration,
// if it is one.
func (ev *evaluator) text(name string) string {
	if a, ok := ev.assigned[name]; ok {
		return a.text
	}
	text, _ := ev.env(variablePrefix + name)
	return text
}

// fromOutside reads what a command line or the environment says of a variable that
// is declared at at: as it is where a text is wanted, else as an expression.
func fromOutside(text, from string, want cty.Type, at hcl.Range) (cty.Value, hcl.Range, hcl.Diagnostics) {
	if want == cty.String || want == cty.DynamicPseudoType {
		return cty.StringVal(text), at, nil
	}
	v := cty.DynamicVal
	e, found := hclsyntax.ParseExpression([]byte(text), from, hcl.InitialPos)
	if !found.HasErrors() {
		v, found = e.Value(nil)
	}
	if found.HasErrors() {
		return cty.DynamicVal, at, placed(at, "Wrong type", "%s is %q, which is no expression of type %s.", from, text, typeexpr.TypeString(want))
	}
	return v, at, nil
}
