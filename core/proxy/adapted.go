package proxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/route"
)

// adapted is what an adapter sees of an exchange, and has made of it. An
// exchange whose module has no adapter has none, and pays for none.
type adapted struct {
	x       *exchange
	adapter adapter.Adapter
	module  *route.Module // whose adapter it is
	call    adapter.Call
	ended   bool // Response needs not be called any more

	method, target []byte // empty: as it came
	fields         [adapter.Parts]adapter.Fields
	loaded         [adapter.Parts]bool
	early          adapter.Fields // of an answer, set before there was one
	status         int            // set by the adapter; 0: as it came
	bodies         [2][]byte      // that were read whole, by side
	whole          [2]bool        // so it was
	edits          [2][]byte      // that the adapter wrote instead
	edited         [2]bool        // so it did
	broken         error          // why the request's body could not be read
	answered       bool           // there is an answer
}

// holds reports whether the request's body is at hand, and not as it came.
func (a *adapted) holds() bool { return a.edited[adapter.Request] || a.whole[adapter.Request] }

// body returns the body of a side that is at hand.
func (a *adapted) body(s adapter.Side) []byte {
	if a.edited[s] {
		return a.edits[s]
	}
	return a.bodies[s]
}

// forget empties a and keeps its memory.
func (a *adapted) forget() {
	b := adapted{method: a.method[:0], target: a.target[:0], early: a.early, fields: a.fields}
	for i := range b.fields {
		b.fields[i].Reset()
	}
	b.early.Reset()
	for i := range b.bodies {
		b.bodies[i], b.edits[i] = kept(a.bodies[i]), kept(a.edits[i])
	}
	*a = b
}

// kept returns the memory of b, unless it is too much to be kept.
func kept(b []byte) []byte {
	if cap(b) > 64<<10 {
		return nil
	}
	return b[:0]
}

// Method implements adapter.Exchange, as what follows.
func (a *adapted) Method() []byte {
	if len(a.method) > 0 {
		return a.method
	}
	return a.x.head.method
}

func (a *adapted) SetMethod(method []byte) { a.method = append(a.method[:0], method...) }

func (a *adapted) Target() []byte {
	if len(a.target) > 0 {
		return a.target
	}
	return a.x.head.target
}

func (a *adapted) SetTarget(target []byte) { a.target = append(a.target[:0], target...) }

func (a *adapted) Protocol() string {
	switch {
	case a.x.client.stream != nil:
		return "HTTP/2.0"
	case a.x.head.http10:
		return "HTTP/1.0"
	default:
		return "HTTP/1.1"
	}
}

func (a *adapted) Source() netip.AddrPort {
	client := a.x.remote()
	if tcp, ok := a.x.ctx.Conn().RemoteAddr().(*net.TCPAddr); ok && client == a.x.peer() {
		return netip.AddrPortFrom(client, tcp.AddrPort().Port())
	}
	return netip.AddrPortFrom(client, 0) // a trusted proxy does not say the port
}

func (a *adapted) Status() int {
	switch {
	case a.status != 0:
		return a.status
	case a.answered && a.x.reply.status != 0:
		return a.x.reply.status
	case a.answered: // by the gateway
		return a.x.ctx.Response.StatusCode()
	default:
		return 0
	}
}

func (a *adapted) SetStatus(status int) { a.status = status }

func (a *adapted) Fields(p adapter.Part) *adapter.Fields {
	f := &a.fields[p]
	if a.loaded[p] {
		return f
	}
	a.loaded[p] = true
	switch p {
	case adapter.RequestHeader:
		a.loadRequest(f)
	case adapter.RequestTrailer:
		loadLines(f, a.x.trailers)
	default:
		if a.answered {
			a.loadAnswer(f, p == adapter.ResponseTrailer)
		}
	}
	return f
}

// loadRequest gives f what is forwarded, and what may be known beside it. Of a
// header that carries runs it is what stands before them.
func (a *adapted) loadRequest(f *adapter.Fields) {
	h := &a.x.head
	from, _ := a.x.carriers()
	for i := range h.fields {
		line := &h.fields[i]
		name := h.raw[line.start : line.start+line.colon]
		switch {
		case line.kind == relayed && a.x.carries(line):
			if value := a.x.rest(string(name), from); len(value) > 0 && h.find(string(name)) == line {
				f.Load(name, value)
			}
		case line.kind == relayed, equalFold(name, "host"), equalFold(name, "content-length"):
			f.Load(name, h.value(line))
		}
	}
}

// loadLines gives f lines that were checked.
func loadLines(f *adapter.Fields, lines []byte) {
	for len(lines) > 0 {
		line, rest, _ := bytes.Cut(lines, crlf)
		if name, value, ok := bytes.Cut(line, []byte(":")); ok {
			f.Load(name, trim(value))
		}
		lines = rest
	}
}

// loadAnswer gives f the answer's fields, or trailers.
func (a *adapted) loadAnswer(f *adapter.Fields, trailers bool) {
	h := &a.x.reply
	if trailers {
		loadLines(f, h.trailers)
		return
	}
	for i := range h.fields {
		line := &h.fields[i]
		if name := h.name(line); line.kind == relayed && !equalFold(name, "trailer") || equalFold(name, "content-length") {
			f.Load(name, h.value(line))
		}
	}
}

func (a *adapted) AtHand(s adapter.Side) bool {
	if s == adapter.Response {
		return a.whole[s] || !a.answered
	}
	n := a.x.head.size
	return a.holds() || n >= 0 && n <= readAhead
}

func (a *adapted) Body(s adapter.Side, limit int) ([]byte, error) {
	if s == adapter.Request && !a.holds() {
		if err := a.fetch(limit); err != nil {
			return nil, err
		}
	}
	if s == adapter.Response && a.answered && !a.edited[s] && !a.whole[s] {
		return nil, adapter.ErrTooLarge
	}
	b := a.body(s)
	if len(b) > limit {
		return nil, adapter.ErrTooLarge
	}
	return b, nil
}

// fetch reads the request's body whole, if it is no longer than limit. What it
// reads of a longer one is sent before the rest.
func (a *adapted) fetch(limit int) error {
	const side = adapter.Request
	size := a.x.head.size
	switch {
	case a.broken != nil:
		return a.broken
	case size > int64(limit), len(a.bodies[side]) > limit, a.x.head.grpc: // whose streams may wait for answers
		return adapter.ErrTooLarge
	case size == 0:
		a.whole[side] = true
		return nil
	}
	b, stream, c := a.bodies[side], a.x.ctx.RequestBodyStream(), a.x.client
	for {
		b = slices.Grow(b, max(int(size)-len(b), 4<<10))
		c.deadline.due = time.Now().Add(c.terms.Idle)
		n, err := stream.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		a.bodies[side] = b
		switch {
		case errors.Is(err, io.EOF):
			a.whole[side] = true
			return nil
		case err != nil:
			a.broken = err
			return err
		case len(b) > limit:
			return adapter.ErrTooLarge
		}
	}
}

func (a *adapted) SetBody(s adapter.Side, body []byte) {
	a.edited[s], a.edits[s] = true, append(a.edits[s][:0], body...)
}

func (a *adapted) Property(name string) ([]byte, bool) {
	x := a.x
	var s string
	switch name {
	case "request.id":
		return x.id, true
	case "traceparent":
		return a.Fields(adapter.RequestHeader).Get(name)
	case "module.name":
		s = a.module.Name
	case "route.name":
		s = x.target.Pattern
	case "caller.module":
		if x.caller == nil {
			return nil, false
		}
		s = x.caller.Instance.Module
	case "module.version", "module.instance", "module.endpoint", "module.egress":
		if s = instanceProperty(x.place.instance, name); s == "" {
			return nil, false
		}
	default:
		return nil, false
	}
	return []byte(s), true
}

// instanceProperty returns what is known of the instance that gets the
// request; "": nothing.
func instanceProperty(i *route.Instance, name string) string {
	switch {
	case i == nil:
		return ""
	case name == "module.version":
		return i.Version
	case name == "module.instance":
		return i.ID
	case name == "module.egress":
		return i.Egress
	default:
		return i.Upstream
	}
}

// Discard undoes what the adapter did in this hook.
func (a *adapted) Discard() {
	a.fields[adapter.ResponseHeader].Reset()
	a.fields[adapter.ResponseTrailer].Reset()
	a.loaded[adapter.ResponseHeader], a.loaded[adapter.ResponseTrailer] = false, false
	a.status, a.edited[adapter.Response] = 0, false
	if a.answered {
		return
	}
	a.method, a.target, a.edited[adapter.Request] = a.method[:0], a.target[:0], false
	a.fields[adapter.RequestHeader].Reset()
	a.fields[adapter.RequestTrailer].Reset()
	a.loaded[adapter.RequestHeader], a.loaded[adapter.RequestTrailer] = false, false
}
