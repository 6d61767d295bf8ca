package policies

import (
	"regexp/syntax"
	"strings"
)

// matching returns a text that the pattern matches, the shortest that is easy
// to find. It is empty if the pattern is none.
func matching(pattern string) string {
	r, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return ""
	}
	var b strings.Builder
	writeMatch(&b, r.Simplify())
	return b.String()
}

// writeMatch writes what r matches. Where r looks at what stands around it, as
// \b does, that is not looked after.
func writeMatch(b *strings.Builder, r *syntax.Regexp) {
	switch r.Op {
	case syntax.OpLiteral:
		b.WriteString(string(r.Rune))
	case syntax.OpCharClass:
		if len(r.Rune) > 0 {
			b.WriteRune(readable(r.Rune))
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('x')
	case syntax.OpCapture, syntax.OpPlus:
		writeMatch(b, r.Sub[0])
	case syntax.OpConcat:
		for _, sub := range r.Sub {
			writeMatch(b, sub)
		}
	case syntax.OpAlternate:
		writeMatch(b, r.Sub[0])
	case syntax.OpRepeat:
		for range r.Min {
			writeMatch(b, r.Sub[0])
		}
	default: // matches nothing, or the empty text
	}
}

// readable returns a letter or a digit of the class, given as pairs of bounds,
// or else its first character.
func readable(class []rune) rune {
	for i := 0; i < len(class); i += 2 {
		for _, c := range "x0X" {
			if class[i] <= c && c <= class[i+1] {
				return c
			}
		}
	}
	return class[0]
}
