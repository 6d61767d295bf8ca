package proxy

import (
	"slices"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/route"
)

// An answer that is relayed is written by its relay: a head as HTTP/1.1 has it,
// in which the upstream's lines stand as they came, and the body as it comes.
// The server is told that it was (client.answered).

// gather is how much of an answer is copied so that it goes at once: more of a
// body is written from where it is.
const gather = 4 << 10

// frame decides how the client finds the end of a body, of which trailers may
// be to come after it.
func (r *relay) frame(length int, trailers bool) {
	if r.framing = length; length < 0 || trailers {
		r.framing = chunked
	}
	if r.framing == chunked && r.x.head.http10 {
		r.framing = untilEOF
		r.x.ctx.SetConnectionClose()
	}
}

// begin makes the head pending.
func (r *relay) begin() {
	x := r.x
	b, status := x.out[:0], x.status()
	b = x.appendReplied(b, status)
	switch {
	case status < 200 || status == fasthttp.StatusNoContent:
	case r.framing >= 0:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, int64(r.framing), 10)
		b = append(b, crlf...)
	case r.framing == chunked && !x.head.http10:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	b = x.appendMarks(b)
	switch {
	case x.closing():
		b = append(b, "Connection: close\r\n"...)
	case x.head.http10:
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	r.pending = append(b, crlf...)
	if s := x.client.stream; s != nil {
		s.open(status, r.pending)
		r.sent, r.pending = true, r.pending[:0]
	}
}

// status returns the answer's, as the client gets it.
func (x *exchange) status() int {
	if x.adapted != nil && x.adapted.status != 0 {
		return x.adapted.status
	}
	return x.reply.status
}

// closing reports whether the client's connection ends with the answer.
func (x *exchange) closing() bool {
	h := &x.head
	return h.closes || h.isolated || h.http10 && !h.keepAlive || x.ctx.Response.ConnectionClose() || x.p.stopping.Load()
}

// appendReplied writes the status line and the fields that are relayed, those
// that stand together at once.
func (x *exchange) appendReplied(b []byte, status int) []byte {
	h := &x.reply
	b = appendStatus(b, h, status)
	if a := x.adapted; a != nil && a.fields[adapter.ResponseHeader].Edited() {
		return a.appendAnswered(b)
	}
	marked := x.prefers || x.draining() != nil
	start, end := 0, 0
	for i := range h.fields {
		f := &h.fields[i]
		if f.kind != relayed || marked && ofMarks(h.name(f)) {
			continue
		}
		if f.start != end {
			b = append(b, h.raw[start:end]...)
			start = f.start
		}
		end = f.end + len(crlf)
	}
	return append(b, h.raw[start:end]...)
}

// appendStatus writes a status line in the version of who sends it (RFC 9110
// 2.5), and the upstream's reason if the status is its own.
func appendStatus(b []byte, h *reply, status int) []byte {
	const code = len("HTTP/1.1 ")
	b = append(b, "HTTP/1.1 "...)
	if line := h.raw[code:h.start]; status == h.status && len(line) > len("200 \r\n") {
		return append(b, line...)
	}
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, fasthttp.StatusMessage(status)...)
	return append(b, crlf...)
}

// appendMarks writes what the gateway says on an answer that it relays (3.2,
// V2).
func (x *exchange) appendMarks(b []byte) []byte {
	b = append(b, "Modgate-Request-Id: "...)
	b = append(b, x.id...)
	b = append(b, crlf...)
	if x.parked {
		b = append(b, `Modgate-Status: resume;module="`...)
		b = append(b, x.module.Name...)
		b = append(b, `";waited=`...)
		b = strconv.AppendInt(b, x.waited.Milliseconds(), 10)
		b = append(b, crlf...)
	}
	if x.prefers {
		b = append(b, "Preference-Applied: wait="...)
		b = strconv.AppendInt(b, int64(x.preferred/time.Second), 10)
		b = append(b, crlf...)
	}
	if v := x.draining(); v != nil {
		b = append(b, "Deprecation: @"...) // RFC 9745
		b = strconv.AppendInt(b, v.DrainedAt.Unix(), 10)
		b = append(b, "\r\nSunset: "...) // RFC 8594
		b = fasthttp.AppendHTTPDate(b, v.Sunset)
		b = append(b, crlf...)
	}
	return b
}

// ofMarks reports whether a field is one that appendMarks may write in place of
// the upstream's.
func ofMarks(name []byte) bool {
	return equalFold(name, "deprecation") || equalFold(name, "sunset") || equalFold(name, "preference-applied")
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

// put gives the client a piece of the body; a small one is pending then.
func (r *relay) put(piece []byte) error {
	switch s := r.x.client.stream; {
	case r.empty || len(piece) == 0:
		return nil
	case s != nil:
		return r.wrote(s.put(piece))
	}
	if r.framing == chunked {
		r.pending = strconv.AppendInt(r.pending, int64(len(piece)), 16)
		r.pending = append(r.pending, crlf...)
	}
	if len(r.pending)+len(piece) > gather {
		return r.send(piece)
	}
	r.pending = append(r.pending, piece...)
	if r.framing == chunked {
		r.pending = append(r.pending, crlf...)
	}
	return nil
}

// last gives the client what ends the answer.
func (r *relay) last() error {
	if s := r.x.client.stream; s != nil {
		return r.wrote(s.last(r.x.reply.trailers))
	}
	if r.framing == chunked && !r.empty {
		r.pending = append(r.pending, "0\r\n"...)
		r.pending = append(r.pending, r.x.reply.trailers...)
		r.pending = append(r.pending, crlf...)
	}
	return r.flush()
}

// breakOff ends an answer that is not whole so that nobody takes it for that,
// and returns why, unless the client is told in words.
func (r *relay) breakOff(why error) error {
	if s := r.x.client.stream; s != nil && r.x.reply.grpc && s.r.Context().Err() == nil {
		return s.last(brokenGRPC)
	}
	if r.sent {
		_ = r.flush() // as far as it goes
	}
	return why
}

// flush gives the client what is pending.
func (r *relay) flush() error {
	switch s := r.x.client.stream; {
	case s != nil && r.sent:
		return r.wrote(s.flush())
	case len(r.pending) > 0:
		return r.send(nil)
	}
	return nil
}

// send gives the client what is pending, and a piece, at once.
func (r *relay) send(piece []byte) error {
	r.parts = append(r.vector[:0], r.pending)
	if len(piece) > 0 {
		r.parts = append(r.parts, piece)
		if r.framing == chunked {
			r.parts = append(r.parts, crlf)
		}
	}
	now := r.x.ended
	if now.IsZero() {
		now = time.Now()
	}
	err := r.x.client.send(now, &r.parts)
	clear(r.vector[:])
	r.pending = r.pending[:0]
	return r.wrote(err)
}

// wrote keeps how writing to the client went.
func (r *relay) wrote(err error) error {
	r.sent = true
	r.broken = err
	return err
}
