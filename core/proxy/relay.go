package proxy

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/modgate/modgate/core/route"
)

// relay is the answer's body on its way from the upstream to the client. As
// the response's body stream it lives on after the handler, until Close.
type relay struct {
	x    *exchange
	c    *conn
	open bool // handed to the server, which closes it
	done bool // read to its end
	keep bool // c may be used again after it

	direct *[]byte // of Proxy.buffers: bytes that were read past c's buffer
	fresh  []byte  // of direct: not yet used

	lead     []byte // what an adapter has read, to be relayed first
	trailing []byte // lines of trailers that an adapter has set, for the end

	length int   // as the head says: bytes, or one of the two below
	left   int64 // of the body, or of the chunk
	begun  bool  // of a chunked body: the first chunk was
	idle   time.Duration
	ending *ending // of an event stream
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

// Lengths that are none, as fasthttp says them.
const (
	chunked  = -1
	untilEOF = -2
)

// relayOn relays the answer whose head was read from c.
func (x *exchange) relayOn(c *conn) {
	r := &x.ctx.Response
	h := &r.Header
	length := h.ContentLength()
	keep := !h.ConnectionClose() && !x.head.isolated && !c.overfull
	tidy(h)

	x.relay = relay{x: x, c: c, keep: keep, length: length, left: int64(max(length, 0)), idle: x.terms.Idle}
	empty := length == 0 || string(x.method()) == "HEAD" || h.StatusCode() == fasthttp.StatusNoContent || h.StatusCode() == fasthttp.StatusNotModified
	if x.adapted != nil && !x.adaptAnswer(empty) {
		return
	}
	x.mark(h)
	x.p.stats.count(relayedAnswer)
	switch {
	case x.adapted != nil && x.relayAdapted(empty):
	case empty, string(x.head.method) == "HEAD":
		x.relay.done, x.relay.length = empty, 0
		x.relay.finish()
	case length > 0 && length <= c.br.Buffered() && x.upload.ended():
		body, _ := c.br.Peek(length) // they are there
		r.SetBody(body)
		_, _ = c.br.Discard(length)
		x.relay.done = true
		x.relay.finish()
	case len(x.relay.trailing) > 0:
		x.stream(chunked) // trailers follow chunks only
	default:
		x.stream(length)
	}
}

// stream hands the rest of the answer to the server, which writes it when the
// handler has returned.
func (x *exchange) stream(length int) {
	r := &x.ctx.Response
	if bytes.HasPrefix(r.Header.ContentType(), []byte("text/event-stream")) {
		x.relay.idle, x.due = x.terms.Stream, x.asked
		x.relay.endable()
	}
	if isGRPC(r.Header.ContentType()) { // it may be a stream of messages
		x.relay.idle, x.due = x.terms.Stream, x.asked
	}
	x.relay.open = true
	x.upload.yield()
	if x.head.http10 && length < 0 {
		x.streamToEOF()
		return
	}
	there := x.relay.c.br.Buffered() > 0
	r.ImmediateHeaderFlush = length >= 0 || !there
	x.client.cork = length >= 0 && there && x.client.stream == nil
	r.SetBodyStream(&x.relay, max(length, chunked))
}

// mark adds what the gateway says on an answer that it relays (3.2, V2).
func (x *exchange) mark(h *fasthttp.ResponseHeader) {
	h.SetBytesV("Modgate-Request-Id", x.id)
	if x.parked {
		b := append(x.out[:0], `resume;module="`...)
		b = append(b, x.module.Name...)
		b = append(b, `";waited=`...)
		b = strconv.AppendInt(b, x.waited.Milliseconds(), 10)
		h.SetBytesV("Modgate-Status", b)
		x.out = b[:0]
	}
	if x.prefers {
		h.Set("Preference-Applied", "wait="+strconv.Itoa(int(x.preferred/time.Second)))
	}
	if v := x.draining(); v != nil {
		h.Set("Deprecation", "@"+strconv.FormatInt(v.DrainedAt.Unix(), 10)) // RFC 9745
		h.SetBytesV("Sunset", fasthttp.AppendHTTPDate(nil, v.Sunset))       // RFC 8594
	}
}

// draining returns the version that answers, if it drains by now (V2): it may
// have begun to since the request entered it.
func (x *exchange) draining() *route.Version {
	v, st := x.place.version, x.module.State()
	if v == nil || st == x.place.state && v.DrainedAt.IsZero() {
		return nil
	}
	if v.DrainedAt.IsZero() {
		at := slices.IndexFunc(st.Own, func(own *route.Version) bool { return own.Version.Equal(v.Version) })
		if at < 0 {
			return nil
		}
		v = st.Own[at]
	}
	return v
}

// Read is there for the interface; the server calls WriteTo.
func (r *relay) Read(p []byte) (int, error) {
	piece, err := r.next()
	if err != nil {
		return 0, err
	}
	n := copy(p, piece)
	r.took(n)
	return n, nil
}

// SupportsBodyWriteTo tells the server to call WriteTo.
func (r *relay) SupportsBodyWriteTo() bool { return true }

// WriteTo writes the body as it comes. Of a body of known length the server
// would hold back what does not fill its buffer; its head is flushed
// (ImmediateHeaderFlush), or corked by the client if bytes of the body are
// there, so that they go to the client directly.
func (r *relay) WriteTo(w io.Writer) (n int64, err error) {
	r.x.upload.resume()
	if r.length >= 0 && len(r.trailing) == 0 { // those need chunks
		w = r.x.ctx.Conn()
	}
	for {
		piece, err := r.next()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			if !r.x.upload.streams { // else it may be the client's fault
				r.x.failed()
			}
			return n, err
		}
		if r.x.late() {
			return n, os.ErrDeadlineExceeded
		}
		m, err := w.Write(piece)
		n += int64(m)
		if err != nil {
			return n, err
		}
		r.took(m)
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
	if errors.Is(err, io.EOF) && len(r.trailing) > 0 {
		replaceTrailers(&r.x.ctx.Response.Header, r.trailing)
		r.trailing = nil
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
	if err := r.await(); err != nil {
		if r.length == untilEOF && errors.Is(err, io.EOF) {
			r.done = true
			r.end()
			return nil, io.EOF
		}
		return nil, unexpected(err)
	}
	if len(r.fresh) > 0 {
		return r.fresh, nil
	}
	n := r.c.br.Buffered()
	if r.length != untilEOF {
		n = int(min(int64(n), r.left))
	}
	return r.c.br.Peek(n)
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
	c.trailers(&r.x.ctx.Response.Header)
}

// await waits until bytes are there. Of what does not fit c's buffer it reads
// as much at once as the other end has sent.
func (r *relay) await() error {
	if r.c.br.Buffered() > 0 || len(r.fresh) > 0 {
		return nil
	}
	r.c.deadline.due = r.x.by(r.idle)
	if r.left <= int64(r.c.br.Size()) {
		_, err := r.c.br.Peek(1)
		return err
	}
	if r.direct == nil {
		r.direct = r.x.p.buffers.Get().(*[]byte)
	}
	b := *r.direct
	n, err := r.c.Read(b[:min(int64(len(b)), r.left)])
	r.fresh = b[:n]
	return err
}

// took says that n bytes of what next returned are used.
func (r *relay) took(n int) {
	if len(r.lead) > 0 {
		r.lead = r.lead[n:]
		return
	}
	if len(r.fresh) > 0 {
		r.fresh = r.fresh[n:]
	} else {
		_, _ = r.c.br.Discard(n)
	}
	r.left -= int64(n)
}

// Close ends the exchange: the server has written the answer, or given up.
func (r *relay) Close() error {
	if !r.open {
		return nil // a fault of ours is being answered
	}
	x := r.x
	r.finish()
	r.open = false
	x.end()
	return nil
}

// finish gives the connection back if it is clean, and ends the run.
func (r *relay) finish() {
	if r.c == nil {
		return
	}
	if r.direct != nil {
		r.x.p.buffers.Put(r.direct)
		r.direct, r.fresh = nil, nil
	}
	if r.ending != nil {
		r.ending.retired()
	}
	whole := r.x.upload.stop()
	if r.x.unfollow() && r.done && r.keep && whole && r.length != untilEOF {
		r.x.ended = time.Now()
		r.c.release(r.x.ended)
	} else {
		r.c.discard()
	}
	r.c = nil
	r.x.leave()
}
