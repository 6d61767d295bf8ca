package abi

import "unsafe"

// Board is where host and guest leave for each other what otherwise takes a
// call: see the ABI. One that is not set up has room for nothing.
type Board struct {
	edits, method, target, room, head, _ uint32

	list [boardRoom]edit
	text [boardHead]byte
}

const (
	boardRoom = 32
	boardHead = 512
)

// edit is one, as the host reads it: a string is an address and a length of
// eight bytes each.
type edit struct {
	what        uint64
	name, value string
}

// SetUp returns the board's address, 0 if this toolchain's strings are others.
func (b *Board) SetUp() uint32 {
	if unsafe.Sizeof(edit{}) != BoardEdit || unsafe.Offsetof(b.list) != BoardList {
		return 0
	}
	b.room, b.head = boardRoom, boardHead
	return uint32(uintptr(unsafe.Pointer(b)))
}

// Note notes an edit, and reports whether there was room for it.
func (b *Board) Note(what uint32, name, value string) bool {
	at := b.edits
	if at >= b.room {
		return false
	}
	b.list[at%boardRoom] = edit{uint64(what), name, value}
	b.edits = at + 1
	return true
}

// Method returns the request's, if the host has noted it. It is valid until
// the hook returns.
func (b *Board) Method() []byte { return b.text[:b.method] }

// Target does for the target as Method.
func (b *Board) Target() []byte { return b.text[b.method:][:b.target] }

// Change forgets method and target, one of which is about to be changed.
func (b *Board) Change() { b.method, b.target = 0, 0 }
