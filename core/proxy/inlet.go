package proxy

import "sync"

// inlet is what was read from an upstream and is not used yet. It has a buffer
// only while there is something in it: most connections wait most of the time.
type inlet struct {
	lender   *sync.Pool // of *[]byte
	size     int        // of a buffer, at least
	buf      *[]byte    // of lender; nil: none
	from, to int        // what is there
}

// there returns what is there. It is good until room is called.
func (i *inlet) there() []byte {
	if i.buf == nil {
		return nil
	}
	return (*i.buf)[i.from:i.to]
}

// use says that the first n bytes of what is there are used.
func (i *inlet) use(n int) {
	if i.from += n; i.from == i.to {
		i.from, i.to = 0, 0
	}
}

// room returns where the next bytes are to be read to; what is there may move.
// It is empty where the buffer is full.
func (i *inlet) room() []byte {
	if i.buf == nil {
		i.buf = i.lender.Get().(*[]byte)
		if cap(*i.buf) < i.size { // of other terms
			*i.buf = make([]byte, i.size)
		}
	}
	b := (*i.buf)[:cap(*i.buf)]
	*i.buf = b
	if i.to == len(b) && i.from > 0 {
		i.to = copy(b, b[i.from:])
		i.from = 0
	}
	return b[i.to:]
}

// add says that n bytes were read to room.
func (i *inlet) add(n int) { i.to += n }

// rest gives the buffer back if there is nothing in it.
func (i *inlet) rest() {
	if i.buf != nil && i.from == i.to {
		i.lender.Put(i.buf)
		i.buf, i.from, i.to = nil, 0, 0
	}
}

// lend returns the first n bytes of what is there with the buffer that they are
// in; others that are there are lost, and the connection has more than it was
// asked for.
func (i *inlet) lend(n int) (body inlet) {
	body = *i
	i.buf, i.from, i.to = nil, 0, 0
	body.to = body.from + n
	return body
}

// drop gives the buffer back, whatever is in it.
func (i *inlet) drop() {
	i.from = i.to
	i.rest()
}
