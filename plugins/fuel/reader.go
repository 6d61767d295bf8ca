package fuel

import "fmt"

// malformed is the panic of a reader; Rewrite returns what is in it.
type malformed struct{ err error }

// reader reads the binary format (WebAssembly 2.0, section 5).
type reader struct {
	b  []byte
	at int
}

func (r *reader) fail(format string, args ...any) {
	panic(malformed{fmt.Errorf(format, args...)})
}

func (r *reader) done() bool { return r.at == len(r.b) }

// end refuses what stands behind the end.
func (r *reader) end() {
	if !r.done() {
		r.fail("%d bytes too many at the end of a section or function", len(r.b)-r.at)
	}
}

func (r *reader) byte() byte {
	if r.done() {
		r.fail("it ends too early")
	}
	r.at++
	return r.b[r.at-1]
}

// take returns the next n bytes.
func (r *reader) take(n uint32) []byte {
	if uint64(n) > uint64(len(r.b)-r.at) {
		r.fail("it ends too early")
	}
	r.at += int(n)
	return r.b[r.at-int(n) : r.at]
}

// leb reads a number of at most bits bits, signed or not.
func (r *reader) leb(bits int, signed bool) uint64 {
	var v uint64
	for shift := 0; ; shift += 7 {
		c := r.byte()
		v |= uint64(c&0x7f) << shift
		if left := bits - shift; left <= 7 && !fits(c, left, signed) {
			r.fail("a number is too large")
		}
		if c < 0x80 {
			return v
		}
	}
}

// fits reports whether c may be the last byte of a number of which left bits
// are left: what does not count must be zero, or, of a negative number, one.
func fits(c byte, left int, signed bool) bool {
	if c >= 0x80 {
		return false
	}
	if !signed {
		return c>>left == 0
	}
	rest := c >> (left - 1) // the sign, and what must be like it
	return rest == 0 || rest == 0x7f>>(left-1)
}

func (r *reader) u32() uint32 { return uint32(r.leb(32, false)) }

func (r *reader) name() string { return string(r.take(r.u32())) }

// Types.
const (
	i64Type   = 0x7e
	funcref   = 0x70
	externref = 0x6f
	empty     = 0x40
)

func isValueType(c byte) bool { return c >= 0x7b && c <= 0x7f || c == funcref || c == externref }

func (r *reader) valueType() {
	if c := r.byte(); !isValueType(c) {
		r.fail("%w: a value of type %#x", ErrUnsupported, c)
	}
}

// functionType reads a type whole: an engine may believe how long it says it
// is, and make room for that.
// It returns how many parameters there are.
func (r *reader) functionType() (params uint32) {
	const function = 0x60
	if form := r.byte(); form != function {
		r.fail("%w: a type of form %#x", ErrUnsupported, form)
	}
	params = r.u32()
	for range params {
		r.valueType()
	}
	for range r.u32() { // results
		r.valueType()
	}
	return params
}

func (r *reader) reference() {
	if c := r.byte(); c != funcref && c != externref {
		r.fail("%w: a reference of type %#x", ErrUnsupported, c)
	}
}

// limits reads the minimum and, if there is one, the maximum.
func (r *reader) limits() (least, most uint32, bounded bool) {
	flags := r.byte()
	if flags > 1 {
		r.fail("%w: shared or 64-bit memories and tables", ErrUnsupported)
	}
	least = r.u32()
	if flags == 1 {
		return least, r.u32(), true
	}
	return least, 0, false
}

// appendU32 appends v in LEB128.
func appendU32(b []byte, v uint32) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// appendS64 appends v in signed LEB128.
func appendS64(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

func appendName(b []byte, s string) []byte {
	return append(appendU32(b, uint32(len(s))), s...)
}
