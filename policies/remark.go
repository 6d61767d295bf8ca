package policies

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// remark says what is wrong with comparing f with c, empty if nothing is.
func remark(op string, f field, c ast.Value) string {
	if _, comparison := mirrored[op]; !comparison && op != "internal.member_2" {
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
		if text := remarkOne(op, f, c); text != "" {
			return text
		}
	}
	return ""
}

var kindNames = [...]string{"text", "a number", "true or false"}

// remarkBoth says what is wrong with comparing two fields.
func remarkBoth(f, g field) string {
	if fields[f].kind == fields[g].kind {
		return ""
	}
	return fmt.Sprintf("%s is %s, and is compared with %s, which is %s", f, kindNames[fields[f].kind], g, kindNames[fields[g].kind])
}

func remarkOne(op string, f field, c ast.Value) string {
	kinds := map[string]kind{"string": textual, "number": numeric, "boolean": boolean}
	k, ok := kinds[ast.ValueName(c)]
	if !ok || k != fields[f].kind {
		return fmt.Sprintf("%s is %s, and is compared with %v", f, kindNames[fields[f].kind], c)
	}
	switch c := c.(type) {
	case ast.Number:
		return remarkNumber(op, f, c)
	case ast.String:
		return remarkText(op, f, string(c))
	}
	return ""
}

// remarkNumber says where a comparison is never true of a whole number in f's
// range.
func remarkNumber(op string, f field, c ast.Number) string {
	x, ok := c.Float64()
	if !ok {
		return ""
	}
	least, most := 0.0, float64(fields[f].most)
	bounded := fields[f].most > 0
	var never bool
	switch op {
	case "eq", "equal", "internal.member_2":
		never = x < least || bounded && x > most || x != float64(int64(x))
	case "lt":
		never = x <= least
	case "lte":
		never = x < least
	case "gt":
		never = bounded && x >= most
	case "gte":
		never = bounded && x > most
	}
	switch {
	case !never:
		return ""
	case bounded:
		return fmt.Sprintf("%s is never %s%v: it is a whole number from 0 to %d", f, inWords[op], c, fields[f].most)
	default:
		return fmt.Sprintf("%s is never %s%v: it is a whole number, not negative", f, inWords[op], c)
	}
}

// inWords says a comparison in words, before the number.
var inWords = map[string]string{"lt": "below ", "lte": "up to ", "gt": "above ", "gte": "at least "}

func remarkText(op string, f field, s string) string {
	words, form := fields[f].words, fields[f].form
	switch {
	case words != nil && !slices.Contains(words, s):
		advice := "it is one of " + quoted(words)
		if near := nearest(s, words); near != "" {
			advice = fmt.Sprintf("did you mean %q?", near)
		}
		return fmt.Sprintf("%s is never %q: %s", f, s, advice)
	case form != "" && (f != fieldDate || !ordered(op)) && !regexp.MustCompile(form).MatchString(s):
		return fmt.Sprintf("%s is compared with %q: it is a %s", f, s, fields[f].doc)
	case f == fieldMethod && op != "neq" && s != strings.ToUpper(s):
		return fmt.Sprintf("%s is hardly ever %q: methods are written in capitals", f, s)
	}
	return ""
}

// ordered reports whether op asks which comes first. Of a date, the beginning
// may then be enough: "2026-12".
func ordered(op string) bool { return op == "lt" || op == "lte" || op == "gt" || op == "gte" }
