// Package wat assembles small guests for tests, from the text format of
// WebAssembly. It knows what such guests need: functions, one memory, tables,
// globals, data, elements, and the instructions of WebAssembly 2.0 without
// vectors, written flat or folded. What it does not know is an error; whether
// what it makes is valid, the engine says.
package wat

import (
	"fmt"
	"strconv"
	"strings"
)

// Assemble returns the module that text describes.
func Assemble(text string) (module []byte, err error) {
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case problem:
			err = fault.err
		default:
			panic(fault)
		}
	}()
	p := parser{text: text}
	top := p.next()
	if top.head() != "module" || p.peek() != 0 {
		fail("want one (module ...)")
	}
	m := assembler{index: map[string]map[string]uint32{}}
	for _, space := range []string{"type", "func", "table", "memory", "global", "data", "elem"} {
		m.index[space] = map[string]uint32{}
	}
	m.declare(top.list[1:])
	for _, field := range top.list[1:] {
		m.field(field)
	}
	return m.bytes(), nil
}

// Must is Assemble for texts that are known to be right.
func Must(text string) []byte {
	m, err := Assemble(text)
	if err != nil {
		panic(err)
	}
	return m
}

type problem struct{ err error }

func fail(format string, args ...any) { panic(problem{fmt.Errorf("wat: "+format, args...)}) }

// node is an atom, a string or a list.
type node struct {
	atom   string
	text   []byte // of a string
	quoted bool
	list   []node
}

// head returns the first atom of a list, "" of anything else.
func (n node) head() string {
	if len(n.list) == 0 {
		return ""
	}
	return n.list[0].atom
}

// number reads an integer of that many bits, signed or not.
func (n node) number(bits int) int64 {
	s := strings.ReplaceAll(n.atom, "_", "")
	if v, err := strconv.ParseInt(s, 0, 64); err == nil {
		return v
	}
	v, err := strconv.ParseUint(s, 0, bits)
	if err != nil {
		fail("%q is not a number", n.atom)
	}
	return int64(v)
}

type parser struct {
	text string
	at   int
}

// peek skips space and comments, and returns the byte that follows; 0 at the
// end.
func (p *parser) peek() byte {
	for p.at < len(p.text) {
		rest := p.text[p.at:]
		switch {
		case strings.HasPrefix(rest, ";;"):
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest) - 1
			}
			p.at += n + 1
		case strings.HasPrefix(rest, "(;"):
			n := strings.Index(rest, ";)")
			if n < 0 {
				fail("a comment has no end")
			}
			p.at += n + 2
		case strings.ContainsRune(" \t\r\n", rune(rest[0])):
			p.at++
		default:
			return rest[0]
		}
	}
	return 0
}

func (p *parser) next() node {
	switch c := p.peek(); c {
	case 0, ')':
		fail("something is missing at offset %d", p.at)
	case '(':
		p.at++
		n := node{list: []node{}}
		for p.peek() != ')' {
			n.list = append(n.list, p.next())
		}
		p.at++
		return n
	case '"':
		return node{quoted: true, text: p.quoted()}
	}
	start := p.at
	for p.at < len(p.text) && !strings.ContainsRune(" \t\r\n()\";", rune(p.text[p.at])) {
		p.at++
	}
	return node{atom: p.text[start:p.at]}
}

// quoted reads a string with the escapes \n \t \\ \" and \hh.
func (p *parser) quoted() (out []byte) {
	for p.at++; p.at < len(p.text); p.at++ {
		c := p.text[p.at]
		switch {
		case c == '"':
			p.at++
			return out
		case c != '\\':
			out = append(out, c)
			continue
		}
		p.at++
		if p.at+1 >= len(p.text) {
			break
		}
		if i := strings.IndexByte(`nt\"`, p.text[p.at]); i >= 0 {
			out = append(out, "\n\t\\\""[i])
			continue
		}
		v, err := strconv.ParseUint(p.text[p.at:p.at+2], 16, 8)
		if err != nil {
			fail("the escape \\%s is unknown", p.text[p.at:p.at+2])
		}
		out = append(out, byte(v))
		p.at++
	}
	fail("a string has no end")
	return nil
}
