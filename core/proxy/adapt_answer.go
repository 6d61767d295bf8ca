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
	a, h := x.adapted, &x.ctx.Response.Header
	a.answered = true
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
	if a.status != 0 {
		h.SetStatusCode(a.status)
	}
	if a.fields[adapter.ResponseHeader].Edited() {
		a.writeFields(h)
	}
	switch {
	case !a.fields[adapter.ResponseTrailer].Edited():
	case a.whole[adapter.Response]:
		a.writeTrailers(h)
	default: // the module's own are still to come
		for _, f := range a.fields[adapter.ResponseTrailer].All() {
			if mayTrail(f.Name) {
				x.relay.trailing = appendField(x.relay.trailing, string(f.Name), string(f.Value))
			}
		}
	}
	return true
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
	if a.call.Buffer == 0 || r.length > a.call.Buffer || x.head.grpc || bytes.HasPrefix(x.ctx.Response.Header.ContentType(), []byte("text/event-stream")) {
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

// writeFields makes the answer's fields what the adapter left.
func (a *adapted) writeFields(h *fasthttp.ResponseHeader) {
	a.names = a.names[:0]
	for k := range h.All() {
		if answerable(k) {
			a.names = append(append(a.names, k...), '\n')
		}
	}
	a.delete(h)
	for _, f := range a.fields[adapter.ResponseHeader].All() {
		if answerable(f.Name) {
			h.AddBytesKV(f.Name, f.Value)
		}
	}
}

// writeTrailers makes the answer's trailers what the adapter left.
func (a *adapted) writeTrailers(h *fasthttp.ResponseHeader) {
	a.names = a.names[:0]
	for k := range h.Trailers() {
		a.names = append(append(a.names, k...), '\n')
	}
	a.delete(h)
	h.Del("Trailer")
	for _, f := range a.fields[adapter.ResponseTrailer].All() {
		if mayTrail(f.Name) && h.AddTrailerBytes(f.Name) == nil {
			h.AddBytesKV(f.Name, f.Value)
		}
	}
}

// replaceTrailers sets trailers that stand in lines, each in the place of all
// the module's of its name.
func replaceTrailers(h *fasthttp.ResponseHeader, lines []byte) {
	for rest := lines; len(rest) > 0; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, crlf)
		name, _, _ := bytes.Cut(line, []byte(":"))
		h.DelBytes(name)
	}
	_ = keepTrailers(h, lines) // the host of adapters has checked them
}

// delete deletes the fields in names.
func (a *adapted) delete(h *fasthttp.ResponseHeader) {
	for rest := a.names; len(rest) > 0; {
		var name []byte
		name, rest, _ = bytes.Cut(rest, []byte("\n"))
		h.DelBytes(name)
	}
}

// relayAdapted gives the client a body that is at hand, because the adapter
// wanted it or wrote another. It returns false if the body is still to be
// relayed as it comes.
func (x *exchange) relayAdapted(bodyless bool) bool {
	a, r := x.adapted, &x.ctx.Response
	if !a.edited[adapter.Response] && (!a.whole[adapter.Response] || bodyless) {
		return false
	}
	x.relay.done = x.relay.done || bodyless
	x.relay.finish()
	body := a.body(adapter.Response)
	if len(r.Header.PeekTrailerKeys()) > 0 {
		r.SetBodyStream(bytes.NewReader(bytes.Clone(body)), chunked)
		return true
	}
	r.SetBody(body)
	r.Header.SetContentLength(len(body)) // the module's was of another
	return true
}
