package adaptertest

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// How a hook is broken.
const (
	breaksByTrap   = "trap"   // it crashes
	breaksByTime   = "time"   // it loops for ever
	breaksByStack  = "stack"  // it calls itself for ever
	breaksByMemory = "memory" // it crashes for want of memory, if it gets none
)

// Sections of a module, by number.
const (
	importSection   = 2
	functionSection = 3
	memorySection   = 5
	tagSection      = 13 // stands before the globals
	globalSection   = 6
	exportSection   = 7
	codeSection     = 10
	typeSection     = 1
)

var errMalformed = errors.New("the module is malformed")

// section is a part of a module.
type section struct {
	id      byte
	content []byte
}

// broken returns code with its export made anew: every second call into an
// instance breaks, the others do what they did. The first is the self-test's,
// of hooks that have one.
func broken(code []byte, export, how string) (_ []byte, err error) {
	defer func() {
		if recover() != nil { // an index that leads nowhere
			err = errMalformed
		}
	}()
	sections := split(code)
	imported, globals := countImports(find(sections, importSection))
	n, functionTypes := vector(find(sections, functionSection))
	own, _ := vector(find(sections, globalSection))
	globals += own

	exports, target := redirect(find(sections, exportSection), export, imported+n)
	if target < imported {
		return nil, fmt.Errorf("%s is exported, and imported: there is nothing to break", export)
	}
	typeIndex := nth(functionTypes, target-imported)
	params := countParams(find(sections, typeSection), typeIndex)

	body := breaking(how, globals, params, target, imported+n)
	sections = replace(sections, functionSection, grown(find(sections, functionSection), binary.AppendUvarint(nil, uint64(typeIndex))))
	sections = replace(sections, globalSection, grown(find(sections, globalSection), []byte{0x7f, 1, 0x41, 0, 0x0b}))
	sections = replace(sections, exportSection, exports)
	sections = replace(sections, codeSection, grown(find(sections, codeSection), append(binary.AppendUvarint(nil, uint64(len(body))), body...)))
	return join(code[:8], sections), nil
}

// breaking is the body of the function that stands in for target: it counts
// its calls in the last global.
func breaking(how string, counter, params, target, itself uint32) []byte {
	global := func(op byte) []byte { return binary.AppendUvarint([]byte{op}, uint64(counter)) }
	get, set := global(0x23), global(0x24)
	call := func(f uint32) (b []byte) {
		for p := range params {
			b = binary.AppendUvarint(append(b, 0x20), uint64(p)) // local.get
		}
		return binary.AppendUvarint(append(b, 0x10), uint64(f))
	}
	add := func(b []byte, op byte) []byte { return append(append(append(b, get...), 0x41, 1, op), set...) }

	b := []byte{0}                                                 // no locals
	b = add(b, 0x6a)                                               // the counter + 1
	b = append(append(b, get...), 0x41, 1, 0x71, 0x45, 0x04, 0x40) // if it is even
	switch how {
	case breaksByTrap:
		b = append(b, 0x00)
	case breaksByTime:
		b = append(b, 0x03, 0x40, 0x0c, 0, 0x0b, 0x00)
	case breaksByMemory: // grown by 65,535 pages: -1
		b = append(b, 0x41, 0xff, 0xff, 0x03, 0x40, 0, 0x41, 0x7f, 0x46, 0x04, 0x40, 0x00, 0x0b)
	case breaksByStack:
		b = add(b, 0x6b) // even again for the next
		b = append(append(b, call(itself)...), 0x00)
	}
	b = append(b, 0x0b)
	return append(append(b, call(target)...), 0x0b)
}

func split(code []byte) (sections []section) {
	for rest := code[8:]; len(rest) > 0; {
		id := rest[0]
		size, k := binary.Uvarint(rest[1:])
		rest = rest[1+k:]
		sections = append(sections, section{id, rest[:size]})
		rest = rest[size:]
	}
	return sections
}

func join(preamble []byte, sections []section) []byte {
	out := append([]byte(nil), preamble...)
	for _, s := range sections {
		out = binary.AppendUvarint(append(out, s.id), uint64(len(s.content)))
		out = append(out, s.content...)
	}
	return out
}

// find returns the content of a section; of one that is not there, of an
// empty one.
func find(sections []section, id byte) []byte {
	for _, s := range sections {
		if s.id == id {
			return s.content
		}
	}
	return []byte{0}
}

// replace gives a section another content, and puts it where it belongs.
func replace(sections []section, id byte, content []byte) []section {
	at := 0
	for i, s := range sections {
		if s.id == id {
			sections[i].content = content
			return sections
		}
		if s.id != 0 && s.id != tagSection && s.id < id || s.id == tagSection && id > memorySection {
			at = i + 1
		}
	}
	return append(sections[:at:at], append([]section{{id, content}}, sections[at:]...)...)
}

// vector returns how many entries a section has, and them.
func vector(content []byte) (uint32, []byte) {
	n, k := binary.Uvarint(content)
	return uint32(n), content[k:]
}

func grown(content, entry []byte) []byte {
	n, rest := vector(content)
	return append(append(binary.AppendUvarint(nil, uint64(n)+1), rest...), entry...)
}

// number takes a number off b.
func number(b *[]byte) uint32 {
	n, k := binary.Uvarint(*b)
	*b = (*b)[k:]
	return uint32(n)
}

// take takes n bytes off b.
func take(b *[]byte, n uint32) []byte {
	taken := (*b)[:n]
	*b = (*b)[n:]
	return taken
}

func nth(b []byte, i uint32) uint32 {
	for range i {
		number(&b)
	}
	return number(&b)
}

func countImports(content []byte) (functions, globals uint32) {
	n, b := vector(content)
	for range n {
		take(&b, number(&b))
		take(&b, number(&b))
		switch kind := take(&b, 1)[0]; kind {
		case 0:
			number(&b)
			functions++
		case 1, 2:
			if kind == 1 {
				take(&b, 1)
			}
			bounded := number(&b)&1 != 0
			if number(&b); bounded {
				number(&b)
			}
		default:
			take(&b, 2)
			globals++
		}
	}
	return functions, globals
}

// redirect lets the export of that name be the function to, and returns which
// it was.
func redirect(content []byte, name string, to uint32) (out []byte, was uint32) {
	n, b := vector(content)
	out, found := binary.AppendUvarint(nil, uint64(n)), false
	for range n {
		entry := take(&b, number(&b))
		kind, i := take(&b, 1)[0], number(&b)
		if string(entry) == name && kind == 0 {
			was, i, found = i, to, true
		}
		out = append(binary.AppendUvarint(out, uint64(len(entry))), entry...)
		out = binary.AppendUvarint(append(out, kind), uint64(i))
	}
	if !found {
		panic(errMalformed)
	}
	return out, was
}

func countParams(content []byte, i uint32) uint32 {
	_, b := vector(content)
	for {
		take(&b, 1)
		params := number(&b)
		if i == 0 {
			return params
		}
		i--
		take(&b, params)
		take(&b, number(&b))
	}
}
