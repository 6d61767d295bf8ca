package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/modgate/modgate/core/adapter"
)

// relay is the answer's body on its way from the upstream to the client.
type relay struct {
	x    *exchange
	c    *conn
	open bool // the connection was taken over from the server, and the exchange ends with it
	done bool // read to its end
	keep bool // c may be used again after it

	lead     []byte // what an adapter has read, to be relayed first
	trailing []byte // lines of trailers that an adapter has set, for the end

	length int   // as the head says: bytes, or chunked, or untilEOF
	left   int64 // of the body, or of the chunk
	begun  bool  // of a chunked body: the first chunk was
	idle   time.Duration
	ending *ending // of an event stream

	framing int         // as the client gets it, as length
	empty   bool        // the client gets no body, whatever the head says
	pending []byte      // to be sent with what follows, exchange.out's memory; nil: nothing has begun
	vector  [3][]byte   // scratch of send
	parts   net.Buffers // of vector
	sent    bool        // a part of the answer was
	broken  error       // why the client could not be sent to
}

// ending ends an event stream that would hold a grace (V8).
type ending struct {
	over    atomic.Bool
	retired func() // to be called at the stream's own end
}

// endable lets the stream of events end when those of its instance must.
func (r *relay) endable() {
	e, c := new(ending), r.c
	e.retired = r.x.p.Streams.begin(r.x.place.instance, func() {
		e.over.Store(true)
		_ = socket(c.Conn).Close() // without TLS's good-bye, which may block
	})
	r.ending = e
}

// ended reports whether the stream was ended.
func (r *relay) ended() bool { return r.ending != nil && r.ending.over.Load() }

// relayOn relays the answer whose head was read from c, and tells the server
// that it was.
func (x *exchange) relayOn(c *conn) {
	h := &x.reply
	length := h.length()
	x.relay = relay{
		x: x, c: c, keep: h.keeps() && !x.head.isolated && !c.overfull,
		length: length, left: int64(max(length, 0)), idle: x.terms.Idle,
	}
	empty := length == 0 || bodyless(h.status) || string(x.method()) == "HEAD"
	if x.adapted != nil && !x.adaptAnswer(empty) {
		return
	}
	x.p.stats.count(relayedAnswer)
	err := x.relay.run(empty)
	x.out = x.relay.pending[:0]
	if err != nil && !x.relay.sent {
		x.explain(err) // nobody has seen the head
		return
	}
	x.client.answered(err)
}

// run relays the answer; empty says that the upstream sends no body. The
// connection is free before the client has what came whole.
func (r *relay) run(empty bool) error {
	x, c := r.x, r.c
	r.framing, r.empty = r.length, string(x.head.method) == "HEAD" || bodyless(x.status())
	switch a := x.adapted; {
	case a != nil && (a.edited[adapter.Response] || a.whole[adapter.Response] && !empty):
		body := a.body(adapter.Response)
		r.frame(len(body), len(x.reply.trailers) > 0)
		r.done = r.done || empty
		r.begin()
		r.finish()
		return r.give(body)
	case empty || r.empty:
		r.done, r.empty = empty, true
		r.begin()
		r.finish()
		return r.give(nil)
	case r.left > 0 && r.left <= int64(len(c.there())) && len(r.trailing) == 0 && x.upload.ended():
		r.begin()
		r.keep = r.keep && r.left == int64(len(c.there()))
		body := c.lend(r.length)
		r.done = true
		r.finish()
		err := r.give(body.there())
		body.drop()
		return err
	default:
		r.frame(r.length, len(r.trailing) > 0)
		r.begin()
		return r.stream()
	}
}

// give gives the client a body that is at hand.
func (r *relay) give(body []byte) error {
	if err := r.put(body); err != nil {
		return err
	}
	return r.last()
}

// stream gives the client the body as it comes. What is there goes together,
// and nothing waits for what is not.
func (r *relay) stream() error {
	x := r.x
	if x.reply.events || x.reply.grpc { // there may be no end of it
		r.idle, x.due = x.terms.Stream, x.asked
	}
	if x.reply.events {
		r.endable()
	}
	err := r.pass()
	if err == nil && len(r.trailing) > 0 {
		x.reply.trailers = replaceTrailers(x.reply.trailers, r.trailing)
	}
	r.finish()
	switch {
	case r.broken != nil:
		return r.broken
	case err != nil:
		return r.breakOff(err)
	default:
		return r.last()
	}
}

// pass relays the body to its end.
func (r *relay) pass() error {
	for {
		piece, err := r.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			if r.broken == nil && !r.x.upload.streams { // else it may be the client's fault
				r.x.failed()
			}
			return err
		case r.x.late():
			return os.ErrDeadlineExceeded
		}
		if err := r.put(piece); err != nil {
			return err
		}
		r.took(len(piece))
	}
}

// next returns the bytes of the body that are there, and waits for some if
// there are none. They are valid until took. After the last it returns io.EOF.
func (r *relay) next() ([]byte, error) {
	if len(r.lead) > 0 {
		return r.lead, nil
	}
	piece, err := r.piece()
	if err != nil && r.ended() {
		err = io.EOF // a whole answer, as far as it goes
	}
	return piece, err
}

func (r *relay) piece() ([]byte, error) {
	if r.length == chunked && r.left == 0 {
		if err := r.nextChunk(); err != nil {
			return nil, err
		}
	}
	if r.length >= 0 && r.left == 0 && !r.done {
		r.done = true
		r.end()
	}
	if r.done {
		return nil, io.EOF
	}
	if len(r.c.there()) == 0 {
		err := r.fill()
		if r.length == untilEOF && errors.Is(err, io.EOF) {
			r.done, r.keep = true, false
			r.end()
			return nil, io.EOF
		}
		if err != nil {
			return nil, unexpected(err)
		}
	}
	b := r.c.there()
	if r.length != untilEOF {
		b = b[:min(int64(len(b)), r.left)]
	}
	return b, nil
}

// fill waits for more, once the client has what came before.
func (r *relay) fill() error {
	if err := r.flush(); err != nil {
		return err
	}
	r.c.deadline.due = r.x.by(r.idle)
	return r.c.fill()
}

// end takes what comes after the body on a call.
func (r *relay) end() {
	c := r.c.call
	if c == nil {
		return
	}
	if r.length >= 0 { // its end is still to come
		c.reading.set(r.x.by(r.idle))
		_, _ = c.Read(make([]byte, 1))
	}
	r.x.reply.trailers = c.trailers(r.x.reply.trailers)
}

// took says that n bytes of what next returned are used.
func (r *relay) took(n int) {
	if len(r.lead) > 0 {
		r.lead = r.lead[n:]
		return
	}
	r.c.use(n)
	r.left -= int64(n)
}

// Close ends the exchange of a connection that was taken over.
func (r *relay) Close() {
	x := r.x
	r.finish()
	r.open = false
	x.end()
}

// finish gives the connection back if it is clean, and ends the run.
func (r *relay) finish() {
	if r.c == nil {
		return
	}
	if r.ending != nil {
		r.ending.retired()
	}
	whole := r.x.upload.stop()
	if r.x.unfollow() && r.done && r.keep && whole {
		r.x.ended = time.Now()
		r.c.release(r.x.ended)
	} else {
		r.c.discard()
	}
	r.c = nil
	r.x.leave()
}
