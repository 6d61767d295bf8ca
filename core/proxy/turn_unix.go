//go:build unix

package proxy

import (
	"io"
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
	answer  []byte
	asked   bool // it was written, as far as it could be
	sent    int
	n       int
	err     error
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

// take writes request and reads into answer. asked and sent say how far it
// came; if it wrote a part only, it has read nothing. Bytes or an end that were
// there before the request are errStale.
func (t turn) take(request, answer []byte) (n int, err error) {
	*t.taking = taking{request: request, answer: answer}
	if err := t.raw.Read(t.call); err != nil {
		return 0, err
	}
	return t.n, t.err
}

// step is called until it returns true; before it is called again, it is
// waited until there is something to read.
func (t *taking) step(fd uintptr) bool {
	n, err := syscall.Read(int(fd), t.answer)
	for err == syscall.EINTR {
		n, err = syscall.Read(int(fd), t.answer)
	}
	switch {
	case err == syscall.EAGAIN:
		return !t.asked && !t.ask(fd)
	case !t.asked:
		t.err = errStale
	case err != nil:
		t.err = err
	case n == 0:
		t.err = io.EOF
	default:
		t.n = n
	}
	return true
}

// ask writes the request and reports whether its answer can be waited for.
func (t *taking) ask(fd uintptr) bool {
	t.asked = true
	n, err := syscall.Write(int(fd), t.request)
	for err == syscall.EINTR {
		n, err = syscall.Write(int(fd), t.request)
	}
	t.sent = max(n, 0)
	return err != nil && err != syscall.EAGAIN || t.sent == len(t.request)
}
