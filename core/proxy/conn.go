package proxy

import (
	"bufio"
	"net"
	"time"
)

// conn is a connection to an upstream, owned by one exchange at a time.
type conn struct {
	net.Conn
	up     *upstream
	terms  *terms        // of the last request
	call   *call         // the conn is one call on a link; nil: it is a connection
	br     *bufio.Reader // reads from the conn
	since  time.Time     // idle since
	reused bool

	turn   turn
	turns  bool // turn is of use
	health health

	request  []byte // handed over by send, and written by the next Read
	sent     int    // bytes of the last request that were written
	heads    int    // bytes of its answer's heads, interim ones too
	overfull bool   // one of them framed a body that its status has not
	deadline deadline
}

// send sends a request whose answer is read next. Where it can, it leaves the
// writing to the Read that waits for the answer. On an error nothing can be
// read.
func (c *conn) send(request []byte) error {
	c.request, c.sent = nil, 0
	if c.turns {
		c.request = request
		return nil
	}
	return c.write(request)
}

// write writes the rest of a request, of which some bytes may be sent. An
// error of the connection shows when the answer is read: an upstream may
// answer and close before it has read everything.
func (c *conn) write(rest []byte) error {
	if err := c.SetWriteDeadline(c.deadline.due); err != nil {
		return err
	}
	n, err := c.Conn.Write(rest)
	c.sent += n
	if err != nil && timedOut(err) {
		return err
	}
	return nil
}

// Read writes the request that is left to it, and reads from the upstream
// until the deadline.
func (c *conn) Read(p []byte) (int, error) {
	if c.call != nil {
		if due := c.deadline.due; !due.IsZero() {
			c.call.reading.set(due)
		}
		return c.call.Read(p)
	}
	for {
		if err := c.deadline.arm(c.Conn); err != nil {
			return 0, err
		}
		n, err := c.read(p)
		if err == nil || !c.deadline.early(err) {
			return n, err
		}
	}
}

func (c *conn) read(p []byte) (int, error) {
	if len(c.request) == 0 {
		return c.Conn.Read(p)
	}
	request := c.request
	n, err := c.turn.take(request, p)
	if !c.turn.asked {
		return 0, err // the request stays: an early deadline is no reason to lose it
	}
	c.request, c.sent = nil, c.turn.sent
	if c.sent == len(request) || n > 0 || err != nil {
		return n, err
	}
	if err := c.write(request[c.sent:]); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}
