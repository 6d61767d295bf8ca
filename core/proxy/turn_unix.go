//go:build unix

package proxy

import (
	"net"
	"syscall"
)

// turn sends a request and takes the beginning of its answer in three system
// calls, the fewest there can be: read, which must find nothing, write, and
// when bytes have come read again. The first costs nothing more (a connection
// is always read from before it is waited for), and shows that it is clean:
// neither closed by the other end nor holding bytes that nobody asked for,
// which would be read as the answer.
type turn struct {
	raw  syscall.RawConn
	call func(fd uintptr) bool // taking.step
	*taking
}

// taking is one turn under way.
type taking struct {
	request []byte
	to      *inlet
	asked   bool // it was written, as far as it could be
	sent    int
	err     error
	octet   [1]byte
}

// newTurn returns c's turn, and false if c is no socket.
func newTurn(c net.Conn) (turn, bool) {
	s, ok := c.(syscall.Conn)
	if !ok {
		return turn{}, false
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return turn{}, false
	}
	t := turn{raw: raw, taking: new(taking)}
	t.call = t.step
	return t, true
}

// take writes request, if there is one, and reads into to, which holds no
// buffer meanwhile that is of no use. asked and sent say how far it came; if it
// wrote a part only, it has read nothing. Bytes or an end that were there
// before the request are errStale.
func (t turn) take(request []byte, to *inlet) error {
	t.request, t.to, t.asked, t.sent, t.err = request, to, len(request) == 0, 0, nil
	if err := t.raw.Read(t.call); err != nil {
		return err
	}
	return t.err
}

// step is called until it returns true; before it is called again, it is
// waited until there is something to read.
func (t *taking) step(fd uintptr) bool {
	if !t.asked {
		if _, wait, _ := readNow(fd, t.octet[:]); wait {
			return !t.ask(fd)
		}
		t.err = errStale
		return true
	}
	n, wait, err := readNow(fd, t.to.room())
	t.to.add(n)
	if n == 0 {
		t.to.rest()
	}
	t.err = err
	return !wait
}

// ask writes the request and reports whether its answer can be waited for.
func (t *taking) ask(fd uintptr) bool {
	t.asked = true
	n, _, err := writeNow(fd, t.request)
	t.sent = n
	return err != nil || t.sent == len(t.request)
}
