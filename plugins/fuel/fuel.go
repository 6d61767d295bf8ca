// Package fuel makes a WebAssembly module stoppable, by rewriting it before it
// is compiled. The rewritten module counts down a number of its own, about one
// per instruction, at each loop, at the entry of each function that calls
// others outside of a loop or is long, and before each bulk operation, whose
// length is charged; when the number runs out it calls the imported function
// refill, where the host may end the guest with a panic. Between two
// calls of refill lies a bounded amount of work, so that a guest that loops
// holds up neither its caller for longer than its budget nor the garbage
// collector, and no goroutine has to watch it.
//
// Where it is wanted, calls of some of the host's functions are answered by the
// module itself: see Margin.
//
// It does what it is given byte for byte otherwise: a rewritten module behaves
// as the original does. It does not validate, but what it adds cannot be
// reached by what it was given: an index that was out of range is refused, as
// it might be in range afterwards.
//
// It knows WebAssembly 2.0 and tail calls, and refuses anything else: threads,
// exceptions, more than one memory, 64-bit memories, garbage collection.
package fuel

import (
	"bytes"
	"errors"
	"fmt"
)

// The import that is added to a module: refill() -> i64 returns how much fuel
// there is from now on.
const (
	ImportModule = "modgate_fuel"
	ImportName   = "refill"
)

// Options say how a module is rewritten. A zero bound does not bound.
type Options struct {
	First     int64  // fuel that the module may use before it asks for more
	Functions int    // that it may define
	Table     uint32 // elements of a table: a larger maximum, or none, is lowered to it; a larger minimum is refused
	Margin    bool   // it gets one, if it imports a function that is answered there
}

// Errors that callers ask for. Any other means that the module is malformed or
// beyond the bounds.
var (
	// ErrComponent is returned for a component (WASI preview 2).
	ErrComponent = errors.New("it is a component: build it for wasip1 (WASI preview 1), as a core module")
	// ErrNotWasm is returned for what does not begin as WebAssembly does.
	ErrNotWasm = errors.New("it is not a WebAssembly module")
	// ErrUnsupported is returned for a module that needs an extension which
	// is not there. What it is says the error around it.
	ErrUnsupported = errors.New("not supported")
)

// Import is something that a module wants from its host.
type Import struct {
	Module, Name string
	Kind         Kind
}

// Kind is what an import is.
type Kind byte

// The kinds of imports.
const (
	Function Kind = iota
	Table
	Memory
	Global
)

var kindNames = [...]string{"function", "table", "memory", "global"}

func (k Kind) String() string { return kindNames[k] }

// Rewritten is a module that can be stopped.
type Rewritten struct {
	Code    []byte   // the module
	Imports []Import // of the original
	Charges int      // places that charge
	Margin  bool     // it has one, see Margin
}

// Rewrite rewrites module, which it leaves alone.
func Rewrite(module []byte, o Options) (_ *Rewritten, err error) {
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case malformed:
			err = fault.err
		default:
			panic(fault)
		}
	}()
	if err := preamble(module); err != nil {
		return nil, err
	}
	w := &rewriter{o: o, reader: reader{b: module, at: preambleSize}}
	w.survey()
	w.rewrite()
	return &Rewritten{Code: w.out, Imports: w.imports, Charges: w.charges, Margin: w.margin}, nil
}

const preambleSize = 8

func preamble(module []byte) error {
	switch {
	case len(module) < preambleSize || !bytes.HasPrefix(module, []byte("\x00asm")):
		return ErrNotWasm
	case string(module[4:8]) == "\x01\x00\x00\x00":
		return nil
	case module[6] == 1:
		return ErrComponent
	default:
		return fmt.Errorf("%w: version %d of WebAssembly", ErrUnsupported, module[4])
	}
}

// rewriter is one module on its way.
type rewriter struct {
	o      Options
	reader // of the whole module

	sections [lastSection + 1][]byte // contents, by id; nil: not there
	names    []byte                  // of the custom section "name", or nil
	imports  []Import

	types     uint32
	forms     [][]byte // each type, as it is encoded
	params    []uint32 // of each type
	defined   []uint32 // type of each function that is
	imported  uint32   // functions
	functions uint32   // that are imported and defined
	globals   uint32   // likewise; then follow fuel, and the length of a bulk operation

	importTypes []uint32 // of each import that is a function
	margin      bool
	stubs       []stub

	out     []byte
	charges int
}

// Ids of sections.
const (
	customSection = iota
	typeSection
	importSection
	functionSection
	tableSection
	memorySection
	globalSection
	exportSection
	startSection
	elementSection
	codeSection
	dataSection
	dataCountSection
	lastSection = dataCountSection
)

// order lists the sections as they must follow each other.
var order = [...]byte{
	typeSection, importSection, functionSection, tableSection, memorySection, globalSection, exportSection,
	startSection, elementSection, dataCountSection, codeSection, dataSection,
}

// survey finds the sections and counts what is in them.
func (w *rewriter) survey() {
	rank := [lastSection + 1]int{}
	for i, id := range order {
		rank[id] = i + 1
	}
	for last := 0; !w.done(); {
		id, content := w.byte(), w.take(w.u32())
		switch {
		case id == customSection:
			w.custom(content)
		case id > lastSection:
			w.fail("%w: a section of kind %d", ErrUnsupported, id)
		case rank[id] <= last:
			w.fail("section %d stands in the wrong place, or twice", id)
		default:
			last = rank[id]
			w.sections[id] = content[:len(content):len(content)]
		}
	}
	w.count()
}

// custom keeps the names, for the texts of traps. Other custom sections are
// for tools.
func (w *rewriter) custom(content []byte) {
	r := reader{b: content}
	if r.name() == "name" && w.names == nil {
		w.names = r.b[r.at:]
	}
}

func (w *rewriter) count() {
	if r, ok := w.section(typeSection); ok {
		w.types = r.u32()
		for range w.types {
			start := r.at
			w.params = append(w.params, r.functionType())
			w.forms = append(w.forms, r.b[start:r.at])
		}
		r.end()
	}
	if r, ok := w.section(importSection); ok {
		for range r.u32() {
			w.imports = append(w.imports, w.importOf(r))
		}
		r.end()
	}
	w.functions = w.imported
	if r, ok := w.section(functionSection); ok {
		n := r.u32()
		if w.o.Functions > 0 && n > uint32(w.o.Functions) {
			w.fail("it defines %d functions, more than %d", n, w.o.Functions)
		}
		w.functions += n
		for range n {
			t := r.u32()
			w.typeIndex(t)
			w.defined = append(w.defined, t)
		}
		r.end()
	}
	if r, ok := w.section(memorySection); ok && r.u32() > 1 {
		w.fail("%w: more than one memory", ErrUnsupported)
	}
	if r, ok := w.section(globalSection); ok {
		w.globals += r.u32()
	}
	if w.o.Margin {
		w.marginOf()
	}
}

// section returns a reader of a section, if it is there.
func (w *rewriter) section(id byte) (*reader, bool) {
	return &reader{b: w.sections[id]}, w.sections[id] != nil
}

func (w *rewriter) importOf(r *reader) Import {
	i := Import{Module: r.name(), Name: r.name(), Kind: Kind(r.byte())}
	switch i.Kind {
	case Function:
		t := r.u32()
		w.typeIndex(t)
		w.importTypes = append(w.importTypes, t)
		w.imported++
	case Table:
		r.reference()
		r.limits()
	case Memory:
		r.limits()
	case Global:
		r.valueType()
		r.byte()
		w.globals++
	default:
		w.fail("%w: an import of kind %d", ErrUnsupported, i.Kind)
	}
	return i
}

// Indices of what is added.
func (w *rewriter) fuel() uint32   { return w.globals }
func (w *rewriter) length() uint32 { return w.globals + 1 }
func (w *rewriter) refill() uint32 { return w.imported }

// function returns the index of what is to be called for a function.
func (w *rewriter) function(i uint32) uint32 {
	for n, s := range w.stubs {
		if s.host == i {
			return w.stub(n)
		}
	}
	return w.place(i)
}

// place returns the new index of a function: refill comes after those that
// were imported.
func (w *rewriter) place(i uint32) uint32 {
	if i >= w.functions {
		w.fail("there is no function %d", i)
	}
	if i >= w.imported {
		return i + 1
	}
	return i
}

func (w *rewriter) typeIndex(i uint32) {
	if i >= w.types {
		w.fail("there is no type %d", i)
	}
}

func (w *rewriter) global(i uint32) {
	if i >= w.globals {
		w.fail("there is no global %d", i)
	}
}
