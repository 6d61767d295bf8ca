package fuel

// A module can be given a margin: a page of memory behind all that it has, which
// goes along when that grows. There the host leaves what a guest asks for most,
// and functions that stand for the host's note what it is to do: what only
// fetches or edits takes no call of the host. memory.size and memory.grow do not
// know of the margin. A guest that goes beyond its memory by less than a page
// finds it there, and does not trap: it may read what is its own and spoil it,
// and the host believes nothing that it finds.
//
// These are places in it, of numbers that are u32 and little-endian, and of
// texts.
const (
	Margin = 64 << 10 // its size in bytes

	MarginMethod = 0  // length of the request's method, 0: the host is to be asked
	MarginTarget = 4  // of the target
	MarginKinds  = 8  // bit n: edits of fields of kind n may be noted
	MarginUsed   = 12 // where the next edit goes; the first goes to MarginEdits
	MarginDirty  = 16 // bit n%32: a field whose name is n bytes long was edited

	MarginMethodAt = 32
	MarginTargetAt = 64
	MarginAnswers  = 4 << 10
	MarginEdits    = 8 << 10

	// An answer says what get_header_values returns for a kind and a name. There
	// are MarginAnswer bytes for each; after the last, before MarginEdits, comes
	// one whose name has no length.
	MarginAnswer = 512
	AnswerKind   = 0
	AnswerName   = 4 // length, at most AnswerNames
	AnswerCount  = 8
	AnswerLength = 12
	AnswerUsed   = 16 // 1: the guest has asked
	AnswerNameAt = 24
	AnswerNames  = 32
	AnswerAt     = 56

	// An edit is what it does (1 set, 2 add, 3 remove) plus 256 times the
	// kind, the length of the name and that of the value, then these.
	MarginEdit = 12
)

// What a function that stands for one of the host's costs in fuel: what the
// host would charge.
const (
	noteCost  = 256
	noteShift = 4 // and 1 for each 1<<noteShift bytes
)

// longNote is how long a name or a value is that is not noted, in bytes.
const longNote = 4096

// noted lists the functions that the margin answers.
var noted = []struct {
	name string
	form string // as it is encoded
	body func(w *rewriter, host uint32) []byte
}{
	{"get_method", "\x60\x02\x7f\x7f\x01\x7f", func(w *rewriter, host uint32) []byte { return w.fetch(host, MarginMethod, MarginMethodAt) }},
	{"get_uri", "\x60\x02\x7f\x7f\x01\x7f", func(w *rewriter, host uint32) []byte { return w.fetch(host, MarginTarget, MarginTargetAt) }},
	{"get_header_values", "\x60\x05\x7f\x7f\x7f\x7f\x7f\x01\x7e", (*rewriter).lookUp},
	{"set_header_value", "\x60\x05\x7f\x7f\x7f\x7f\x7f\x00", func(w *rewriter, host uint32) []byte { return w.note(host, 1, true) }},
	{"add_header_value", "\x60\x05\x7f\x7f\x7f\x7f\x7f\x00", func(w *rewriter, host uint32) []byte { return w.note(host, 2, true) }},
	{"remove_header", "\x60\x03\x7f\x7f\x7f\x00", func(w *rewriter, host uint32) []byte { return w.note(host, 3, false) }},
}

const notedModule = "http_handler"

// stub is a function of the guest's that stands for one of the host's.
type stub struct {
	host, form uint32 // the function, and its type
	body       func(w *rewriter, host uint32) []byte
}

// marginOf decides whether the module gets a margin, and for what.
func (w *rewriter) marginOf() {
	var function uint32
	for _, i := range w.imports {
		if i.Kind != Function {
			continue
		}
		for _, n := range noted {
			if t := w.importTypes[function]; i.Module == notedModule && i.Name == n.name && string(w.forms[t]) == n.form {
				w.stubs = append(w.stubs, stub{host: function, form: t, body: n.body})
			}
		}
		function++
	}
	if w.margin = w.stubs != nil && w.roomy(); !w.margin {
		w.stubs = nil
	}
}

// roomy reports whether the module has memory to put a margin behind, and
// functions of its own to put more to.
func (w *rewriter) roomy() bool {
	r, ok := w.section(memorySection)
	if !ok || r.u32() != 1 || w.sections[functionSection] == nil || w.sections[codeSection] == nil {
		return false
	}
	least, _, _ := r.limits()
	return least > 0 && least < maxPages // a stub takes it for granted that there is memory before the margin
}

const maxPages = 65536

// Indices of what a margin adds.
func (w *rewriter) grow() uint32      { return w.functions + 1 }
func (w *rewriter) stub(n int) uint32 { return w.functions + 2 + uint32(n) }
func (w *rewriter) growType() uint32  { return w.types + 1 }
func (w *rewriter) added() uint32     { return uint32(len(w.stubs)) + 1 }

// memory makes room for the margin.
func (w *rewriter) memory(r *reader) []byte {
	r.u32() // it is one
	least, most, bounded := r.limits()
	if !bounded {
		return appendU32([]byte{1, 0}, least+1)
	}
	if most < maxPages { // of more the engine says that it is too much
		most++
	}
	return appendU32(appendU32([]byte{1, 1}, least+1), most)
}

// marginTypes returns the types of the functions that are added.
func (w *rewriter) marginTypes() (b []byte) {
	b = appendU32(nil, w.growType())
	for _, s := range w.stubs {
		b = appendU32(b, s.form)
	}
	return b
}

// marginCode returns the bodies of the functions that are added.
func (w *rewriter) marginCode() (b []byte) {
	b = sized(b, w.growBody())
	for _, s := range w.stubs {
		b = sized(b, s.body(w, s.host))
	}
	return b
}

func sized(b, body []byte) []byte { return append(appendU32(b, uint32(len(body))), body...) }

// growBody is memory.grow for a guest with a margin: (n) -> pages there were,
// or -1. The margin goes along.
func (w *rewriter) growBody() []byte {
	const n, old = 0, 1
	var b body
	b.locals(1, i32Type)
	b.get(n).op(memoryGrow, 0).tee(old).i32(-1).op(i32Eq, ifOp, empty).i32(-1).op(returnOp, end)
	b.get(n).op(ifOp, empty)
	b.get(old).get(n).op(i32Add).i32(1).op(i32Sub).pages()
	b.get(old).i32(1).op(i32Sub).pages().i32(Margin).op(bulkPrefix, 10, 0, 0) // memory.copy
	b.get(old).i32(1).op(i32Sub).pages().i32(0).i32(Margin).op(bulkPrefix, 11, 0)
	b.op(end).get(old).i32(1).op(i32Sub, end)
	return b
}

// fetch is a function (room, limit) -> length that copies a text out of the
// margin, and asks the host if it is not there.
func (w *rewriter) fetch(host, length, at uint32) []byte {
	const room, limit, page, n, left = 0, 1, 2, 3, 4
	var b body
	b.locals(2, i32Type, 1, i64Type)
	b.op(block, empty)
	b.page().tee(page).load(length).tee(n).op(i32Eqz, brIf, 0)
	b.get(n).get(limit).op(i32LeU, ifOp, empty)
	b.get(room).get(page).get(n).op(i32Sub, i32GtU, brIf, 1)
	b.get(room).get(page).i32(int32(at)).op(i32Add).get(n).op(bulkPrefix, 10, 0, 0)
	b.op(end)
	b.charge(w, left, func() { b.get(n) })
	b.get(n).op(returnOp, end)
	b.pass(limit+1, host)
	return b
}

// note is a function (kind, name, its length, value, its length) that leaves
// an edit in the margin, and calls the host if it may not or there is not room.
// Without a value it lacks the last two.
func (w *rewriter) note(host, what uint32, valued bool) []byte {
	const kind, name, nameLen, value, valueLen = 0, 1, 2, 3, 4
	params := uint32(3)
	if valued {
		params = 5
	}
	page, used, left := params, params+1, params+2
	var b body
	b.locals(2, i32Type, 1, i64Type)
	lengths := func() {
		if b.get(nameLen); valued {
			b.get(valueLen).op(i32Add)
		}
	}
	b.op(block, empty)
	b.get(kind).i32(1).op(i32GtU, brIf, 0)
	b.page().tee(page).load(MarginKinds).get(kind).op(i32ShrU).i32(1).op(i32And, i32Eqz, brIf, 0)
	b.get(nameLen).i32(1).op(i32Sub).i32(longNote-1).op(i32GeU, brIf, 0)
	b.get(name).get(page).get(nameLen).op(i32Sub, i32GtU, brIf, 0)
	if valued {
		b.get(valueLen).i32(longNote).op(i32GeU, brIf, 0)
		b.get(value).get(page).get(valueLen).op(i32Sub, i32GtU, brIf, 0)
	}
	b.get(page).load(MarginUsed).tee(used).i32(MarginEdit).op(i32Add)
	lengths()
	b.op(i32Add).i32(Margin).op(i32GtU, brIf, 0)
	b.charge(w, left, lengths)
	b.get(page).get(used).op(i32Add).tee(used)
	b.get(kind).i32(8).op(i32Shl).i32(int32(what)).op(i32Or).store(0)
	b.get(used).get(nameLen).store(4)
	if valued {
		b.get(used).get(valueLen).store(8)
	} else {
		b.get(used).i32(0).store(8)
	}
	b.get(used).i32(MarginEdit).op(i32Add).tee(used).get(name).get(nameLen).op(bulkPrefix, 10, 0, 0)
	b.get(used).get(nameLen).op(i32Add)
	if valued {
		b.tee(used).get(value).get(valueLen).op(bulkPrefix, 10, 0, 0)
		b.get(used).get(valueLen).op(i32Add)
	}
	b.set(used).get(page).get(used).get(page).op(i32Sub).store(MarginUsed)
	b.get(page).get(page).load(MarginDirty).i32(1).get(nameLen).op(i32Shl, i32Or).store(MarginDirty)
	b.op(returnOp, end)
	b.pass(params, host)
	return b
}

// lookUp is a function (kind, name, its length, room, limit) -> count and length
// that copies the values of a field out of the margin, and asks the host if they
// are not there.
func (w *rewriter) lookUp(host uint32) []byte {
	const kind, name, nameLen, room, limit, page, at, n, word, left = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
	const toHost = 2 // from within the loop and the block for one answer
	var b body
	b.locals(3, i32Type, 2, i64Type)
	b.op(block, empty)
	b.get(nameLen).i32(1).op(i32Sub).i32(AnswerNames).op(i32GeU, brIf, 0)
	b.page().tee(page).load(MarginDirty).get(nameLen).op(i32ShrU).i32(1).op(i32And, brIf, 0)
	b.get(name).get(page).get(nameLen).op(i32Sub, i32GtU, brIf, 0)
	b.get(page).i32(MarginAnswers).op(i32Add).set(at)
	b.op(loop, empty, block, empty)
	b.get(at).load(AnswerName).tee(n).op(i32Eqz, brIf, toHost)
	b.get(n).get(nameLen).op(i32Ne, brIf, 0)
	b.get(at).load(AnswerKind).get(kind).op(i32Ne, brIf, 0)
	b.i32(0).set(n).op(loop, empty) // eight bytes of the names at a time, and no more than there are
	b.get(name).get(n).op(i32Add).load64(0).get(at).get(n).op(i32Add).load64(AnswerNameAt).op(i64Xor).set(word)
	b.get(nameLen).get(n).op(i32Sub).i32(8).op(i32LtU, ifOp, empty)
	b.get(word).get(n).get(nameLen).op(i32Sub).i32(3).op(i32Shl, i64ExtendU, i64Shl).set(word).op(end)
	b.get(word).op(i64Eqz, i32Eqz, brIf, 1)
	b.get(n).i32(8).op(i32Add).tee(n).get(nameLen).op(i32LtU, brIf, 0, end)
	b.get(at).load(AnswerLength).tee(n).i32(1).op(i32Sub).get(limit).op(i32LtU, ifOp, empty)
	b.get(room).get(page).get(n).op(i32Sub, i32GtU, brIf, toHost+1)
	b.get(room).get(at).i32(AnswerAt).op(i32Add).get(n).op(bulkPrefix, 10, 0, 0, end)
	b.charge(w, left, func() { b.get(nameLen).get(n).op(i32Add) })
	b.get(at).i32(1).store(AnswerUsed)
	b.get(at).load(AnswerCount).op(i64ExtendU, i64Const, 32, i64Shl).get(n).op(i64ExtendU, i64Or, returnOp, end)
	b.get(at).i32(MarginAnswer).op(i32Add).tee(at).get(page).i32(MarginEdits).op(i32Add, i32LtU, brIf, 0)
	b.op(end, end)
	b.pass(limit+1, host)
	return b
}
