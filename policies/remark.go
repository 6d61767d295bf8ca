package policies

import (
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// remark says what is wrong with comparing f with c, empty if nothing is.
func remark(op string, f field, c ast.Value) string {
	switch op {
	case "eq", "equal", "neq", "lt", "lte", "gt", "gte", "internal.member_2":
	default:
		return ""
	}
	var constants []ast.Value
	switch c := c.(type) {
	case ast.Set:
		c.Foreach(func(t *ast.Term) { constants = append(constants, t.Value) })
	case *ast.Array:
		c.Foreach(func(t *ast.Term) { constants = append(constants, t.Value) })
	default:
		constants = []ast.Value{c}
	}
	for _, c := range constants {
		if text := remarkOne(f, c); text != "" {
			return text
		}
	}
	return ""
}

var kindNames = [...]string{"text", "a number", "true or false"}

func remarkOne(f field, c ast.Value) string {
	kinds := map[string]kind{"string": textual, "number": numeric, "boolean": boolean}
	k, ok := kinds[ast.ValueName(c)]
	if !ok || k != fields[f].kind {
		return fmt.Sprintf("%s is %s, and is compared with %v", f, kindNames[fields[f].kind], c)
	}
	words := fields[f].words
	if s, ok := c.(ast.String); ok && words != nil && !slices.Contains(words, string(s)) {
		advice := "it is one of " + quoted(words)
		if near := nearest(string(s), words); near != "" {
			advice = fmt.Sprintf("did you mean %q?", near)
		}
		return fmt.Sprintf("%s is never %v: %s", f, s, advice)
	}
	return ""
}
