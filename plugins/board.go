package plugins

import (
	"encoding/binary"
	"fmt"

	"github.com/modgate/modgate/core/adapter"
)

// A guest may set up a board in its memory, on which it and the host leave for
// each other what otherwise takes a call: before a hook the host notes the
// request's method and target there, and the guest notes its edits of fields,
// which the host makes before it does anything else to the exchange, and when
// the hook returns. All numbers are little-endian.
const (
	boardEdits  = 0  // u32: how many edits are noted; the host sets it to 0 when they are made
	boardMethod = 4  // u32: length of the method; with the target's 0 if there is none, or no room
	boardTarget = 8  // u32: of the target
	boardRoom   = 12 // u32: for how many edits there is room
	boardHead   = 16 // u32: for how many bytes of method and target
	boardList   = 24 // the edits; after the last of them follow method and target
	boardEdit   = 40 // u64 each: what it does and 256 times the kind, the name's address and length, the value's
)

// maxHead bounds what of a board is written to before each hook, in bytes.
const maxHead = 64 << 10

// board is where a guest has set one up; size 0: nowhere.
type board struct {
	at, size uint32
	room     uint32 // for edits
	head     uint32 // from at
}

// setUp finds the board at an address that the guest gave.
func (b *board) setUp(c *call, at uint32) error {
	if at == 0 {
		return nil
	}
	start, ok := c.memory.Read(at, boardList)
	if !ok {
		return fmt.Errorf("its board lies outside of its memory")
	}
	room, head := binary.LittleEndian.Uint32(start[boardRoom:]), binary.LittleEndian.Uint32(start[boardHead:])
	if room > maxEdits || head > maxHead {
		return fmt.Errorf("its board has room for %d edits and a head of %d bytes: at most %d and %d are expected", room, head, maxEdits, maxHead)
	}
	*b = board{at: at, size: boardList + boardEdit*room + head, room: room, head: boardList + boardEdit*room}
	if _, ok := c.memory.Read(at, b.size); !ok {
		return fmt.Errorf("its board lies outside of its memory")
	}
	return nil
}

// note begins a board: with no edits, and with the head of the request.
func (b *board) note(c *call) {
	on := c.view(uint64(b.at), uint64(b.size))
	method, target := c.x.Method(), c.x.Target()
	if len(target) == 0 {
		target = root
	}
	if len(method)+len(target) > len(on)-int(b.head) {
		method, target = nil, nil
	}
	binary.LittleEndian.PutUint32(on[boardEdits:], 0)
	binary.LittleEndian.PutUint32(on[boardMethod:], uint32(len(method)))
	binary.LittleEndian.PutUint32(on[boardTarget:], uint32(len(target)))
	copy(on[b.head:], method)
	copy(on[int(b.head)+len(method):], target)
}

// apply makes the edits that are noted, in their order.
func (b *board) apply(c *call) {
	on := c.view(uint64(b.at), uint64(b.head))
	n := binary.LittleEndian.Uint32(on[boardEdits:])
	if n == 0 {
		return
	}
	if n > b.room {
		panic(misuse(fmt.Sprintf("it notes %d edits where there is room for %d", n, b.room)))
	}
	binary.LittleEndian.PutUint32(on[boardEdits:], 0)
	all, _ := c.memory.Read(0, c.memory.Size())
	for on = on[boardList:]; n > 0; n-- {
		what := binary.LittleEndian.Uint64(on)
		if what>>16 != 0 {
			panic(misuse(fmt.Sprintf("it notes the edit %#x: what it does and a kind of header are expected", what)))
		}
		name, value := noted(all, on[8:]), noted(all, on[24:])
		c.edit(what&0xff, what>>8, name, value)
		on = on[boardEdit:]
	}
}

// noted returns what an address and a length stand for.
func noted(all, on []byte) []byte {
	at, n := binary.LittleEndian.Uint64(on), binary.LittleEndian.Uint64(on[8:])
	if size := uint64(len(all)); at > size || n > size-at {
		panic(misuse("an edit that it notes leads out of its memory"))
	}
	return all[at : at+n]
}

// finish takes what the guest has left when its hook returned: edits on its
// board, and bodies.
func (c *call) finish() error {
	if c.i.board.size == 0 && !c.written[0] && !c.written[1] {
		return nil
	}
	return c.left()
}

func (c *call) left() (err error) {
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case misuse:
			err = fault
		default:
			panic(fault)
		}
	}()
	c.exchange()
	for side, written := range c.written {
		if written {
			c.x.SetBody(adapter.Side(side), c.bodies[side])
		}
	}
	return nil
}
