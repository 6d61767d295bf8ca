package adapter

import "github.com/modgate/modgate/sdk-wasm/go/adapter/internal/abi"

// Guest is an adapter as the host calls it: a method for each export of the
// ABI. Package adaptertest uses it; adapters need it not.
type Guest struct {
	adapter  Adapter
	host     abi.Host
	texts    texts
	request  Request
	response Response
	event    Event
	reply    Reply
	message  Message
	kept     []kept   // by what the host hands back, less one
	free     []uint32 // of kept
	tag      uint32   // of the request
	answered bool
	left     bool // the hook has left something: a body, a value, a tag, an answer
	hook     hook
}

// kept is what a request leaves for its answer.
type kept struct {
	value any
	tag   uint32
}

// hook is which of them runs.
type hook uint8

const (
	onRequest hook = iota + 1
	onResponse
	onEvent
	onReply
	onMessage
	onProbe
	onJudgement
)

// NewGuest returns the adapter before a host.
func NewGuest(a Adapter, host abi.Host) *Guest {
	g := &Guest{}
	g.init(a, host)
	return g
}

func (g *Guest) init(a Adapter, host abi.Host) {
	g.adapter, g.host = a, host
	gateway := Gateway{g: g}
	g.request = Request{
		Gateway: gateway,
		Header:  Fields{g, abi.KindRequestHeader}, Trailer: Fields{g, abi.KindRequestTrailer},
		ResponseHeader: Fields{g, abi.KindResponseHeader},
		Body:           Body{g: g, kind: abi.BodyRequest},
	}
	g.response = Response{
		Gateway: gateway, Request: &g.request,
		Header: Fields{g, abi.KindResponseHeader}, Trailer: Fields{g, abi.KindResponseTrailer},
		Body: Body{g: g, kind: abi.BodyResponse},
	}
	g.event.Gateway, g.reply.Response, g.message.Request = gateway, &g.response, &g.request
}

// begin begins a hook.
func (g *Guest) begin(h hook, tag uint32) {
	if g.left {
		g.clear()
	}
	g.hook, g.tag = h, tag
	g.request.target = ""
}

// clear forgets what the hook before has left.
func (g *Guest) clear() {
	g.left, g.answered = false, false
	g.request.kept = nil
	g.request.Body.reset()
	g.response.Body.reset()
}

// end hands over what the hook has left here.
func (g *Guest) end() {
	if g.left {
		g.request.Body.flush()
		g.response.Body.flush()
	}
}

// Capabilities is modgate_capabilities.
func (g *Guest) Capabilities() uint32 { return g.adapter.capabilities() }

// Configure is modgate_configure.
func (g *Guest) Configure() uint32 {
	if want := uint32(g.adapter.Features); want != 0 {
		if got := g.host.EnableFeatures(want); got&want != want {
			g.host.Log(int32(Error), "this gateway lacks features that the adapter needs")
			return 1
		}
	}
	if g.adapter.Configure == nil {
		return 0
	}
	c := &Config{Gateway: Gateway{g: g}, Text: g.texts.read(g.host.GetConfig)}
	if err := g.adapter.Configure(c); err != nil {
		g.host.Log(int32(Error), err.Error())
		return 1
	}
	return 0
}

// HandleRequest is handle_request.
func (g *Guest) HandleRequest() uint64 {
	if g.adapter.OnRequest == nil {
		return abi.NextForward
	}
	g.begin(onRequest, 0)
	g.adapter.OnRequest(&g.request)
	if !g.left {
		return abi.NextForward
	}
	g.end()
	if g.answered {
		return abi.NextAnswered
	}
	return uint64(g.keep())<<32 | abi.NextForward
}

// keep puts away what the request leaves for its answer, and returns where.
func (g *Guest) keep() uint32 {
	if g.request.kept == nil && g.tag == 0 || g.adapter.OnResponse == nil {
		return 0
	}
	k := kept{g.request.kept, g.tag}
	if n := len(g.free); n > 0 {
		at := g.free[n-1]
		g.free, g.kept[at-1] = g.free[:n-1], k
		return at
	}
	g.kept = append(g.kept, k)
	return uint32(len(g.kept))
}

// take returns what was put away there.
func (g *Guest) take(at uint32) (k kept) {
	if at == 0 || int(at) > len(g.kept) {
		return k
	}
	k, g.kept[at-1] = g.kept[at-1], kept{}
	g.free = append(g.free, at)
	return k
}

// HandleResponse is handle_response.
func (g *Guest) HandleResponse(context, isError uint32) {
	k := g.take(context)
	if g.adapter.OnResponse == nil {
		return
	}
	g.begin(onResponse, k.tag)
	if k.value != nil {
		g.request.kept, g.left = k.value, true
	}
	g.response.Failed = isError != 0
	g.adapter.OnResponse(&g.response)
	g.end()
}

// LifecycleEncode is lifecycle_encode.
func (g *Guest) LifecycleEncode(kind uint32) uint64 {
	if g.adapter.Encode == nil {
		return abi.SendDefault
	}
	g.begin(onEvent, 0)
	g.event.Type = EventType(kind)
	switch g.adapter.Encode(&g.event, &g.request) {
	case Edited:
		g.end()
		return uint64(g.tag)<<32 | abi.SendEdited
	case Nothing:
		return abi.SendNothing
	case Default:
		return uint64(g.tag)<<32 | abi.SendDefault
	}
	panic("adapter: Encode returned no Encoding")
}

// LifecycleReply is lifecycle_reply.
func (g *Guest) LifecycleReply(context, isError uint32) uint32 {
	g.begin(onReply, context)
	g.response.Failed = isError != 0
	v := g.reply.ByRule()
	if g.adapter.Reply != nil {
		v = g.adapter.Reply(&g.reply)
	}
	if v < Acknowledged || v > InProgress {
		panic("adapter: Reply returned no Verdict")
	}
	return uint32(v - Acknowledged)
}

// LifecycleDecode is lifecycle_decode.
func (g *Guest) LifecycleDecode() int32 {
	if g.adapter.Decode == nil {
		return 0
	}
	g.begin(onMessage, 0)
	m := &g.message
	m.announced, m.malformed = 0, false
	g.adapter.Decode(m)
	g.end()
	switch {
	case m.malformed:
		return -1
	case m.announced == 0 && g.answered:
		return 1 // a message that announces nothing
	}
	return int32(m.announced)
}

// HealthRequest is health_request.
func (g *Guest) HealthRequest() uint64 {
	if g.adapter.HealthRequest == nil {
		return abi.SendDefault
	}
	g.begin(onProbe, 0)
	g.adapter.HealthRequest(&g.request)
	g.end()
	return uint64(g.tag)<<32 | abi.SendEdited
}

// HealthResponse is health_response.
func (g *Guest) HealthResponse(context, isError uint32) uint32 {
	if g.adapter.HealthResponse == nil {
		return uint32(ByRule)
	}
	g.begin(onJudgement, context)
	g.response.Failed = isError != 0
	return uint32(g.adapter.HealthResponse(&g.response))
}
