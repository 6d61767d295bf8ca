package proxy

import (
	"errors"
	"io"
	"net"
	"time"
)

// conn is a connection to an upstream, owned by one exchange at a time.
type conn struct {
	net.Conn
	inlet
	up     *upstream
	terms  *terms    // of the last request
	call   *call     // the conn is one call on a link; nil: it is a connection
	since  time.Time // idle since
	reused bool

	turn   turn
	turns  bool // turn is of use
	health health

	request  []byte // handed over by send, and written by the next fill
	sent     int    // bytes of the last request that were written
	heads    int    // bytes of its answer's heads, interim ones too
	overfull bool   // one of them framed a body that its status has not
	deadline deadline
}

// serve makes c a connection of a request that is served on t.
func (c *conn) serve(t *terms) {
	c.terms, c.size = t, t.Head
	if c.turns {
		c.size += 64 << 10
	}
}

// send sends a request whose answer is read next. Where it can, it leaves the
// writing to the fill that waits for the answer. On an error nothing can be
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

// fill writes the request that is left to it, and waits for more of the answer
// until the deadline.
func (c *conn) fill() error {
	if c.call != nil {
		if due := c.deadline.due; !due.IsZero() {
			c.call.reading.set(due)
		}
		return c.pull()
	}
	for {
		if err := c.deadline.arm(c.Conn); err != nil {
			return err
		}
		if err := c.pull(); err == nil || !c.deadline.early(err) {
			return err
		}
	}
}

// pull is fill with the connection's own deadline.
func (c *conn) pull() error {
	if !c.turns {
		n, err := c.Conn.Read(c.room())
		c.add(n)
		if n > 0 {
			return nil // an error will come again
		}
		c.rest()
		return err
	}
	request := c.request
	err := c.turn.take(request, &c.inlet)
	if len(request) == 0 || !c.turn.asked {
		return err // the request stays: an early deadline is no reason to lose it
	}
	c.request, c.sent = nil, c.turn.sent
	if c.sent == len(request) || err != nil || len(c.there()) > 0 {
		return err
	}
	if err := c.write(request[c.sent:]); err != nil {
		return err
	}
	return c.turn.take(nil, &c.inlet)
}

// readReply reads the next head of the answer. Its raw is good until more is
// read.
func (c *conn) readReply(h *reply) error {
	h.begin()
	if c.call != nil {
		if due := c.deadline.due; !due.IsZero() {
			c.call.reading.set(due)
		}
		err := c.call.readReply(h)
		if unseen(err) {
			c.sent = 0
		}
		return err
	}
	limit := c.terms.Head - c.heads
	for {
		b := c.there()
		if len(b) > 0 {
			if err := h.parse(b[:min(len(b), limit)]); !errors.Is(err, errReplyShort) {
				c.use(len(h.raw))
				c.heads += len(h.raw)
				c.overfull = c.overfull || h.overfull()
				return err
			}
			if len(b) >= limit {
				return errReplySize
			}
		}
		err := c.fill()
		switch {
		case err == nil:
		case timedOut(err), errors.Is(err, errStale):
			return err
		case len(b) == 0:
			return errStale
		default:
			return errReplyShort
		}
	}
}

// Read reads what is there before the rest.
func (c *conn) Read(p []byte) (int, error) {
	if b := c.there(); len(b) > 0 {
		n := copy(p, b)
		c.use(n)
		return n, nil
	}
	c.rest()
	return c.Conn.Read(p)
}

// errStale is why no answer came that might come at another try.
var errStale = errors.New("the connection was closed before an answer began")

var _ io.Reader = (*conn)(nil)
