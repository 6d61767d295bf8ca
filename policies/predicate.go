package policies

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/modgate/modgate/core/fallback"
)

// test is what a predicate compares with. Each has one form only: "at least
// 60" is "not below 60", and "not" is not the predicate's to say.
type test uint8

const (
	isSet      test = iota // the flag is true
	equals                 // the value is text or number
	below                  // the value sorts before text, or is less than number
	isAmong                // the value is in list
	startsWith             // the value starts with text
	endsWith
	includes
	matches // the value matches pattern
)

// predicate is a question about one field with a constant in it. All that a
// decision can depend on is answers to such questions, and raw values.
type predicate struct {
	field   field
	test    test
	text    string
	number  int
	list    []string // sorted
	pattern *regexp.Regexp
}

// holds answers the question.
func (p *predicate) holds(q *fallback.Query, zone *time.Location) bool {
	switch fields[p.field].kind {
	case boolean:
		return p.field.flag(q)
	case numeric:
		if n := p.field.number(q, zone); p.test == below {
			return n < p.number
		} else {
			return n == p.number
		}
	case textual:
	}
	return p.holdsOf(p.field.text(q, zone))
}

func (p *predicate) holdsOf(s string) bool {
	switch p.test {
	case equals:
		return s == p.text
	case below:
		return s < p.text
	case isAmong:
		return slices.Contains(p.list, s)
	case startsWith:
		return strings.HasPrefix(s, p.text)
	case endsWith:
		return strings.HasSuffix(s, p.text)
	case includes:
		return strings.Contains(s, p.text)
	case matches:
		return p.pattern.MatchString(s)
	case isSet:
	}
	panic("policies: " + p.String() + " is not about text")
}

// String writes the question as a policy would.
func (p *predicate) String() string {
	value := strconv.Quote(p.text)
	if fields[p.field].kind == numeric {
		value = strconv.Itoa(p.number)
	}
	switch p.test {
	case isSet:
		return p.field.String()
	case equals:
		return fmt.Sprintf("%s == %s", p.field, value)
	case below:
		return fmt.Sprintf("%s < %s", p.field, value)
	case isAmong:
		quoted := make([]string, len(p.list))
		for i, s := range p.list {
			quoted[i] = strconv.Quote(s)
		}
		return fmt.Sprintf("%s in {%s}", p.field, strings.Join(quoted, ", "))
	case startsWith:
		return fmt.Sprintf("startswith(%s, %s)", p.field, value)
	case endsWith:
		return fmt.Sprintf("endswith(%s, %s)", p.field, value)
	case includes:
		return fmt.Sprintf("contains(%s, %s)", p.field, value)
	case matches:
		return fmt.Sprintf("regex.match(%s, %s)", value, p.field)
	}
	panic("policies: no such test")
}

// verdict is what is known of an expression when the fields are not.
type verdict uint8

const (
	undecided verdict = iota
	always
	never
)

// not returns the verdict on the negation.
func (v verdict) not() verdict {
	switch v {
	case always:
		return never
	case never:
		return always
	case undecided:
	}
	return undecided
}

// mirrored are the comparisons as read from the right.
var mirrored = map[string]string{"lt": "gt", "lte": "gte", "gt": "lt", "gte": "lte", "eq": "eq", "equal": "equal", "neq": "neq"}

// questions returns the predicates on whose answers op(f, c) alone depends, in
// this order of operands. It is none and false where there are no such.
func questions(op string, f field, c ast.Value) ([]predicate, bool) {
	switch c := c.(type) {
	case ast.String:
		if fields[f].kind == textual {
			return ofText(op, f, string(c))
		}
	case ast.Number:
		if fields[f].kind == numeric {
			return ofNumber(op, f, c)
		}
	case ast.Boolean:
		if fields[f].kind == boolean && (op == "eq" || op == "equal" || op == "neq") {
			return []predicate{{field: f, test: isSet}}, true
		}
	case *ast.Array, ast.Set:
		if op == "internal.member_2" {
			return among(f, c)
		}
	}
	return nil, false
}

// mostNumbers is up to how many numbers are worth a question each.
const mostNumbers = 8

// among returns the questions whether f is a member of c: one of text, of
// numbers one for each.
func among(f field, c ast.Value) (list []predicate, ok bool) {
	if list, ok := texts(c); ok && fields[f].kind == textual {
		return []predicate{{field: f, test: isAmong, list: list}}, true
	}
	numbers, ok := numbersIn(c)
	if !ok || fields[f].kind != numeric || len(numbers) > mostNumbers {
		return nil, false
	}
	for _, n := range numbers {
		p, ok := ofNumber("eq", f, n)
		if !ok {
			return nil, false
		}
		list = append(list, p...)
	}
	return list, true
}

func ofText(op string, f field, s string) ([]predicate, bool) {
	p := predicate{field: f, text: s}
	switch op {
	case "eq", "equal", "neq":
		p.test = equals
	case "lt", "gte":
		p.test = below
	case "lte", "gt":
		p.test = below
		return []predicate{p, {field: f, test: equals, text: s}}, true
	case "startswith":
		p.test = startsWith
	case "endswith":
		p.test = endsWith
	case "contains":
		p.test = includes
	case "regex.match": // mirrored: the pattern comes first
		pattern, err := regexp.Compile(s)
		if err != nil {
			return nil, false
		}
		p.test, p.pattern = matches, pattern
	default:
		return nil, false
	}
	return []predicate{p}, true
}

// ofNumber makes one whole threshold of what may be a fraction: fields are
// whole numbers.
func ofNumber(op string, f field, c ast.Number) ([]predicate, bool) {
	x, ok := c.Float64()
	if !ok || math.Abs(x) > 1<<52 {
		return nil, false
	}
	p := predicate{field: f, test: below}
	switch op {
	case "lt", "gte":
		p.number = int(math.Ceil(x))
	case "lte", "gt":
		p.number = int(math.Floor(x)) + 1
	case "eq", "equal", "neq":
		if x != math.Trunc(x) {
			return nil, true // never equal, and nothing to ask
		}
		p.test, p.number = equals, int(x)
	default:
		return nil, false
	}
	return []predicate{p}, true
}

// texts returns the members of a collection of constants, if all are text.
func texts(v ast.Value) (list []string, ok bool) {
	ok = true
	add := func(t *ast.Term) {
		s, isText := t.Value.(ast.String)
		ok = ok && isText
		list = append(list, string(s))
	}
	switch v := v.(type) {
	case *ast.Array:
		v.Foreach(add)
	case ast.Set:
		v.Foreach(add)
	}
	slices.Sort(list)
	return slices.Compact(list), ok
}

// numbersIn returns the members of a collection of constants, if all are
// numbers.
func numbersIn(v ast.Value) (list []ast.Number, ok bool) {
	ok = true
	add := func(t *ast.Term) {
		n, isNumber := t.Value.(ast.Number)
		ok = ok && isNumber
		list = append(list, n)
	}
	switch v := v.(type) {
	case *ast.Array:
		v.Foreach(add)
	case ast.Set:
		v.Foreach(add)
	}
	return list, ok
}

// compare decides op between two constants.
func compare(op string, a, b ast.Value) verdict {
	c := ast.Compare(a, b)
	var holds bool
	switch op {
	case "eq", "equal":
		holds = c == 0
	case "neq":
		holds = c != 0
	case "lt":
		holds = c < 0
	case "lte":
		holds = c <= 0
	case "gt":
		holds = c > 0
	case "gte":
		holds = c >= 0
	default:
		return undecided
	}
	if holds {
		return always
	}
	return never
}
