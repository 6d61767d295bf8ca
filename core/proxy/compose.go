package proxy

import (
	"strconv"

	"github.com/modgate/modgate/core/adapter"
)

// compose writes the request as the upstream gets it: what is for this hop
// removed, what the gateway says added, and a body that is at hand.
func (x *exchange) compose(up *upstream) error {
	h := &x.head
	target, host := h.target, h.host
	if x.adapted != nil {
		target, host = x.adapted.Target(), x.adapted.host()
	}
	b := append(x.out[:0], x.method()...)
	b = append(b, ' ')
	b = append(b, target...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	if len(host) > 0 {
		b = append(b, host...)
	} else if h.hosts == 0 {
		b = append(b, up.host...)
	}
	b = append(b, '\r', '\n')
	b = x.appendRelayed(b)
	b = x.appendHop(b)
	b = x.appendTrace(b)
	b = x.appendOurs(b, up)
	b = append(b, '\r', '\n')
	b, err := x.upload.prepare(b)
	x.out = b
	return err
}

// appendRelayed writes the fields that are forwarded as they were sent, those
// that stand together at once.
func (x *exchange) appendRelayed(b []byte) []byte {
	if a := x.adapted; a != nil && a.fields[adapter.RequestHeader].Edited() {
		return a.appendEdited(b)
	}
	h := &x.head
	start, end := 0, 0
	for i := range h.fields {
		f := &h.fields[i]
		if f.kind != relayed || x.carries(f) {
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

// appendHop writes what is for the hop to the upstream only.
func (x *exchange) appendHop(b []byte) []byte {
	h := &x.head
	switch a := x.adapted; {
	case a != nil && a.holds():
		b = a.appendFraming(b)
	case h.chunked:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case h.length:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, h.size, 10)
		b = append(b, '\r', '\n')
	}
	b = appendCodings(b, h.codings)
	if h.hops > 0 {
		b = append(b, "Max-Forwards: "...)
		b = strconv.AppendInt(b, int64(h.hops-2), 10)
		b = append(b, '\r', '\n')
	}
	switch {
	case h.upgrades():
		b = append(b, "Connection: Upgrade\r\nUpgrade: "...)
		b = append(b, h.upgrade...)
		b = append(b, '\r', '\n')
	case h.isolated:
		b = append(b, "Connection: close\r\n"...)
	case h.trailers:
		b = append(b, "Connection: TE\r\nTE: trailers\r\n"...)
	}
	return b
}

// origin is the hop with which a run begins: of a caller who brings none, its
// own, so that what a module does of its own accord is known as its (U11).
func (x *exchange) origin() string {
	if x.caller == nil {
		return ""
	}
	return x.caller.Instance.Hop
}

// appendOurs writes the gateway's own fields (3.1).
func (x *exchange) appendOurs(b []byte, up *upstream) []byte {
	b = append(b, "Modgate-Request-Id: "...)
	b = append(b, x.id...)
	b = append(b, "\r\nModgate-Epoch: "...)
	b = strconv.AppendUint(b, x.place.state.Epoch, 10)
	b = append(b, "\r\nModgate-Run: "...)
	start := len(b)
	b = up.chains.appended(b, &x.run, x.origin(), x.place.instance.Hop)
	run := b[start:]
	b = append(b, '\r', '\n')
	b = x.appendTimeout(b)
	return x.appendCarrier(b, run)
}
