package proxy

import (
	"bytes"
	"strings"

	"github.com/modgate/modgate/core/adapter"
)

// A module that knows nothing of Modgate-Run may pass on another header by
// itself: its run_header, which stands for it (L4). The run comes after what
// was there before, as Okapi appends to its X-Okapi-Request-Id:
//
//	X-Okapi-Request-Id: 123456/users;v1.<hops>.<mac>
//
// On its way back the run is taken off again, so that only such a module sees
// it.

const carrierDivider = ';'

// readRun takes the run that the caller's request came with.
func (x *exchange) readRun() {
	if x.caller == nil {
		return
	}
	run := x.head.run
	if name := x.caller.Instance.RunHeader; name != "" {
		if f := x.head.find(name); f != nil {
			if _, carried := splitCarrier(x.head.value(f)); carried != nil {
				run = carried
			}
		}
	}
	if len(run) > 0 {
		x.run.read(run, x.caller.Instance.Hop)
	}
}

// carries reports whether f is written anew by appendCarrier.
func (x *exchange) carries(f *field) bool {
	from, to := x.carriers()
	if from == "" && to == "" {
		return false
	}
	name := x.head.raw[f.start : f.start+f.colon]
	return sameName(name, from) || sameName(name, to)
}

// carriers returns the run headers of the caller and of the module that gets
// the request; empty: none.
func (x *exchange) carriers() (from, to string) {
	if x.caller != nil {
		from = x.caller.Instance.RunHeader
	}
	return from, x.place.instance.RunHeader
}

// appendCarrier writes the header that carries the run to a module which does
// not know Modgate-Run, and that of the caller without what it carried here.
func (x *exchange) appendCarrier(b, run []byte) []byte {
	from, to := x.carriers()
	edited := x.adapted != nil && x.adapted.fields[adapter.RequestHeader].Edited()
	if to != "" {
		rest := x.rest(to, from)
		if edited {
			rest, _ = x.adapted.fields[adapter.RequestHeader].Get(to)
		}
		b = append(b, to...)
		b = append(b, ": "...)
		if len(rest) > 0 {
			b = append(b, rest...)
			b = append(b, carrierDivider)
		}
		b = append(b, run...)
		b = append(b, '\r', '\n')
	}
	if from != "" && !edited && !strings.EqualFold(from, to) {
		if rest := x.rest(from, from); len(rest) > 0 {
			b = append(b, from...)
			b = append(b, ": "...)
			b = append(b, rest...)
			b = append(b, '\r', '\n')
		}
	}
	return b
}

// rest returns the value of the request's first field of that name, without a
// run if the caller carries its runs there.
func (x *exchange) rest(name, carrier string) []byte {
	f := x.head.find(name)
	if f == nil {
		return nil
	}
	value := x.head.value(f)
	if strings.EqualFold(name, carrier) {
		value, _ = splitCarrier(value)
	}
	return value
}

// splitCarrier parts a run from what stands before it. Without a run, run is
// nil.
func splitCarrier(value []byte) (rest, run []byte) {
	run = value
	if i := bytes.LastIndexByte(value, carrierDivider); i >= 0 {
		rest, run = value[:i], value[i+1:]
	}
	if !bytes.HasPrefix(run, []byte(runPrefix)) || bytes.Count(run, []byte(".")) != 2 {
		return value, nil
	}
	return rest, run
}

// sameName compares names of header fields.
func sameName(field []byte, name string) bool {
	return len(field) == len(name) && strings.EqualFold(string(field), name)
}

// find returns the first relayed field of that name, or nil.
func (h *head) find(name string) *field {
	for i := range h.fields {
		f := &h.fields[i]
		if f.kind == relayed && sameName(h.raw[f.start:f.start+f.colon], name) {
			return f
		}
	}
	return nil
}

// value returns a field's value.
func (h *head) value(f *field) []byte { return trim(h.raw[f.start+f.colon+1 : f.end]) }
