package adaptertest

import (
	"net/netip"
	"strings"

	"github.com/modgate/modgate/core/adapter"
)

// exchange is a request and its answer as the gateway's data plane has them
// for an adapter: what the adapter sets before there is an answer is added to
// it. Used again, it allocates nothing.
type exchange struct {
	properties map[string]string
	protocol   string
	source     netip.AddrPort

	asked, replied arrived // as they came
	answered       bool

	method, target []byte
	status         int
	fields         [adapter.Parts]adapter.Fields
	early          adapter.Fields
	bodies         [2][]byte // that the adapter wrote
	edited         [2]bool   // so it did
	whole          bool      // the answer's body is at hand
	lead           []byte    // written before there was an answer: in front of its body
}

// arrived is one half of an exchange as it came.
type arrived struct {
	method, target   []byte
	status           int
	fields, trailers []adapter.Field
	body             []byte
}

func fieldsOf(lines []string) []adapter.Field {
	var all []adapter.Field
	for _, a := range attributes(lines) {
		all = append(all, adapter.Field{Name: []byte(a.Name), Value: []byte(a.Value)})
	}
	return all
}

// newExchange returns the exchange that begins with m.
func newExchange(m *Message, method string, properties map[string]string) *exchange {
	x := &exchange{properties: properties, protocol: either(m.Protocol, "HTTP/1.1")}
	x.source, _ = netip.ParseAddrPort(m.Source) // it was checked
	x.asked = arrived{
		method: []byte(either(m.Method, method)), target: []byte(either(m.Target, "/")), body: m.body(),
		fields: fieldsOf(m.Headers), trailers: fieldsOf(m.Trailers),
	}
	x.reset()
	return x
}

func either(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// reset makes x what it was when it was new.
func (x *exchange) reset() {
	x.answered, x.whole, x.status, x.edited = false, false, 0, [2]bool{}
	x.method, x.target, x.lead = append(x.method[:0], x.asked.method...), append(x.target[:0], x.asked.target...), x.lead[:0]
	for p := range x.fields {
		x.fields[p].Reset()
	}
	x.early.Reset()
	x.load(adapter.RequestHeader, x.asked.fields)
	x.load(adapter.RequestTrailer, x.asked.trailers)
}

func (x *exchange) load(p adapter.Part, fields []adapter.Field) {
	for _, f := range fields {
		x.fields[p].Load(f.Name, f.Value)
	}
}

// reply gives x the module's answer, of whose body the adapter wants up to
// buffer bytes at hand.
func (x *exchange) reply(a *arrived, buffer int) {
	x.answered, x.status = true, a.status
	x.replied = *a
	x.fields[adapter.ResponseHeader], x.early = x.early, x.fields[adapter.ResponseHeader]
	if x.edited[adapter.Response] && buffer > 0 {
		x.lead = append(x.lead[:0], x.bodies[adapter.Response]...)
	}
	x.edited[adapter.Response] = false
	x.whole = len(a.body) == 0 || buffer > 0 && len(x.lead)+len(a.body) <= buffer
	x.loadAnswer()
}

func (x *exchange) loadAnswer() {
	x.fields[adapter.ResponseHeader].Reset()
	x.fields[adapter.ResponseTrailer].Reset()
	x.load(adapter.ResponseHeader, x.replied.fields)
	if x.whole { // else they are still to come
		x.load(adapter.ResponseTrailer, x.replied.trailers)
	}
	for _, f := range x.early.All() {
		x.fields[adapter.ResponseHeader].Add(f.Name, f.Value)
	}
}

// fail says that there is no answer.
func (x *exchange) fail() {
	x.answered = true
	x.status = 0
}

// trailed returns the answer's trailers as they go on: of one that streams,
// the module's, but for those that the adapter has set.
func (x *exchange) trailed() *adapter.Fields {
	own := &x.fields[adapter.ResponseTrailer]
	if !x.answered || x.whole {
		return own
	}
	all := &adapter.Fields{}
	for _, f := range x.replied.trailers {
		if _, set := own.Get(string(f.Name)); !set {
			all.Load(f.Name, f.Value)
		}
	}
	for _, f := range own.All() {
		all.Load(f.Name, f.Value)
	}
	return all
}

// sent returns the body of a side as it goes on.
func (x *exchange) sent(s adapter.Side) []byte {
	switch {
	case x.edited[s]:
		return x.bodies[s]
	case s == adapter.Request:
		return x.asked.body
	case len(x.lead) > 0:
		return append(append([]byte(nil), x.lead...), x.replied.body...)
	default:
		return x.replied.body
	}
}

// Method implements adapter.Exchange, as what follows.
func (x *exchange) Method() []byte { return x.method }

func (x *exchange) SetMethod(method []byte)               { x.method = append(x.method[:0], method...) }
func (x *exchange) Target() []byte                        { return x.target }
func (x *exchange) SetTarget(target []byte)               { x.target = append(x.target[:0], target...) }
func (x *exchange) Protocol() string                      { return x.protocol }
func (x *exchange) Source() netip.AddrPort                { return x.source }
func (x *exchange) Status() int                           { return x.status }
func (x *exchange) SetStatus(status int)                  { x.status = status }
func (x *exchange) Fields(p adapter.Part) *adapter.Fields { return &x.fields[p] }
func (x *exchange) AtHand(s adapter.Side) bool            { return s == adapter.Request || !x.answered || x.whole }

func (x *exchange) Body(s adapter.Side, limit int) ([]byte, error) {
	if s == adapter.Response && x.answered && !x.edited[s] && !x.whole {
		return nil, adapter.ErrTooLarge
	}
	b := x.sent(s)
	if len(b) > limit {
		return nil, adapter.ErrTooLarge
	}
	return b, nil
}

func (x *exchange) SetBody(s adapter.Side, body []byte) {
	x.edited[s], x.bodies[s] = true, append(x.bodies[s][:0], body...)
}

func (x *exchange) Property(name string) ([]byte, bool) {
	if name == "traceparent" {
		return x.fields[adapter.RequestHeader].Get(name)
	}
	v, ok := x.properties[name]
	return []byte(v), ok
}

// Discard undoes what the adapter did in this hook.
func (x *exchange) Discard() {
	x.edited[adapter.Response] = false
	if x.answered {
		x.status = x.replied.status
		x.loadAnswer()
		return
	}
	early := x.early
	x.reset()
	x.early = early
}

// Owned reports whether the gateway itself writes a field of that name, in
// requests to modules and answers to clients: what an adapter writes under it
// goes nowhere. Whoever frames a message, or speaks for a connection or for
// the gateway, has to be one.
func Owned(name string) bool {
	name = strings.ToLower(name)
	switch name {
	case "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer", "proxy-connection",
		"proxy-authenticate", "proxy-authorization", "expect", "http2-settings", "forwarded", "x-real-ip", "client-cert", "client-cert-chain":
		return true
	}
	return strings.HasPrefix(name, "modgate-") || strings.HasPrefix(name, "x-forwarded-")
}
