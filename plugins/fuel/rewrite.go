package fuel

// rewrite writes the module anew, section by section.
func (w *rewriter) rewrite() {
	w.out = make([]byte, 0, len(w.b)+len(w.b)/4)
	w.out = append(w.out, w.b[:preambleSize]...)
	for _, id := range order {
		r, ok := w.section(id)
		switch id {
		case typeSection:
			n, forms := uint32(1), "\x60\x00\x01\x7e" // () -> i64
			if w.margin {
				n, forms = n+1, forms+"\x60\x01\x7f\x01\x7f" // (i32) -> i32
			}
			w.emit(id, w.grown(r, ok, n, []byte(forms)...))
		case importSection:
			refill := appendName(appendName(nil, ImportModule), ImportName)
			w.emit(id, w.grown(r, ok, 1, appendU32(append(refill, byte(Function)), w.types)...))
		case globalSection:
			w.emit(id, w.globalSection(r, ok))
		default:
			if ok {
				w.emit(id, w.converted(id, r))
			}
		}
	}
	if named := w.named(); named != nil {
		w.emit(customSection, named)
	}
}

func (w *rewriter) emit(id byte, content []byte) {
	w.out = appendU32(append(w.out, id), uint32(len(content)))
	w.out = append(w.out, content...)
}

// grown returns a section with n entries more at its end.
func (w *rewriter) grown(r *reader, ok bool, n uint32, more ...byte) []byte {
	var count uint32
	var entries []byte
	if ok {
		count = r.u32()
		entries = r.b[r.at:]
	}
	b := append(appendU32(nil, count+n), entries...)
	return append(b, more...)
}

// converted returns a section with the indices of functions as they are now.
func (w *rewriter) converted(id byte, r *reader) []byte {
	var b []byte
	switch id {
	case functionSection:
		if !w.margin {
			return r.b
		}
		return w.grown(r, true, w.added(), w.marginTypes()...)
	case tableSection:
		b = w.tables(r)
	case memorySection:
		if !w.margin {
			return r.b
		}
		b = w.memory(r)
	case exportSection:
		b = w.exports(r)
	case startSection:
		b = appendU32(nil, w.function(r.u32()))
	case elementSection:
		b = w.elements(r)
	case codeSection:
		b = w.code(r)
	case dataCountSection:
		b = appendU32(nil, r.u32())
	case dataSection:
		b = w.data(r)
	default:
		return r.b
	}
	r.end()
	return b
}

// tables lowers what tables may grow to.
func (w *rewriter) tables(r *reader) []byte {
	n := r.u32()
	b := appendU32(nil, n)
	for range n {
		kind := r.byte()
		if kind != funcref && kind != externref {
			r.fail("%w: a table of type %#x", ErrUnsupported, kind)
		}
		least, most, bounded := r.limits()
		if bound := w.o.Table; bound > 0 {
			if least > bound {
				r.fail("a table of %d elements is larger than %d", least, bound)
			}
			if !bounded || most > bound {
				most, bounded = bound, true
			}
		}
		b = append(b, kind)
		if bounded {
			b = appendU32(appendU32(append(b, 1), least), most)
		} else {
			b = appendU32(append(b, 0), least)
		}
	}
	return b
}

// globalSection appends fuel and length, which nothing else can name.
func (w *rewriter) globalSection(r *reader, ok bool) []byte {
	var n uint32
	if ok {
		n = r.u32()
	}
	b := appendU32(nil, n+2)
	for range n {
		start := r.at
		r.valueType()
		r.byte()
		b = w.constant(r, append(b, r.b[start:r.at]...))
	}
	r.end()
	b = append(appendS64(append(b, i64Type, 1, i64Const), w.o.First), 0x0b)
	return append(b, 0x7f, 1, 0x41, 0, 0x0b)
}

func (w *rewriter) exports(r *reader) []byte {
	n := r.u32()
	b := appendU32(nil, n)
	for range n {
		b = appendName(b, r.name())
		kind, i := Kind(r.byte()), r.u32()
		switch kind {
		case Function:
			i = w.function(i)
		case Global:
			w.global(i)
		case Table, Memory:
		default:
			r.fail("%w: an export of kind %d", ErrUnsupported, kind)
		}
		b = appendU32(append(b, byte(kind)), i)
	}
	return b
}

// elements converts the segments of all eight forms (5.5.12): bit 0 says
// passive or declarative, bit 1 that a table or the declaration is named, bit 2
// that the elements are expressions.
func (w *rewriter) elements(r *reader) []byte {
	n := r.u32()
	b := appendU32(nil, n)
	for range n {
		form := r.u32()
		if form > 7 {
			r.fail("%w: an element segment of form %d", ErrUnsupported, form)
		}
		b = appendU32(b, form)
		if form&1 == 0 {
			if form&2 != 0 {
				b = appendU32(b, r.u32())
			}
			b = w.constant(r, b)
		}
		if form&3 != 0 {
			b = append(b, r.byte()) // the kind, or the type
		}
		count := r.u32()
		b = appendU32(b, count)
		for range count {
			if form&4 != 0 {
				b = w.constant(r, b)
			} else {
				b = appendU32(b, w.function(r.u32()))
			}
		}
	}
	return b
}

func (w *rewriter) data(r *reader) []byte {
	n := r.u32()
	b := appendU32(make([]byte, 0, len(r.b)), n)
	for range n {
		form := r.u32()
		b = appendU32(b, form)
		switch form {
		case 0:
			b = w.constant(r, b)
		case 1:
		case 2:
			b = w.constant(r, appendU32(b, r.u32()))
		default:
			r.fail("%w: a data segment of form %d", ErrUnsupported, form)
		}
		content := r.take(r.u32())
		b = append(appendU32(b, uint32(len(content))), content...)
	}
	return b
}

// named returns the names of functions, under their new indices; nil if there
// are none that can be read.
func (w *rewriter) named() (b []byte) {
	if w.names == nil {
		return nil
	}
	defer func() {
		if fault := recover(); fault != nil {
			if _, ok := fault.(malformed); !ok {
				panic(fault)
			}
			b = nil // names are for people, and may be wrong
		}
	}()
	const functionNames = 1
	r := &reader{b: w.names}
	for !r.done() {
		id, content := r.byte(), reader{b: r.take(r.u32())}
		if id != functionNames {
			continue
		}
		n := content.u32()
		list := appendU32(nil, n)
		for range n {
			list = appendName(appendU32(list, w.place(content.u32())), content.name())
		}
		b = appendU32(append(appendName(nil, "name"), functionNames), uint32(len(list)))
		return append(b, list...)
	}
	return nil
}
