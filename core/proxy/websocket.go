package proxy

import (
	"encoding/binary"
	"math/rand/v2"
)

// frames follows the frames of a WebSocket in one direction (RFC 6455 5.2), to
// know between which octets another may be put. The zero value stands before
// the first.
type frames struct {
	head   [14]byte
	have   int    // octets of the head that were seen
	left   uint64 // of the payload
	closed bool   // the last frame, Close, has begun
}

// pass follows what goes by.
func (f *frames) pass(b []byte) {
	for len(b) > 0 {
		if f.left > 0 {
			n := min(f.left, uint64(len(b)))
			f.left -= n
			b = b[n:]
			continue
		}
		f.head[f.have] = b[0]
		f.have++
		b = b[1:]
		if f.have == f.size() {
			f.begin()
		}
	}
}

// size is how long the head is, as far as that is known.
func (f *frames) size() int {
	if f.have < 2 {
		return 2
	}
	n := 2
	switch f.head[1] & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if f.head[1]&0x80 != 0 {
		n += 4
	}
	return n
}

// begin begins the payload of the frame whose head is there.
func (f *frames) begin() {
	switch n := f.head[1] & 0x7f; n {
	case 126:
		f.left = uint64(binary.BigEndian.Uint16(f.head[2:]))
	case 127:
		f.left = binary.BigEndian.Uint64(f.head[2:])
	default:
		f.left = uint64(n)
	}
	f.closed = f.closed || f.head[0]&0x0f == opClose
	f.have = 0
}

// between reports whether a frame may be put here.
func (f *frames) between() bool { return f.have == 0 && f.left == 0 && !f.closed }

const (
	opClose   = 8
	goingAway = 1001 // status code: RFC 6455 7.4.1
)

// closeFrame is a Close frame with the status goingAway; what clients send is
// masked.
func closeFrame(masked bool) []byte {
	frame := []byte{0x80 | opClose, 2}
	status := binary.BigEndian.AppendUint16(nil, goingAway)
	if !masked {
		return append(frame, status...)
	}
	frame[1] |= 0x80
	mask := binary.BigEndian.AppendUint32(nil, rand.Uint32())
	return append(append(frame, mask...), status[0]^mask[0], status[1]^mask[1])
}
