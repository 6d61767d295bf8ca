package fuel

// blockType reads the type of a block: none, one value, or one of the types.
func (w *rewriter) blockType(r *reader) {
	if r.done() {
		r.fail("it ends too early")
	}
	if c := r.b[r.at]; c == empty || isValueType(c) {
		r.at++
		return
	}
	t := int64(r.leb(33, true)<<31) >> 31
	if t < 0 {
		r.fail("%w: a block of type %d", ErrUnsupported, t)
	}
	w.typeIndex(uint32(t))
}

// immediates reads what follows an instruction that is copied as it is.
func (w *rewriter) immediates(r *reader, op byte) {
	switch {
	case op <= 0x01, op == 0x05, op == 0x0f, op == 0x1a, op == 0x1b, op >= 0x45 && op <= 0xc4, op == 0xd1:
	case op == 0x0c, op == 0x0d, op == 0x25, op == 0x26: // branches, tables
		r.u32()
	case op == globalGet, op == globalSet:
		w.global(r.u32())
	case op == 0x1c: // select with types
		for range r.u32() {
			r.valueType()
		}
	case op >= 0x28 && op <= 0x3e:
		r.memoryArgument()
	case op == 0x41:
		r.leb(32, true)
	case op == i64Const:
		r.leb(64, true)
	case op == 0x43:
		r.take(4)
	case op == 0x44:
		r.take(8)
	case op == 0xd0:
		r.reference()
	case op == simdPrefix:
		r.simd()
	default:
		r.fail("%w: instruction %#x", ErrUnsupported, op)
	}
}

// targets reads those of a br_table, and returns how many there are.
func (w *rewriter) targets(r *reader) int {
	n := r.u32()
	for range n {
		r.u32()
	}
	r.u32()
	return int(n) + 1
}

// memoryArgument reads an alignment and an offset.
func (r *reader) memoryArgument() {
	if r.u32() >= 32 {
		r.fail("%w: an alignment that is none", ErrUnsupported)
	}
	r.u32()
}

// simd reads what follows the prefix of vector instructions.
func (r *reader) simd() {
	switch op := r.u32(); {
	case op <= 11, op == 92, op == 93:
		r.memoryArgument()
	case op == 12, op == 13:
		r.take(16)
	case op >= 21 && op <= 34:
		r.byte()
	case op >= 84 && op <= 91:
		r.memoryArgument()
		r.byte()
	case op > 255:
		r.fail("%w: vector instruction %d", ErrUnsupported, op)
	}
}

// constant appends a constant expression, with the indices of functions as
// they are now.
func (w *rewriter) constant(r *reader, b []byte) []byte {
	for {
		start := r.at
		switch op := r.byte(); op {
		case end:
			return append(b, end)
		case refFunc:
			b = appendU32(append(b, refFunc), w.function(r.u32()))
			continue
		case 0x41, i64Const, 0x43, 0x44, 0xd0, globalGet, simdPrefix, 0x6a, 0x6b, 0x6c, i64Add, i64Sub, 0x7e:
			w.immediates(r, op)
		default:
			r.fail("instruction %#x in a constant", op)
		}
		b = append(b, r.b[start:r.at]...)
	}
}
