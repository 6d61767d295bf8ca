package wat

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
)

// signature is a function's type, and with it the rest of its definition.
type signature struct {
	named           *node // (type $t)
	params, results []byte
	locals          []byte
	names           map[string]uint32 // of parameters and locals
	rest            []node
}

func (m *assembler) signature(n []node) signature {
	s := signature{names: map[string]uint32{}}
	for len(n) > 0 {
		switch n[0].head() {
		case "type":
			s.named = &n[0].list[1]
		case "param":
			s.params = s.values(s.params, n[0].list[1:], 0)
		case "result":
			s.results = s.values(s.results, n[0].list[1:], 0)
		case "local":
			s.locals = s.values(s.locals, n[0].list[1:], len(s.params))
		default:
			s.rest = n
			return s
		}
		n = n[1:]
	}
	return s
}

func (s *signature) values(to []byte, n []node, before int) []byte {
	for _, v := range n {
		if v.atom[0] == '$' {
			s.names[v.atom] = uint32(before + len(to))
			continue
		}
		to = append(to, valueType(v))
	}
	return to
}

func (s *signature) bytes() []byte {
	b := append(u32([]byte{0x60}, uint32(len(s.params))), s.params...)
	return append(u32(b, uint32(len(s.results))), s.results...)
}

func valueType(n node) byte {
	switch n.atom {
	case "i32":
		return 0x7f
	case "i64":
		return 0x7e
	case "f32":
		return 0x7d
	case "f64":
		return 0x7c
	case "funcref":
		return 0x70
	case "externref":
		return 0x6f
	}
	fail("%q is no type", n.atom)
	return 0
}

func (m *assembler) body(s signature) []byte {
	c := code{m: m, locals: s.names}
	c.instructions(s.rest)
	b := u32(nil, uint32(len(s.locals)))
	for _, l := range s.locals {
		b = append(b, 1, l)
	}
	b = append(append(b, c.out...), 0x0b)
	return append(u32(nil, uint32(len(b))), b...)
}

// code is a function's.
type code struct {
	m      *assembler
	locals map[string]uint32
	labels []string
	out    []byte
}

func (c *code) instructions(n []node) {
	for len(n) > 0 {
		if n[0].list == nil {
			n = c.plain(n)
			continue
		}
		c.folded(n[0].list)
		n = n[1:]
	}
}

// folded writes (op immediates operands...).
func (c *code) folded(n []node) {
	op := n[0].atom
	if op == "block" || op == "loop" {
		rest := c.open(op, n[1:])
		c.instructions(rest)
		c.close()
		return
	}
	if op == "if" {
		c.conditional(n)
		return
	}
	last := slices.IndexFunc(n, func(x node) bool {
		return x.list != nil && x.head() != "result" && x.head() != "type" && x.head() != "param"
	})
	if last < 0 {
		last = len(n)
	}
	c.instructions(n[last:])
	if rest := c.plain(n[:last]); len(rest) > 0 {
		fail("%q has operands that it does not take", op)
	}
}

// conditional writes (if $label (result t) condition... (then ...) (else ...)).
func (c *code) conditional(n []node) {
	at := slices.IndexFunc(n, func(x node) bool { return x.head() == "then" })
	if at < 0 {
		fail("an if has no (then ...)")
	}
	var before, head []node
	for _, x := range n[1:at] {
		if x.list == nil || x.head() == "result" || x.head() == "type" {
			head = append(head, x)
		} else {
			before = append(before, x)
		}
	}
	c.instructions(before)
	if rest := c.open("if", head); len(rest) > 0 {
		fail("an if has %d things too many", len(rest))
	}
	c.instructions(n[at].list[1:])
	if len(n) > at+1 {
		c.out = append(c.out, 0x05)
		c.instructions(n[at+1].list[1:])
	}
	c.close()
}

// open begins a block, and returns what follows its type.
func (c *code) open(op string, n []node) []node {
	c.out = append(c.out, map[string]byte{"block": 2, "loop": 3, "if": 4}[op])
	label := ""
	if len(n) > 0 && strings.HasPrefix(n[0].atom, "$") {
		label, n = n[0].atom, n[1:]
	}
	c.labels = append(c.labels, label)
	s := c.m.signature(n)
	switch {
	case s.named != nil || len(s.params) > 0 || len(s.results) > 1:
		c.out = s64(c.out, int64(c.m.typeOf(s)))
	case len(s.results) == 1:
		c.out = append(c.out, s.results[0])
	default:
		c.out = append(c.out, 0x40)
	}
	return s.rest
}

func (c *code) close() {
	c.out = append(c.out, 0x0b)
	c.labels = c.labels[:len(c.labels)-1]
}

// plain writes one flat instruction, and returns what follows.
func (c *code) plain(n []node) []node {
	op := n[0].atom
	switch op {
	case "block", "loop", "if":
		return c.open(op, n[1:])
	case "end":
		c.close()
		return n[1:]
	}
	o, ok := opcodes[op]
	if !ok {
		fail("the instruction %q is unknown", op)
	}
	c.out = append(c.out, o.code...)
	return c.immediates(o.takes, n[1:])
}

// immediates writes what an instruction takes, and returns what follows.
func (c *code) immediates(takes string, n []node) []node {
	for _, t := range takes {
		switch t {
		case 'a':
			n = c.memoryArgument(n)
			continue
		case 'i':
			s := c.m.signature(n)
			s.rest, n = nil, s.rest
			c.out = append(u32(c.out, c.m.typeOf(s)), 0)
			continue
		case 'z':
			c.out = append(c.out, 0)
			continue
		case 'b':
			n = c.branchTable(n)
			continue
		}
		c.immediate(t, n[0])
		n = n[1:]
	}
	return n
}

func (c *code) immediate(t rune, n node) {
	switch t {
	case 'l':
		i, ok := c.locals[n.atom]
		if !ok {
			i = uint32(n.number(32))
		}
		c.out = u32(c.out, i)
	case 'L':
		c.out = u32(c.out, c.label(n))
	case 'f', 'g', 't', 'e':
		c.out = u32(c.out, c.m.resolve(map[rune]string{'f': "func", 'g': "global", 't': "table", 'e': "elem"}[t], n))
	case 'd':
		c.m.counted = true
		c.out = u32(c.out, c.m.resolve("data", n))
	case '4':
		c.out = s64(c.out, int64(int32(n.number(32))))
	case '8':
		c.out = s64(c.out, n.number(64))
	case 'F', 'D':
		v, err := strconv.ParseFloat(n.atom, 64)
		if err != nil {
			fail("%q is not a number", n.atom)
		}
		if t == 'F' {
			c.out = binary.LittleEndian.AppendUint32(c.out, math.Float32bits(float32(v)))
		} else {
			c.out = binary.LittleEndian.AppendUint64(c.out, math.Float64bits(v))
		}
	case 'r':
		c.out = append(c.out, map[string]byte{"func": 0x70, "extern": 0x6f}[n.atom])
	}
}

func (c *code) label(n node) uint32 {
	for i := len(c.labels) - 1; i >= 0; i-- {
		if c.labels[i] == n.atom {
			return uint32(len(c.labels) - 1 - i)
		}
	}
	return uint32(n.number(32))
}

// branchTable reads labels, the last of which is the default.
func (c *code) branchTable(n []node) []node {
	var labels []uint32
	for len(n) > 0 && n[0].atom != "" && (n[0].atom[0] == '$' || n[0].atom[0] >= '0' && n[0].atom[0] <= '9') {
		labels = append(labels, c.label(n[0]))
		n = n[1:]
	}
	c.out = u32(c.out, uint32(len(labels)-1))
	for _, l := range labels {
		c.out = u32(c.out, l)
	}
	return n
}

func (c *code) memoryArgument(n []node) []node {
	var offset, align uint64
	for len(n) > 0 {
		name, value, ok := strings.Cut(n[0].atom, "=")
		if !ok {
			break
		}
		v, err := strconv.ParseUint(value, 0, 32)
		if err != nil {
			fail("%q is not a number", value)
		}
		if name == "offset" {
			offset = v
		} else {
			align = uint64(math.Log2(float64(v)))
		}
		n = n[1:]
	}
	c.out = u32(u32(c.out, uint32(align)), uint32(offset))
	return n
}
