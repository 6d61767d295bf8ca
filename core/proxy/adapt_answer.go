package proxy

import (
	"bytes"
	"errors"
	"io"

	"github.com/valyala/fasthttp"

	"github.com/modgate/modgate/core/adapter"
)

// answerable reports whether a field that an adapter writes may go to the
// client.
func answerable(name []byte) bool {
	return !ofHop(name) && !equalFold(name, "content-length") && !equalFold(name, "transfer-encoding") && !equalFold(name, "trailer")
}

// adaptAnswer lets the adapter see the module's answer, whose head was read
// from c and whose body is about to be relayed. If it returns false, the
// request is answered.
func (x *exchange) adaptAnswer(bodyless bool) bool {
	a := x.adapted
	a.answered = true
	x.reply.raw = bytes.Clone(x.reply.raw) // what it is in may be read over
	if len(a.early.All()) > 0 {
		f := a.Fields(adapter.ResponseHeader)
		for _, e := range a.early.All() {
			f.Add(e.Name, e.Value)
		}
	}
	if a.call.Response {
		if err := x.hold(bodyless); err != nil {
			x.relay.finish()
			x.upstreamFailed(fasthttp.StatusBadGateway, "connection_terminated", "It closed the connection within its answer.")
			return false
		}
		a.ended = true
		if err := a.adapter.Response(a.call, a, false); err != nil {
			x.relay.finish()
			x.unadaptable()
			return false
		}
	}
	if !a.fields[adapter.ResponseTrailer].Edited() {
		return true
	}
	lines := appendTrailers(nil, a.fields[adapter.ResponseTrailer].All())
	if a.whole[adapter.Response] {
		x.reply.trailers = lines
	} else {
		x.relay.trailing = lines // the module's own are still to come
	}
	return true
}

// appendTrailers writes the fields that may be trailers.
func appendTrailers(b []byte, fields []adapter.Field) []byte {
	for _, f := range fields {
		if mayTrail(f.Name) {
			b = appendField(b, string(f.Name), string(f.Value))
		}
	}
	return b
}

// hold reads the answer's body, if the adapter wants it and it is no longer
// than that. What was read of a longer one is relayed before the rest.
func (x *exchange) hold(bodyless bool) error {
	a, r := x.adapted, &x.relay
	const side = adapter.Response
	if bodyless {
		a.whole[side] = true
		return nil
	}
	if a.call.Buffer == 0 || r.length > a.call.Buffer || x.head.grpc || x.reply.events {
		return nil
	}
	if a.edited[side] { // before there was an answer: it stands in front of it
		a.bodies[side] = append(a.bodies[side][:0], a.edits[side]...)
		a.edited[side] = false
	}
	for len(a.bodies[side]) <= a.call.Buffer {
		piece, err := r.next()
		if errors.Is(err, io.EOF) {
			a.whole[side] = true
			return nil
		}
		if err != nil {
			return err
		}
		a.bodies[side] = append(a.bodies[side], piece...)
		r.took(len(piece))
	}
	r.lead = a.bodies[side]
	return nil
}

// appendAnswered writes the answer's fields as the adapter left them, and
// which trailers the module announced.
func (a *adapted) appendAnswered(b []byte) []byte {
	h := &a.x.reply
	for i := range h.fields {
		if f := &h.fields[i]; equalFold(h.name(f), "trailer") {
			b = append(b, h.raw[f.start:f.end+len(crlf)]...)
		}
	}
	for _, f := range a.fields[adapter.ResponseHeader].All() {
		if answerable(f.Name) {
			b = append(append(b, f.Name...), ':', ' ')
			b = append(append(b, f.Value...), crlf...)
		}
	}
	return b
}

// replaceTrailers returns lines of trailers with those of by in the place of all
// that have their names.
func replaceTrailers(lines, by []byte) []byte {
	var out []byte
	for line := range bytes.SplitAfterSeq(lines, crlf) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		if !hasLine(by, name) {
			out = append(out, line...)
		}
	}
	return append(out, by...)
}

// hasLine reports whether one of lines is of the field of that name.
func hasLine(lines, name []byte) bool {
	for line := range bytes.SplitSeq(lines, crlf) {
		if of, _, _ := bytes.Cut(line, []byte(":")); bytes.EqualFold(of, name) {
			return true
		}
	}
	return false
}
