package proxy

import (
	"bytes"
	"errors"
	"io"
	"time"
)

// intake is what stands between the bytes of a client and the server. It reads
// a request's head whole, checks it, and keeps it for the exchange; the server
// gets a head of the gateway's own instead, which says how the body is framed
// and nothing else. Of a chunked body the server gets the data in frames of the
// gateway's own. So the server's parser never sees an octet that another parser
// could read differently, and what is refused is refused before routing.
type intake struct {
	stage stage
	left  int64  // of the body, or of the chunk
	out   []byte // to be handed on before anything else
	line  [24]byte
	ahead *[]byte // read and not handed on; nil: nothing; of Proxy.heads
	err   error   // why nothing more is handed on
}

// stage is where in the stream of requests the next octet belongs.
type stage uint8

const (
	inHead stage = iota
	inBody
	inChunkSize
	inChunk
	inChunkEnd
	inTrailers
	inTunnel // not HTTP any more
)

// readBuffer is the size of the server's buffer, which it keeps for as long as
// a request is parked: room for a head of the gateway's own. A client's head
// is read into a buffer that is only lent.
const readBuffer = 256

// Read hands on what the client sent.
func (c *client) Read(p []byte) (int, error) {
	for {
		if n := c.handOn(p); n > 0 {
			return n, nil
		}
		if c.intake.err != nil {
			return 0, c.intake.err
		}
		n, err := c.progress(p)
		if n > 0 {
			return n, nil
		}
		if errors.Is(err, io.EOF) && c.stage != inHead && c.stage != inTunnel {
			err = io.ErrUnexpectedEOF // of a body the server would take it for the end
		}
		if err != nil {
			c.intake.err = err
		}
	}
}

// handOn copies what is ready.
func (c *client) handOn(p []byte) int {
	n := copy(p, c.out)
	c.out = c.out[n:]
	if c.stage == inTunnel && c.ahead != nil && n < len(p) {
		m := copy(p[n:], *c.ahead)
		c.keep((*c.ahead)[m:])
		n += m
	}
	return n
}

// progress reads from the client, unless enough is there already, and sorts
// out what it got. It returns how many bytes it has handed on in p.
func (c *client) progress(p []byte) (int, error) {
	if c.ahead != nil {
		n, used, err := c.sort(p, *c.ahead)
		c.keep((*c.ahead)[used:])
		if n > 0 || used > 0 || err != nil {
			return n, err
		}
	}
	if c.ahead == nil && (c.stage == inBody || c.stage == inChunk || c.stage == inTunnel) {
		m, err := c.receive(p)
		if err != nil || c.stage == inTunnel {
			return m, err
		}
		n, used, err := c.sort(p, p[:m])
		c.keep(p[used:m])
		return n, err
	}
	if c.ahead == nil && c.x == nil && c.stream == nil {
		_, err := c.receive(nil)
		return 0, err
	}
	b := c.room()
	m, err := c.receive(b[len(b):cap(b)])
	*c.ahead = b[:len(b)+m]
	return 0, err
}

// read reads into p; where that is nil, the first bytes of a request into
// ahead, which is not there before they are.
func (c *client) read(p []byte) (int, error) {
	switch {
	case p != nil:
		return c.Conn.Read(p)
	case c.knock.raw != nil:
		return c.answerKnock()
	}
	n, err := c.Conn.Read(c.line[:1])
	c.keep(c.line[:n])
	return n, err
}

// keep keeps rest, which was read, for the next Read.
func (c *client) keep(rest []byte) {
	switch {
	case len(rest) > 0:
		b := c.room()
		*c.ahead = append(b[:0], rest...)
	case c.ahead != nil:
		c.p.heads.Put(c.ahead)
		c.ahead = nil
	}
}

// room returns what is ahead, in a buffer with room for a whole head.
func (c *client) room() []byte {
	if c.ahead == nil {
		c.ahead = c.p.heads.Get().(*[]byte)
		if cap(*c.ahead) != c.terms.Head { // of other terms
			*c.ahead = make([]byte, 0, c.terms.Head)
		}
		*c.ahead = (*c.ahead)[:0]
	}
	return *c.ahead
}

// sort takes bytes from src, as far as they are complete, and hands on in dst
// what the server is to get of them; what does not fit waits in out. Both may
// be the same slice: nothing that is handed on is longer than what it is for.
func (c *client) sort(dst, src []byte) (n, used int, err error) {
	for used < len(src) && len(c.out) == 0 {
		rest := src[used:]
		switch c.stage {
		case inHead:
			k, err := c.head(rest)
			return n, used + k, err
		case inBody, inChunk:
			k := copy(dst[n:], rest[:min(int64(len(rest)), c.left)])
			if k == 0 {
				return n, used, nil
			}
			n, used = n+k, used+k
			if c.left -= int64(k); c.left > 0 {
				continue
			}
			if c.stage == inBody {
				c.stage = inHead
				return n, used, nil
			}
			c.stage = inChunkEnd
		default:
			k, err := c.frame(rest)
			if k == 0 || err != nil {
				return n, used, err
			}
			used += k
			k = copy(dst[n:], c.out)
			c.out = c.out[k:]
			n += k
			if c.stage == inHead {
				return n, used, nil
			}
		}
	}
	return n, used, nil
}

// head takes a request's head from src, if it is whole, and reports how many
// bytes it had. A head that is refused is an exchange too: the server is to
// answer it.
func (c *client) head(src []byte) (int, error) {
	if c.x == nil {
		c.x = c.p.exchanges.Get().(*exchange)
		c.renew()
		c.x.client, c.x.terms = c, c.terms
		c.x.now = time.Now()
	}
	x := c.x
	start := 0
	if bytes.HasPrefix(src, crlf) {
		start = len(crlf) // RFC 9112 2.2: one empty line may come before
	}
	end := bytes.Index(src[start:], headEnd)
	switch {
	case end >= 0:
		end += start + len(headEnd)
		x.raw = append(x.raw[:0], src[start:end]...)
		if x.refusal = x.head.parse(x.raw); x.refusal == nil && x.head.overtaken(int64(len(src)-end)) {
			x.head.closes, c.linger = true, true
		}
	case len(src) >= c.terms.Head && bytes.IndexByte(src[start:], '\n') < 0:
		end, x.refusal = len(src), errTargetTooLong
	case len(src) >= c.terms.Head:
		end, x.refusal = len(src), errHeadTooLarge
	default:
		if x.refusal = checkPartial(src[start:]); x.refusal == nil {
			c.deadline.due = x.now.Add(c.terms.ReadHead)
			return 0, nil
		}
		end = len(src)
	}
	c.out = x.framing()
	c.follow(&x.head, x.refusal)
	return end, nil
}

var (
	crlf    = []byte("\r\n")
	headEnd = []byte("\r\n\r\n")
)

// overtaken reports whether, of n bytes that came with the head, some are such
// as a careful client would not have sent yet: a request behind one that may
// not be repeated (RFC 9112 9.3.2), or a body that was to wait for 100. So do
// clients that count otherwise than we. What is whole is served, and the
// connection then closed.
func (h *head) overtaken(n int64) bool {
	if h.expects && h.size != 0 {
		return n > 0
	}
	return n > h.size && h.size >= 0 && !idempotent(h.method)
}

// follow says what comes after a head.
func (c *client) follow(h *head, refusal error) {
	switch {
	case refusal != nil:
		c.intake.err = io.EOF // nothing that follows can be trusted
	case h.chunked:
		c.stage = inChunkSize
	case h.size > 0:
		c.stage, c.left = inBody, h.size
	default:
		c.stage = inHead
	}
	c.deadline.due = c.x.now.Add(c.terms.ReadHead) // of what the server reads ahead
}

// errSlowHead is why a head is refused that did not come in time.
var errSlowHead = errors.New("the request did not come in time")

// receive reads from the connection, as read does, in time.
func (c *client) receive(p []byte) (int, error) {
	switch {
	case c.stage == inTunnel:
		return c.Conn.Read(p) // its owner sets deadlines
	case c.lent:
		c.deadline.due = by(c.due, c.terms.Idle)
	case c.stage == inHead && c.x == nil:
		c.deadline.due = c.since.Add(c.patience())
	}
	for {
		if err := c.deadline.arm(c.Conn); err != nil {
			return 0, err
		}
		if c.stopped.Load() {
			return 0, errGone
		}
		n, err := c.read(p)
		if n > 0 || err == nil {
			return n, nil
		}
		if c.deadline.early(err) {
			continue
		}
		if c.stage == inHead && c.x != nil && timedOut(err) {
			c.x.refusal = errSlowHead
			c.out = c.x.framing()
			return 0, io.EOF
		}
		return 0, err
	}
}

// patience is how long a connection may wait for a request: the first is to
// come at once.
func (c *client) patience() time.Duration {
	if c.served {
		return c.terms.Idle
	}
	return c.terms.ReadHead
}
