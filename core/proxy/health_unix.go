//go:build unix

package proxy

import (
	"net"
	"syscall"
)

// health tells whether an idle connection under TLS is clean: neither closed by
// the other end nor holding bytes that nobody asked for. Without TLS a turn
// shows it for nothing.
type health struct {
	raw  syscall.RawConn // nil: cannot tell
	look func(fd uintptr)
	ok   *bool
}

func newHealth(c net.Conn) health {
	s, ok := c.(syscall.Conn)
	if !ok {
		return health{}
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return health{}
	}
	h := health{raw: raw, ok: new(bool)}
	var octet [1]byte
	h.look = func(fd uintptr) {
		_, _, err := syscall.Recvfrom(int(fd), octet[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		*h.ok = err == syscall.EAGAIN
	}
	return h
}

func (h health) clean() bool {
	if h.raw == nil {
		return true
	}
	return h.raw.Control(h.look) == nil && *h.ok
}
