package adapter

import "unsafe"

// texts makes strings of what the host writes. They are cut from pieces of
// memory of which each is filled once: a string stays as it is for as long as
// anybody has it, and most cost no allocation.
type texts struct{ free []byte }

const (
	piece = 4 << 10 // bytes
	least = 128     // room that is offered to the host at first
	whole = 1 << 10 // a text from here on gets a piece of its own
)

func (t *texts) room() []byte {
	if len(t.free) < least {
		t.free = make([]byte, piece)
	}
	return t.free
}

// read returns the text that get writes into a buffer, or whose length it
// returns if there is not room enough.
func (t *texts) read(get func(buf []byte) uint32) string {
	buf := t.room()
	n := int(get(buf))
	if n <= len(buf) {
		return t.cut(n)
	}
	t.more(n)
	get(t.free)
	return t.cut(n)
}

// copy returns a text of what p has.
func (t *texts) copy(p []byte) string {
	if len(t.room()) < len(p) {
		t.more(len(p))
	}
	return t.cut(copy(t.free, p))
}

// more makes room for n bytes.
func (t *texts) more(n int) { t.free = make([]byte, max(n, piece)) }

// cut takes the first n bytes, which the host has written.
func (t *texts) cut(n int) string {
	if n == 0 {
		return ""
	}
	s := unsafe.String(&t.free[0], n)
	t.free = t.free[n:]
	return s
}
