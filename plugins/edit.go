package plugins

import (
	"fmt"
	"strconv"

	"github.com/modgate/modgate/core/adapter"
)

// What an edit of fields does.
const (
	editSet = 1 + iota
	editAdd
	editRemove
)

// Bounds of what one call may do to fields.
const (
	maxEdits      = 256
	maxFieldBytes = 64 << 10
)

// edit does one to the fields of a kind.
func (c *call) edit(what, kind uint64, name, value []byte) {
	f := c.editable(kind)
	if len(name) == 0 {
		panic(errNameless)
	}
	if what == editRemove {
		f.Remove(name)
		return
	}
	if !isToken(name) {
		panic(misuse("the name of a header is no token"))
	}
	if c.edited += len(name) + len(value); c.edited > maxFieldBytes {
		panic(misuse("it writes more than " + strconv.Itoa(maxFieldBytes) + " bytes of fields"))
	}
	value = trim(value)
	if !isText(value) {
		c.scratch = appendText(c.scratch[:0], value)
		value = c.scratch
	}
	switch what {
	case editSet:
		f.Set(name, value)
	case editAdd:
		f.Add(name, value)
	default:
		panic(misuse(fmt.Sprintf("there is no edit %d of a header: 1 to 3 is expected", what)))
	}
}

// editable returns the fields of a kind, to be changed.
func (c *call) editable(kind uint64) *adapter.Fields {
	p := part(kind)
	switch p {
	case adapter.RequestHeader:
		c.unsent("a request header")
	case adapter.RequestTrailer:
		c.unsent("a request trailer")
		c.needs(trailers, "trailers", "change a request trailer")
	case adapter.ResponseTrailer:
		c.needs(trailers, "trailers", "change a response trailer")
	default:
	}
	if c.edits++; c.edits > maxEdits {
		panic(misuse("it changes more than " + strconv.Itoa(maxEdits) + " fields"))
	}
	return c.x.Fields(p)
}
