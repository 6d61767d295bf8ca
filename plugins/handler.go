package plugins

import (
	"strconv"
	"time"

	"github.com/modgate/modgate/core/adapter"
)

// Features of http-wasm's handler ABI.
const (
	bufferRequest  = 1 << iota // a request's body is read before the guest runs
	bufferResponse             // so is an answer's, and can be replaced
	trailers                   // can be seen and edited
	allFeatures    = bufferRequest | bufferResponse | trailers
)

// handlerFunctions are those of http-wasm's handler ABI
// (https://http-wasm.io/http-handler-abi), all of them. What that leaves to the
// host: a body that a guest has read is seen by what follows in any case; an
// answer's status and fields can be edited without buffering it; fields that
// were set before the module answered are added to its answer.
var handlerFunctions = []hostFunction{
	{"enable_features", "i", "i", (*call).enableFeatures},
	{"get_config", "ii", "i", (*call).getConfig},
	{"log_enabled", "i", "i", (*call).logEnabled},
	{"log", "iii", "", (*call).log},
	{"get_method", "ii", "i", (*call).getMethod},
	{"set_method", "ii", "", (*call).setMethod},
	{"get_uri", "ii", "i", (*call).getURI},
	{"set_uri", "ii", "", (*call).setURI},
	{"get_protocol_version", "ii", "i", (*call).getProtocolVersion},
	{"get_source_addr", "ii", "i", (*call).getSourceAddr},
	{"get_header_names", "iii", "I", (*call).getHeaderNames},
	{"get_header_values", "iiiii", "I", (*call).getHeaderValues},
	{"set_header_value", "iiiii", "", (*call).setHeader},
	{"add_header_value", "iiiii", "", (*call).addHeader},
	{"remove_header", "iii", "", (*call).removeHeader},
	{"read_body", "iii", "I", (*call).readBody},
	{"write_body", "iii", "", (*call).writeBody},
	{"get_status_code", "", "i", (*call).getStatusCode},
	{"set_status_code", "i", "", (*call).setStatusCode},
}

func (c *call) enableFeatures(s []uint64) {
	want := uint32(s[0]) & allFeatures
	switch c.phase {
	case starting:
		c.features = c.i.g.features.Or(want) | want
	case afterNext:
	default:
		c.features |= want
	}
	s[0] = uint64(c.features)
}

func (c *call) getConfig(s []uint64) {
	c.scratch = append(c.scratch[:0], c.i.g.p.o.Plugin.Config...)
	s[0] = c.put(s[0], s[1], c.scratch)
}

func (c *call) logEnabled(s []uint64) {
	enabled := c.i.g.p.lines.enabled(int32(uint32(s[0])))
	s[0] = 0
	if enabled {
		s[0] = 1
	}
}

func (c *call) log(s []uint64) {
	if b, ok := c.reach(s[1], s[2]); ok { // log never traps
		c.i.g.p.lines.write(int32(uint32(s[0])), b)
	}
}

func (c *call) getMethod(s []uint64) { s[0] = c.put(s[0], s[1], c.exchange().Method()) }

func (c *call) setMethod(s []uint64) {
	x := c.request("the method")
	method := c.view(s[0], s[1])
	if !isToken(method) || string(method) == "CONNECT" {
		panic(misuse("the method must be a token, and not CONNECT"))
	}
	c.changed()
	x.SetMethod(method)
}

func (c *call) getURI(s []uint64) {
	uri := c.exchange().Target()
	if len(uri) == 0 {
		uri = root
	}
	s[0] = c.put(s[0], s[1], uri)
}

var root = []byte("/")

func (c *call) setURI(s []uint64) {
	x := c.request("the URI")
	uri := c.view(s[0], s[1])
	if len(uri) == 0 {
		uri = root
	}
	if uri[0] != '/' {
		panic(misuse("the URI must be a path, with a query or without"))
	}
	if !isTarget(uri) {
		c.scratch = appendTarget(c.scratch[:0], uri)
		uri = c.scratch
	}
	c.changed()
	x.SetTarget(uri)
}

func (c *call) getProtocolVersion(s []uint64) {
	c.scratch = append(c.scratch[:0], c.exchange().Protocol()...)
	s[0] = c.put(s[0], s[1], c.scratch)
}

func (c *call) getSourceAddr(s []uint64) {
	c.scratch = c.scratch[:0]
	if addr := c.exchange().Source(); addr.IsValid() {
		c.scratch = addr.AppendTo(c.scratch)
	}
	s[0] = c.put(s[0], s[1], c.scratch)
}

// request returns the exchange if its request may still be edited.
func (c *call) request(what string) adapter.Exchange {
	x := c.exchange()
	c.unsent(what)
	return x
}

// unsent ends a guest that edits a request that is gone.
func (c *call) unsent(what string) {
	if c.sent() {
		panic(misuse("it is too late to change " + what + ": the request was sent"))
	}
}

// sent reports whether the request is gone.
func (c *call) sent() bool { return c.phase == afterNext || c.phase == replying || c.phase == judging }

// part returns the part whose fields are of a kind.
func part(kind uint64) adapter.Part {
	k := uint32(kind)
	if k >= uint32(adapter.Parts) {
		panic(misuse("there is no kind of header " + strconv.Itoa(int(k))))
	}
	return adapter.Part(k)
}

// fields returns those of a kind, to be read.
func (c *call) fields(kind uint64) *adapter.Fields { return c.exchange().Fields(part(kind)) }

func (c *call) needs(feature uint32, name, what string) {
	if c.features&feature == 0 {
		panic(misuse("it must enable the feature " + name + " to " + what))
	}
}

// getHeaderNames lists the names in lower case, each once, each followed by a
// zero.
func (c *call) getHeaderNames(s []uint64) {
	all := c.fields(s[0]).All()
	b, count := c.scratch[:0], uint64(0)
	var seen map[string]bool
	if len(all) > manyFields {
		seen = make(map[string]bool, len(all))
	}
	for i := range all {
		start := len(b)
		b = append(appendLower(b, all[i].Name), 0)
		if again(all, i, seen, b[start:]) {
			b = b[:start]
			continue
		}
		count++
	}
	c.scratch = b
	s[0] = count<<32 | c.put(s[1], s[2], b)
}

// manyFields is from where on names are not compared each with each.
const manyFields = 64

// again reports whether the name of field i, in lower case, was there before.
func again(all []adapter.Field, i int, seen map[string]bool, name []byte) bool {
	if seen != nil {
		was := seen[string(name)]
		seen[string(name)] = true
		return was
	}
	for j := range i {
		if equalFold(all[i].Name, all[j].Name) {
			return true
		}
	}
	return false
}

// getHeaderValues lists the values under a name, each followed by a zero.
func (c *call) getHeaderValues(s []uint64) {
	all := c.fields(s[0]).All()
	name := c.headerName(s[1], s[2])
	c.ask(part(s[0]), name)
	b, count := c.scratch[:0], uint64(0)
	for i := range all {
		if equalFold(all[i].Name, name) {
			b = append(append(b, all[i].Value...), 0)
			count++
		}
	}
	c.scratch = b
	s[0] = count<<32 | c.put(s[3], s[4], b)
}

func (c *call) headerName(ptr, n uint64) []byte {
	name := c.view(ptr, n)
	if len(name) == 0 {
		panic(errNameless)
	}
	return name
}

const errNameless = misuse("a header has no name")

func (c *call) setHeader(s []uint64) {
	c.touch()
	c.edit(editSet, s[0], c.view(s[1], s[2]), c.view(s[3], s[4]))
}

func (c *call) addHeader(s []uint64) {
	c.touch()
	c.edit(editAdd, s[0], c.view(s[1], s[2]), c.view(s[3], s[4]))
}

func (c *call) removeHeader(s []uint64) {
	c.touch()
	c.edit(editRemove, s[0], c.view(s[1], s[2]), nil)
}

// side returns the side of a body.
func (c *call) side(kind uint64) adapter.Side {
	switch uint32(kind) {
	case 0:
		return adapter.Request
	case 1:
		return adapter.Response
	}
	panic(misuse("there is no kind of body " + strconv.Itoa(int(uint32(kind)))))
}

func (c *call) readBody(s []uint64) {
	side, x := c.side(s[0]), c.exchange()
	if uint32(s[2]) == 0 {
		panic(misuse("it reads a body into no room at all"))
	}
	if side == adapter.Response && c.phase == afterNext {
		c.needs(bufferResponse, "buffer_response", "read an answer's body")
	}
	if side == adapter.Request && !c.i.g.reads.Load() {
		c.i.g.reads.Store(true)
	}
	body, err := x.Body(side, int(c.i.g.p.o.Plugin.Body))
	if err != nil {
		panic(bodyError{err})
	}
	c.until = time.Time{} // it may have waited for a client
	n := copy(c.view(s[1], s[2]), body[min(c.read[side], len(body)):])
	c.read[side] += n
	s[0] = uint64(n)
	if c.read[side] >= len(body) {
		s[0] |= 1 << 32
	}
}

func (c *call) writeBody(s []uint64) {
	side, data := c.side(s[0]), c.view(s[1], s[2])
	if side == adapter.Request {
		c.request("the request's body")
	} else if c.phase == afterNext {
		c.needs(bufferResponse, "buffer_response", "write an answer's body")
	}
	c.exchange()
	if !c.written[side] {
		c.written[side], c.bodies[side] = true, c.bodies[side][:0]
	}
	if len(c.bodies[side])+len(data) > int(c.i.g.p.o.Plugin.Body) {
		panic(misuse("it writes a body of more than " + c.i.g.p.o.Plugin.Body.String()))
	}
	c.bodies[side] = append(c.bodies[side], data...)
}

func (c *call) getStatusCode(s []uint64) {
	status := c.exchange().Status()
	if status == 0 {
		status = 200
	}
	s[0] = uint64(status)
}

func (c *call) setStatusCode(s []uint64) {
	status := uint32(s[0])
	if status < 200 || status > 999 {
		panic(misuse("the status " + strconv.FormatUint(uint64(status), 10) + " is none of an answer"))
	}
	c.exchange().SetStatus(int(status))
}
