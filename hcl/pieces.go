package hcl

import (
	"bytes"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// piece is a part of a source that is parsed apart from the rest.
type piece struct {
	source
	start hcl.Pos // of text in the source
	sure  bool    // that it does not nest too deep
}

// leastPiece is how long a piece is, in bytes, unless the source ends: longer
// ones would be fewer to share between processors, and their tokens would
// need much memory at once.
const leastPiece = 4 << 10

// pieces cuts a native source behind outermost blocks, into pieces of at least
// that many bytes. They mean together what the source does: nothing reaches
// over a cut, since no bracket, text or comment is open there. A source that is
// not plain enough to be sure of that, or that may nest too deep, is one piece.
func (s source) pieces(least int) []piece {
	whole := []piece{{source: s, start: hcl.InitialPos}}
	if !utf8.Valid(s.text) || bytes.Contains(s.text, byteOrderMark) {
		return whole // the lexer reads both in ways of its own
	}
	c := cutter{source: s, least: least, piece: hcl.InitialPos, at: hcl.InitialPos}
	if !c.run() {
		return whole
	}
	return c.pieces
}

var byteOrderMark = []byte("\uFEFF")

// cutter reads a source by its bytes, as far as it takes to know what is open,
// and gives up where that is doubtful. It counts at least as much nesting as
// there is.
type cutter struct {
	source
	least  int     // bytes of a piece
	at     hcl.Pos // what comes next; its column is not kept
	open   []byte  // { [ ( of brackets, " of a text, $ of a sequence in a text
	nested nesting
	piece  hcl.Pos // where the piece under way begins
	pieces []piece
}

func (c *cutter) run() bool {
	for c.at.Byte < len(c.text) {
		known := false
		if c.inside('"') {
			known = c.literal()
		} else {
			known = c.code()
		}
		if !known || c.nested.depth() > maxDepth {
			return false
		}
		if len(c.open) == 0 && c.text[c.at.Byte-1] == '\n' && c.at.Byte-c.piece.Byte >= c.least {
			c.cut()
		}
	}
	c.cut()
	return len(c.open) == 0
}

func (c *cutter) cut() {
	text := c.text[c.piece.Byte:c.at.Byte]
	c.pieces = append(c.pieces, piece{source: source{c.name, text}, start: c.piece, sure: true})
	c.piece = c.at
}

// code reads one byte outside of texts, or a comment.
func (c *cutter) code() bool {
	rest := c.text[c.at.Byte:]
	c.at.Byte++
	switch b := rest[0]; b {
	case '{':
		c.push(b, hclsyntax.TokenOBrace)
	case '[':
		c.push(b, hclsyntax.TokenOBrack)
	case '(':
		c.push(b, hclsyntax.TokenOParen)
	case '"':
		c.push(b, hclsyntax.TokenOQuote)
	case '}':
		return c.pop('{', hclsyntax.TokenCBrace) || c.pop('$', hclsyntax.TokenTemplateSeqEnd)
	case ']':
		return c.pop('[', hclsyntax.TokenCBrack)
	case ')':
		return c.pop('(', hclsyntax.TokenCParen)
	case ',':
		c.nested.next(hclsyntax.TokenComma)
	case '\n':
		c.at.Line++
		c.nested.next(hclsyntax.TokenNewline)
	case '#':
		c.comment(rest)
	case '/':
		switch {
		case bytes.HasPrefix(rest, []byte("//")):
			c.comment(rest)
		case bytes.HasPrefix(rest, []byte("/*")):
			return false
		default:
			c.nested.next(hclsyntax.TokenSlash)
		}
	case '<':
		c.nested.next(hclsyntax.TokenLessThan)
		return !bytes.HasPrefix(rest, []byte("<<")) // a heredoc
	default:
		if !isWordByte(b) {
			c.nested.next(hclsyntax.TokenPlus) // or any operator
		}
	}
	return true
}

// isWordByte reports whether b, outside of texts, is part of a name or number,
// or space.
func isWordByte(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' ||
		b == '_' || b == ' ' || b == '\t' || b == '\r' || b >= utf8.RuneSelf
}

// comment reads to the end of the line, which is part of it.
func (c *cutter) comment(rest []byte) {
	i := bytes.IndexByte(rest, '\n')
	if i < 0 {
		c.at.Byte = len(c.text)
		return
	}
	c.at.Byte += i
	c.at.Line++
}

// literal reads of a text to its end, to a sequence in it, or past an escape.
func (c *cutter) literal() bool {
	rest := c.text[c.at.Byte:]
	i := bytes.IndexAny(rest, "\"\\$%\r\n")
	if i < 0 {
		return false
	}
	c.at.Byte += i + 1
	rest = rest[i:]
	switch rest[0] {
	case '"':
		return c.pop('"', hclsyntax.TokenCQuote)
	case '\\':
		c.at.Byte++
		return len(rest) > 1 && rest[1] != '\r' && rest[1] != '\n'
	case '$', '%':
		if len(rest) < 2 || rest[1] != '{' {
			return false // an escape, perhaps
		}
		c.at.Byte++
		c.push('$', hclsyntax.TokenTemplateControl) // the deeper of the two
		return true
	default:
		return false // a text ends on its line
	}
}

func (c *cutter) inside(bracket byte) bool {
	return len(c.open) > 0 && c.open[len(c.open)-1] == bracket
}

func (c *cutter) push(bracket byte, t hclsyntax.TokenType) {
	c.open = append(c.open, bracket)
	c.nested.next(t)
}

// pop closes that bracket, if it is the one that was opened last.
func (c *cutter) pop(bracket byte, t hclsyntax.TokenType) bool {
	if !c.inside(bracket) {
		return false
	}
	c.open = c.open[:len(c.open)-1]
	c.nested.next(t)
	return true
}
