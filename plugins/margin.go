package plugins

import (
	"encoding/binary"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/plugins/fuel"
)

// rewrite makes a guest one that can be stopped, and gives it a margin.
func rewrite(code []byte) (*fuel.Rewritten, error) {
	return fuel.Rewrite(code, fuel.Options{First: slice, Functions: maxFunctions, Table: maxTable, Margin: true})
}

// margin returns the page behind the guest's memory.
func (c *call) margin() []byte {
	size := c.memory.Size()
	on, _ := c.memory.Read(size-fuel.Margin, fuel.Margin)
	c.most = size - fuel.Margin
	return on
}

// leave writes into the margin what the guest may fetch from it and note there.
func (c *call) leave() {
	on := c.margin()
	var method, target []byte
	kinds := uint32(0)
	if c.x != nil {
		method, target = c.x.Method(), c.x.Target()
		if len(target) == 0 {
			target = root
		}
		kinds = 1 << adapter.ResponseHeader
		if !c.sent() {
			kinds |= 1 << adapter.RequestHeader
		}
	}
	write(on, fuel.MarginMethod, fuel.MarginMethodAt, fuel.MarginTargetAt, method)
	write(on, fuel.MarginTarget, fuel.MarginTargetAt, fuel.MarginAnswers, target)
	c.answer(on)
	binary.LittleEndian.PutUint32(on[fuel.MarginKinds:], kinds)
	binary.LittleEndian.PutUint32(on[fuel.MarginUsed:], fuel.MarginEdits)
	binary.LittleEndian.PutUint32(on[fuel.MarginDirty:], 0)
}

// write writes a text from one place to before another, or none if there is
// not room.
func write(on []byte, length, from, to int, text []byte) {
	if len(text) > to-from {
		text = nil
	}
	copy(on[from:to], text)
	binary.LittleEndian.PutUint32(on[length:], uint32(len(text)))
}

// takeNotes makes the edits that are noted in the margin.
func (c *call) takeNotes() {
	on := c.margin()
	used := binary.LittleEndian.Uint32(on[fuel.MarginUsed:])
	if used == fuel.MarginEdits {
		return
	}
	if used < fuel.MarginEdits || used > fuel.Margin {
		panic(errSpoilt)
	}
	binary.LittleEndian.PutUint32(on[fuel.MarginUsed:], fuel.MarginEdits)
	for notes := on[fuel.MarginEdits:used]; len(notes) > 0; {
		if len(notes) < fuel.MarginEdit {
			panic(errSpoilt)
		}
		what := uint64(binary.LittleEndian.Uint32(notes))
		name, value := uint64(binary.LittleEndian.Uint32(notes[4:])), uint64(binary.LittleEndian.Uint32(notes[8:]))
		notes = notes[fuel.MarginEdit:]
		if name+value > uint64(len(notes)) {
			panic(errSpoilt)
		}
		c.edit(what&0xff, what>>8, notes[:name], notes[name:name+value])
		notes = notes[name+value:]
	}
}

const errSpoilt = misuse("it writes behind its memory")

// touch makes what is noted, and lets the guest ask the host for fields, of
// which one is about to change.
func (c *call) touch() {
	c.exchange()
	if c.i.g.margin {
		binary.LittleEndian.PutUint32(c.margin()[fuel.MarginDirty:], 0xffffffff)
	}
}

// changed lets the guest ask the host for method and target, one of which is
// about to change.
func (c *call) changed() {
	if c.i.g.margin {
		on := c.margin()
		binary.LittleEndian.PutUint32(on[fuel.MarginMethod:], 0)
		binary.LittleEndian.PutUint32(on[fuel.MarginTarget:], 0)
	}
}
