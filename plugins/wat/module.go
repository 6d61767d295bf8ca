package wat

import "slices"

// assembler collects the sections of a module.
type assembler struct {
	index    map[string]map[string]uint32 // by space and name
	types    [][]byte
	imports  [][]byte
	funcs    []uint32 // types of those that are defined
	tables   [][]byte
	memories [][]byte
	globals  [][]byte
	exports  [][]byte
	start    []byte
	elems    [][]byte
	code     [][]byte
	datas    [][]byte
	counted  bool // the code names a data segment
	seen     [4]uint32
}

var spaces = map[string]int{"func": 0, "table": 1, "memory": 2, "global": 3}

// declare gives every named thing its index: what is imported comes first.
func (m *assembler) declare(fields []node) {
	next := map[string]uint32{}
	name := func(space string, n []node) {
		if len(n) > 0 && len(n[0].atom) > 0 && n[0].atom[0] == '$' {
			m.index[space][n[0].atom] = next[space]
		}
		next[space]++
	}
	for _, imports := range []bool{true, false} {
		for _, f := range fields {
			switch what := f.head(); {
			case what == "import" && imports:
				d := f.list[3]
				name(d.head(), d.list[1:])
			case !imports && slices.Contains([]string{"type", "func", "table", "memory", "global", "data", "elem"}, what):
				name(what, f.list[1:])
			}
		}
	}
}

// resolve returns the index that an atom names.
func (m *assembler) resolve(space string, n node) uint32 {
	if n.atom != "" && n.atom[0] == '$' {
		i, ok := m.index[space][n.atom]
		if !ok {
			fail("there is no %s %s", space, n.atom)
		}
		return i
	}
	return uint32(n.number(32))
}

func (m *assembler) field(f node) {
	rest := f.list[1:]
	switch f.head() {
	case "import":
		m.imported(rest[0].text, rest[1].text, rest[2])
	case "type":
		s := m.signature(unnamed(rest)[0].list[1:])
		m.types = append(m.types, s.bytes()) // two that are alike stay two: they are named
	case "func":
		rest = m.exported("func", unnamed(rest))
		s := m.signature(rest)
		m.funcs = append(m.funcs, m.typeOf(s))
		m.code = append(m.code, m.body(s))
	case "table":
		m.tables = append(m.tables, tableType(m.exported("table", unnamed(rest))))
	case "memory":
		m.memories = append(m.memories, limits(m.exported("memory", unnamed(rest))))
	case "global":
		rest = m.exported("global", unnamed(rest))
		m.globals = append(m.globals, append(global(rest[0]), m.constant(rest[1:])...))
	case "export":
		m.export(rest[0].text, rest[1].head(), m.resolve(rest[1].head(), rest[1].list[1]))
	case "start":
		m.start = u32(nil, m.resolve("func", rest[0]))
	case "elem":
		m.elems = append(m.elems, m.elements(unnamed(rest)))
	case "data":
		m.datas = append(m.datas, m.data(unnamed(rest)))
	default:
		fail("%q is unknown", f.head())
	}
}

func unnamed(n []node) []node {
	if len(n) > 0 && len(n[0].atom) > 0 && n[0].atom[0] == '$' {
		return n[1:]
	}
	return n
}

// exported takes (export "name") off the front.
func (m *assembler) exported(space string, n []node) []node {
	i := m.seen[spaces[space]]
	m.seen[spaces[space]]++
	for len(n) > 0 && n[0].head() == "export" {
		m.export(n[0].list[1].text, space, i)
		n = n[1:]
	}
	return n
}

func (m *assembler) export(name []byte, space string, i uint32) {
	b := append(u32(nil, uint32(len(name))), name...)
	m.exports = append(m.exports, u32(append(b, byte(spaces[space])), i))
}

func (m *assembler) imported(module, name []byte, d node) {
	b := append(u32(nil, uint32(len(module))), module...)
	b = append(append(u32(b, uint32(len(name))), name...), byte(spaces[d.head()]))
	rest := unnamed(d.list[1:])
	switch d.head() {
	case "func":
		b = u32(b, m.typeOf(m.signature(rest)))
	case "table":
		b = append(b, tableType(rest)...)
	case "memory":
		b = append(b, limits(rest)...)
	case "global":
		b = append(b, global(rest[0])...)
	}
	m.seen[spaces[d.head()]]++
	m.imports = append(m.imports, b)
}

// typeOf returns the index of a type, which it adds if need be.
func (m *assembler) typeOf(s signature) uint32 {
	if s.named != nil {
		return m.resolve("type", *s.named)
	}
	b := s.bytes()
	i := slices.IndexFunc(m.types, func(t []byte) bool { return string(t) == string(b) })
	if i < 0 {
		i = len(m.types)
		m.types = append(m.types, b)
	}
	return uint32(i)
}

func (m *assembler) elements(n []node) []byte {
	b := u32(nil, 0)
	switch {
	case n[0].atom == "declare":
		b, n = append(u32(nil, 3), 0), n[1:]
	case n[0].list == nil:
		b = append(u32(nil, 1), 0)
	default:
		b, n = append(b, m.constant(n[:1])...), n[1:]
	}
	if len(n) > 0 && n[0].atom == "func" {
		n = n[1:]
	}
	b = u32(b, uint32(len(n)))
	for _, f := range n {
		b = u32(b, m.resolve("func", f))
	}
	return b
}

func (m *assembler) data(n []node) []byte {
	b := u32(nil, 1)
	if !n[0].quoted {
		b, n = append(u32(nil, 0), m.constant(n[:1])...), n[1:]
	}
	var text []byte
	for _, s := range n {
		text = append(text, s.text...)
	}
	return append(u32(b, uint32(len(text))), text...)
}

func tableType(n []node) []byte {
	kind := n[len(n)-1]
	return append([]byte{valueType(kind)}, limits(n[:len(n)-1])...)
}

func limits(n []node) []byte {
	if len(n) == 2 {
		return u32(u32([]byte{1}, uint32(n[0].number(32))), uint32(n[1].number(32)))
	}
	return u32([]byte{0}, uint32(n[0].number(32)))
}

func global(n node) []byte {
	if n.head() == "mut" {
		return []byte{valueType(n.list[1]), 1}
	}
	return []byte{valueType(n), 0}
}

// constant returns the expression with its end.
func (m *assembler) constant(n []node) []byte {
	c := code{m: m}
	c.instructions(n)
	return append(c.out, 0x0b)
}

func (m *assembler) bytes() []byte {
	funcs := make([][]byte, len(m.funcs))
	for i, t := range m.funcs {
		funcs[i] = u32(nil, t)
	}
	out := []byte("\x00asm\x01\x00\x00\x00")
	add := func(id byte, entries [][]byte) {
		if len(entries) == 0 {
			return
		}
		b := u32(nil, uint32(len(entries)))
		for _, e := range entries {
			b = append(b, e...)
		}
		out = append(u32(append(out, id), uint32(len(b))), b...)
	}
	add(1, m.types)
	add(2, m.imports)
	add(3, funcs)
	add(4, m.tables)
	add(5, m.memories)
	add(6, m.globals)
	add(7, m.exports)
	if m.start != nil {
		out = append(u32(append(out, 8), uint32(len(m.start))), m.start...)
	}
	add(9, m.elems)
	if m.counted {
		count := u32(nil, uint32(len(m.datas)))
		out = append(u32(append(out, 12), uint32(len(count))), count...)
	}
	add(10, m.code)
	add(11, m.datas)
	return out
}

func u32(b []byte, v uint32) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func s64(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}
