package hcl

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// The parsers call themselves for every bracket and operator, and Go cannot
// recover from a stack that is exhausted: a reload would kill the gateway. So
// what nests deeper than any person writes is refused before it is parsed.
const (
	maxDepth = 1000     // brackets, and operators of one expression around them
	maxText  = 64 << 10 // of a string in JSON, which may be an expression
)

// tooDeep returns the place where a native source nests too deep.
func tooDeep(s source) (hcl.Range, bool) {
	tokens, _ := hclsyntax.LexConfig(s.text, s.name, hcl.InitialPos) // the parser reports its errors
	var n nesting
	for _, t := range tokens {
		if n.next(t.Type); n.depth() > maxDepth {
			return t.Range, true
		}
	}
	return hcl.Range{}, false
}

// nesting counts how deep the parser is in itself, at most.
type nesting struct {
	open      []hclsyntax.TokenType // brackets
	operators []int                 // of the item under way: outside, and in each bracket
	sum       int                   // of operators
}

func (n *nesting) depth() int { return len(n.open) + n.sum }

func (n *nesting) next(t hclsyntax.TokenType) {
	if n.operators == nil {
		n.operators = []int{0}
	}
	switch t {
	case hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateControl, hclsyntax.TokenOBrace,
		hclsyntax.TokenTemplateInterp, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
		if t == hclsyntax.TokenOBrack || t == hclsyntax.TokenOParen || t == hclsyntax.TokenTemplateControl {
			n.count(1) // a[0][1] nests although its brackets do not
		}
		n.open, n.operators = append(n.open, t), append(n.operators, 0)
	case hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCBrace, hclsyntax.TokenTemplateSeqEnd,
		hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
		if len(n.open) > 0 {
			n.end()
			n.open, n.operators = n.open[:len(n.open)-1], n.operators[:len(n.operators)-1]
		}
	case hclsyntax.TokenComma:
		n.end()
	case hclsyntax.TokenNewline:
		if len(n.open) == 0 || n.open[len(n.open)-1] == hclsyntax.TokenOBrace {
			n.end()
		}
	case hclsyntax.TokenIdent, hclsyntax.TokenNumberLit, hclsyntax.TokenDot, hclsyntax.TokenComment,
		hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit, hclsyntax.TokenEqual:
	default: // operators
		n.count(1)
	}
}

// count adds operators to the item under way.
func (n *nesting) count(plus int) {
	n.operators[len(n.operators)-1] += plus
	n.sum += plus
}

// end ends the item under way.
func (n *nesting) end() { n.count(-n.operators[len(n.operators)-1]) }

// tooDeepJSON is tooDeep for the JSON syntax.
func tooDeepJSON(s source) (hcl.Range, bool) {
	depth, quoted := 0, -1
	at := hcl.Pos{Line: 1, Column: 1}
	for i, c := range s.text {
		at.Byte = i
		switch {
		case quoted >= 0 && c == '"' && !escaped(s.text[:i]):
			quoted = -1
		case quoted >= 0:
		case c == '"':
			quoted = i
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		if depth > maxDepth || quoted >= 0 && i-quoted > maxText {
			return hcl.Range{Filename: s.name, Start: at, End: at}, true
		}
		at.Column++
		if c == '\n' {
			at.Line, at.Column = at.Line+1, 1
		}
	}
	return hcl.Range{}, false
}

// escaped reports whether what follows text stands behind a backslash that
// is not itself escaped.
func escaped(text []byte) bool {
	n := 0
	for n < len(text) && text[len(text)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}
