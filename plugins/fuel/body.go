package fuel

// body is a function that is written anew, instruction by instruction.
type body []byte

// Instructions that only what is written anew has.
const (
	i32Type  = 0x7f
	block    = 0x02
	brIf     = 0x0d
	returnOp = 0x0f
	i32Load  = 0x28
	i32Store = 0x36
	memSize  = 0x3f
	i32Const = 0x41
	i64Load  = 0x29
	i32Eqz   = 0x45
	i32Ne    = 0x47
	i32LtU   = 0x49
	i32Eq    = 0x46
	i32GtU   = 0x4b
	i32LeU   = 0x4d
	i32GeU   = 0x4f
	i32Add   = 0x6a
	i32Sub   = 0x6b
	i32And   = 0x71
	i32Or    = 0x72
	i32Shl   = 0x74
	i32ShrU  = 0x76
	i64Eqz   = 0x50
	i64Or    = 0x84
	i64Xor   = 0x85
	i64Shl   = 0x86
)

// locals declares so many locals of a type, and so on.
func (b *body) locals(groups ...byte) { *b = append(append(*b, byte(len(groups)/2)), groups...) }

func (b *body) op(ops ...byte) *body { *b = append(*b, ops...); return b }

func (b *body) u32(op byte, v uint32) *body { *b = appendU32(append(*b, op), v); return b }

func (b *body) get(i uint32) *body { return b.u32(localGet, i) }
func (b *body) set(i uint32) *body { return b.u32(localSet, i) }
func (b *body) tee(i uint32) *body { return b.u32(localTee, i) }

func (b *body) call(f uint32) *body { return b.u32(call, f) }

func (b *body) i32(v int32) *body { *b = appendS64(append(*b, i32Const), int64(v)); return b }

func (b *body) load(offset uint32) *body   { return b.op(i32Load, 0).offset(offset) }
func (b *body) load64(offset uint32) *body { return b.op(i64Load, 0).offset(offset) }
func (b *body) store(offset uint32) *body  { return b.op(i32Store, 0).offset(offset) }

func (b *body) offset(v uint32) *body { *b = appendU32(*b, v); return b }

// pages makes bytes of a number of pages.
func (b *body) pages() *body { return b.i32(16).op(i32Shl) }

// pass ends the function with a call to another with the same parameters.
func (b *body) pass(params, f uint32) {
	for i := range params {
		b.get(i)
	}
	b.call(f).op(end)
}

// page is where the margin begins.
func (b *body) page() *body { return b.op(memSize, 0).i32(1).op(i32Sub).pages() }

// charge takes what a note of so many bytes costs, with a local for what is
// left.
func (b *body) charge(w *rewriter, left uint32, bytes func()) {
	w.charges++
	b.u32(globalGet, w.fuel())
	bytes()
	b.i32(noteShift).op(i32ShrU).i32(noteCost).op(i32Add, i64ExtendU, i64Sub)
	b.tee(left).u32(globalSet, w.fuel()).get(left).op(i64Const, 0, i64LtS, ifOp, empty)
	b.call(w.refill()).u32(globalSet, w.fuel()).op(end)
}
