//go:build unix

package proxy

import (
	"net"
	"syscall"
)

// knock reads the first bytes of a request. Until there are some it holds no
// buffer: most connections wait most of the time, and there may be many.
type knock struct {
	raw  syscall.RawConn // nil: the connection is no socket
	call func(fd uintptr) bool
	n    int
	err  error

	tell func(fd uintptr) bool
	rest []byte // to be written
}

// await makes knocking on nc, if it is a socket, c's own.
func (c *client) await(nc net.Conn) {
	s, ok := nc.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := s.SyscallConn(); err == nil {
		c.knock = knock{raw: raw, call: c.knocked, tell: c.told}
	}
}

// answerKnock waits until there is something to read, and keeps it.
func (c *client) answerKnock() (int, error) {
	if err := c.knock.raw.Read(c.knock.call); err != nil {
		return 0, err
	}
	return c.knock.n, c.knock.err
}

// knocked is called until it returns true; before it is called again, it is
// waited until there is something to read.
func (c *client) knocked(fd uintptr) bool {
	b := c.room()
	n, wait, err := readNow(fd, b[:cap(b)])
	c.keep(b[:n])
	c.knock.n, c.knock.err = n, err
	return !wait
}

// writeSocket writes p to a connection that is a socket.
func (c *client) writeSocket(p []byte) error {
	c.knock.rest, c.knock.err = p, nil
	err := c.knock.raw.Write(c.knock.tell)
	c.knock.rest = nil
	if err == nil {
		err = c.knock.err
	}
	return err
}

// told is called until it returns true; before it is called again, it is waited
// until there is room.
func (c *client) told(fd uintptr) bool {
	for len(c.knock.rest) > 0 {
		n, wait, err := writeNow(fd, c.knock.rest)
		if wait {
			return false
		}
		if c.knock.err = err; err != nil {
			return true
		}
		c.knock.rest = c.knock.rest[n:]
	}
	return true
}
