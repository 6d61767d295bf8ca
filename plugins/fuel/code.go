package fuel

// shortLeaf is how many instructions a function without calls may have that
// its caller alone pays for.
const shortLeaf = 64

// Costs in fuel, beyond 1 for each instruction.
const (
	growCost  = 1024 // of memory.grow, which may move the memory
	bulkCost  = 16   // of a bulk operation, whatever its length
	bytesFuel = 5    // and 1 for each 1<<bytesFuel bytes; for each element of a table
)

// code rewrites all functions.
func (w *rewriter) code(r *reader) []byte {
	n := r.u32()
	if n != w.functions-w.imported {
		r.fail("it has %d functions and code for %d", w.functions-w.imported, n)
	}
	all := n
	if w.margin {
		all += w.added()
	}
	b := appendU32(make([]byte, 0, len(r.b)+len(r.b)/3), all)
	f := function{w: w}
	for i := range n {
		body := reader{b: r.take(r.u32())}
		b = f.rewrite(&body, w.params[w.defined[i]], b)
	}
	if w.margin {
		b = append(b, w.marginCode()...)
	}
	return b
}

// function is one that is being rewritten.
type function struct {
	w *rewriter
	*reader
	from    int      // what is not copied yet
	out     []byte   // instructions
	regions []region // open; the first is the function itself
	blocks  []bool   // open; true: a loop
	calls   bool     // outside of any loop
	locals  uint64   // and parameters
	spare   bool     // one local more holds what fuel is left
}

// region is a loop, or what of a function lies in none: who enters it pays for
// every instruction in it that is in no inner one; of a loop that begins with a
// choice between parts, for as many as a part has on average.
type region struct {
	cost  int
	at    int // of its cost in function.out; 0: not there yet
	parts int // of a loop that begins with a choice between them; 0: it does not
}

// A loop that begins with a choice between parts is how compilers write a
// function of which they know only where it jumps, Go's all that jump or call.
// A turn goes from its part to the next jump. If it goes through all, it has
// paid for one in maxParts at least: so much longer than its budget a guest may
// take.
const (
	dispatch = 3 // instructions, beside a block for each part, that choose
	maxParts = 32
)

// maxLocals is how many locals and parameters a function may have to be given
// one more: an engine refuses too many.
const maxLocals = 10_000

// rewrite appends the function whose body r has, of so many parameters.
func (f *function) rewrite(r *reader, params uint32, b []byte) []byte {
	f.locals = uint64(params)
	groups := r.u32()
	declared := r.at
	for range groups {
		f.locals += uint64(r.u32())
		r.valueType()
	}
	f.reader, f.from, f.out, f.calls, f.spare = r, r.at, f.out[:0], false, f.locals < maxLocals
	f.regions, f.blocks = append(f.regions[:0], region{}), f.blocks[:0]
	head := r.b[declared:r.at]
	before := f.w.charges
	for f.instruction() {
	}
	f.flush()
	r.end()

	var entry []byte
	if whole := f.regions[0]; f.calls || whole.cost > shortLeaf {
		entry, whole.at = f.charge(nil)
		setCost(entry, whole)
	}
	var group []byte
	if f.spare && f.w.charges > before {
		groups, group = groups+1, []byte{1, i64Type}
	}
	count := appendU32(nil, groups)
	b = appendU32(b, uint32(len(count)+len(head)+len(group)+len(entry)+len(f.out)))
	b = append(append(append(b, count...), head...), group...)
	return append(append(b, entry...), f.out...)
}

// charge appends instructions that take a cost, which is to be set at the
// returned place, and call refill if nothing is left.
func (f *function) charge(b []byte) (_ []byte, at int) {
	f.w.charges++
	b = append(appendU32(append(b, globalGet), f.w.fuel()), i64Const)
	at = len(b)
	b = append(b, 0x80, 0x80, 0x80, 0x00, i64Sub)
	return f.settle(b), at
}

// settle appends instructions that make what is on the stack the fuel, and
// call refill if it is below zero. It is read from a local, as a global that
// was just written is slow to read.
func (f *function) settle(b []byte) []byte {
	if f.spare {
		b = appendU32(append(b, localTee), uint32(f.locals))
	}
	b = appendU32(append(b, globalSet), f.w.fuel())
	if f.spare {
		b = appendU32(append(b, localGet), uint32(f.locals))
	} else {
		b = appendU32(append(b, globalGet), f.w.fuel())
	}
	b = appendU32(append(b, i64Const, 0, i64LtS, ifOp, empty, call), f.w.refill())
	b = appendU32(append(b, globalSet), f.w.fuel())
	return append(b, end)
}

// setCost writes the cost of a region into the four bytes kept for it. It
// cannot be larger: a module has fewer bytes.
func setCost(b []byte, g region) {
	c := min(max(g.cost/max(1, min(g.parts, maxParts)), 1), 1<<26)
	for i := range 4 {
		b[g.at+i] = byte(c>>(7*i))&0x7f | 0x80
	}
	b[g.at+3] &^= 0x80
}

// chargeBulk appends instructions that charge for the bulk operation that
// follows, by its length, which is on the stack and stays there.
func (f *function) chargeBulk(b []byte, shift byte) []byte {
	w := f.w
	w.charges++
	b = appendU32(append(b, globalSet), w.length())
	b = appendU32(append(b, globalGet), w.fuel())
	b = appendU32(append(b, globalGet), w.length())
	b = append(b, i64ExtendU, i64Const, shift, i64ShrU, i64Const, bulkCost, i64Add, i64Sub)
	b = f.settle(b)
	return appendU32(append(b, globalGet), w.length())
}

// flush copies what was read and is unchanged.
func (f *function) flush() {
	f.out = append(f.out, f.b[f.from:f.at]...)
	f.from = f.at
}

// before lets add append instructions in front of the one that began at start.
func (f *function) before(start int, add func([]byte) []byte) {
	f.out = append(f.out, f.b[f.from:start]...)
	f.from = start
	f.out = add(f.out)
}

// Instructions by name, where they are written or changed.
const (
	loop         = 0x03
	ifOp         = 0x04
	end          = 0x0b
	brTable      = 0x0e
	call         = 0x10
	callIndirect = 0x11
	returnCall   = 0x12
	returnCallIn = 0x13
	localGet     = 0x20
	localSet     = 0x21
	localTee     = 0x22
	globalGet    = 0x23
	globalSet    = 0x24
	memoryGrow   = 0x40
	i64Const     = 0x42
	i64LtS       = 0x53
	i64Add       = 0x7c
	i64Sub       = 0x7d
	i64ShrU      = 0x88
	i64ExtendU   = 0xad
	refFunc      = 0xd2
	bulkPrefix   = 0xfc
	simdPrefix   = 0xfd
)

// instruction copies the next one, rewritten. It returns false after the end
// of the function.
func (f *function) instruction() bool {
	start := f.at
	op := f.byte()
	here := &f.regions[len(f.regions)-1]
	here.cost++
	switch op {
	case brTable:
		n := f.w.targets(f.reader)
		if here.at > 0 && here.cost <= n+dispatch {
			here.parts = n
		}
	case 0x02, ifOp, loop:
		f.enter(op == loop)
	case end:
		if len(f.blocks) == 0 {
			return false
		}
		f.leave()
	case call, returnCall:
		f.called()
		f.convert(start)
	case refFunc:
		f.convert(start)
	case callIndirect, returnCallIn:
		f.called()
		f.w.typeIndex(f.u32())
		f.u32()
	case memoryGrow:
		f.memory()
		f.before(start, func(b []byte) []byte {
			b, at := f.charge(b)
			setCost(b, region{cost: growCost, at: at})
			return b
		})
		if f.w.margin {
			f.out, f.from = appendU32(append(f.out, call), f.w.grow()), f.at
		}
	case memSize:
		f.memory()
		if f.w.margin {
			f.flush()
			f.out = append(f.out, i32Const, 1, i32Sub)
		}
	case localGet, localSet, localTee:
		if i := f.u32(); uint64(i) >= f.locals {
			f.fail("there is no local %d", i)
		}
	case bulkPrefix:
		f.bulk(start)
	default:
		f.w.immediates(f.reader, op)
	}
	return true
}

// memory reads which one an instruction is about.
func (f *function) memory() {
	if f.byte() != 0 {
		f.fail("%w: more than one memory", ErrUnsupported)
	}
}

// convert writes a function's index anew.
func (f *function) convert(start int) {
	f.at = start
	f.flush()
	op := f.byte()
	f.out = appendU32(append(f.out, op), f.w.function(f.u32()))
	f.from = f.at
}

// called notes a call. One in a loop needs no charge at the function's entry:
// whoever comes to it has paid for the loop.
func (f *function) called() { f.calls = f.calls || len(f.regions) == 1 }

// enter begins a block.
func (f *function) enter(isLoop bool) {
	f.w.blockType(f.reader)
	f.blocks = append(f.blocks, isLoop)
	if isLoop {
		f.flush()
		var at int
		f.out, at = f.charge(f.out)
		f.regions = append(f.regions, region{at: at})
	}
}

// leave ends a block.
func (f *function) leave() {
	last := len(f.blocks) - 1
	if f.blocks[last] {
		inner := len(f.regions) - 1
		setCost(f.out, f.regions[inner])
		f.regions = f.regions[:inner]
	}
	f.blocks = f.blocks[:last]
}

// bulk copies an instruction of the prefix 0xfc, and charges for those that
// take a length. It is on top of the stack, of all of them.
func (f *function) bulk(start int) {
	const (
		memoryInit = 8 + iota
		dataDrop
		memoryCopy
		memoryFill
		tableInit
		elemDrop
		tableCopy
		tableGrow
		tableSize
		tableFill
	)
	op := f.u32()
	switch op {
	case 0, 1, 2, 3, 4, 5, 6, 7: // saturating truncations
		return
	case memoryInit, memoryCopy, tableInit, tableCopy:
		f.u32()
		f.u32()
	case dataDrop, memoryFill, elemDrop, tableGrow, tableSize, tableFill:
		f.u32()
	default:
		f.fail("%w: instruction 0xfc %d", ErrUnsupported, op)
	}
	switch op {
	case memoryInit, memoryCopy, memoryFill:
		f.before(start, func(b []byte) []byte { return f.chargeBulk(b, bytesFuel) })
	case tableInit, tableCopy, tableGrow, tableFill:
		f.before(start, func(b []byte) []byte { return f.chargeBulk(b, 0) })
	default:
	}
}
