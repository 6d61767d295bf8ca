package adapter

import "slices"

// Body is a request's or an answer's. It is read when it is asked for, and what
// is set or written goes to the gateway when the hook returns. OnResponse needs
// the feature BufferResponse for it. It is an io.Writer.
type Body struct {
	g    *Guest
	kind uint32
	in   []byte // what was read
	out  []byte // what takes its place
	read bool   // in is
	set  bool   // out does
}

// Bytes returns the body: what was set, else what there is. A body that is
// longer than plugin.body ends the hook, and the request is answered 413. The
// bytes are valid until the hook returns.
func (b *Body) Bytes() []byte {
	if b.set {
		return b.out
	}
	b.g.left = true
	for !b.read {
		b.in = slices.Grow(b.in, max(least, len(b.in)))
		room := b.in[len(b.in):cap(b.in)]
		r := b.g.host.ReadBody(b.kind, room)
		b.in = b.in[:len(b.in)+int(uint32(r))]
		b.read = r>>32 == 1
	}
	return b.in
}

// String returns a copy of the body.
func (b *Body) String() string { return string(b.Bytes()) }

// Set replaces the body.
func (b *Body) Set(p []byte) {
	b.touch()
	b.out = append(b.out[:0], p...)
}

// SetString replaces the body.
func (b *Body) SetString(s string) {
	b.touch()
	b.out = append(b.out[:0], s...)
}

// Write appends to what was set; what there was before is replaced. It never
// fails.
func (b *Body) Write(p []byte) (int, error) {
	b.touch()
	b.out = append(b.out, p...)
	return len(p), nil
}

// WriteString does as Write.
func (b *Body) WriteString(s string) (int, error) {
	b.touch()
	b.out = append(b.out, s...)
	return len(s), nil
}

// touch notes that out takes the body's place.
func (b *Body) touch() { b.set, b.g.left = true, true }

// spare is how much memory a body leaves for the next, in bytes.
const spare = 64 << 10

func (b *Body) reset() {
	b.in, b.out, b.read, b.set = emptied(b.in), emptied(b.out), false, false
}

func emptied(p []byte) []byte {
	if cap(p) > spare {
		return nil
	}
	return p[:0]
}

func (b *Body) flush() {
	if b.set {
		b.g.host.WriteBody(b.kind, b.out)
	}
}
