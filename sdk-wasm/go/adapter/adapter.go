// Package adapter is for authors of adapters: what stands between the gateway
// and a module that speaks another dialect. An adapter is a program whose init
// registers what it wants to see, and whose main does nothing:
//
//	package main
//
//	import "github.com/modgate/modgate/sdk-wasm/go/adapter"
//
//	func main() {}
//
//	func init() {
//		adapter.Register(adapter.Adapter{
//			OnRequest: func(r *adapter.Request) {
//				if r.Header.Get("X-Tenant") == "" {
//					r.Answer(400).Body.SetString("which tenant?")
//					return
//				}
//				r.SetPath("/v2" + r.Path())
//			},
//		})
//	}
//
// It is built for WebAssembly with the mainline toolchain:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -ldflags="-s -w" -o billing.wasm .
//
// Built for any other system, it runs against the host of package adaptertest:
// adapters are tested with go test.
//
// An instance of an adapter runs one hook at a time, and between a request and
// its answer it runs others: what belongs to one request is kept with
// Request.Keep, never in a variable. There are several instances, which share
// nothing but Gateway.Shared. An adapter does no I/O of its own: the gateway
// sends, waits and tries again.
//
// Texts that hooks are given are strings as any other and may be kept. Requests,
// responses, events and bodies are those of the hook: they are of no use when
// it has returned.
//
// A hook that panics, or asks for what is not allowed, ends the instance: its
// module's request is answered 503, and the administrator is told. That is what
// to do when there is no way on.
package adapter

import "github.com/modgate/modgate/sdk-wasm/go/adapter/internal/abi"

// Adapter is what its author fills in. A hook that is nil is not asked, and
// costs nothing.
type Adapter struct {
	// Features are enabled for all requests. See also Request.Enable.
	Features Features

	// Exclusive says that an instance works for one request at a time, from
	// its beginning to the answer's end. That costs an instance, and its
	// memory, for each request in flight: who uses Request.Keep needs it not.
	Exclusive bool

	// Configure is called first, in each instance, with plugin.config of the
	// module's block. With an error the adapter is not put in force, and the
	// text is logged.
	Configure func(c *Config) error

	// OnRequest sees a request on its way to the module. It may edit it, or
	// answer it with Request.Answer.
	OnRequest func(r *Request)

	// OnResponse sees the module's answer, or that there is none. It is not
	// called for what OnRequest has answered.
	OnResponse func(r *Response)

	// Encode turns an event into the request with which the module is told. r
	// is the default, a CloudEvent.
	Encode func(e *Event, r *Request) Encoding

	// Reply says what the module's answer to what Encode made means. If it is
	// nil, a 2xx is Acknowledged and anything else Retry.
	Reply func(r *Reply) Verdict

	// Decode sees a request that the module itself sent to the gateway, and
	// says by Message.Announce what it means.
	Decode func(m *Message)

	// HealthRequest edits the request that asks for the module's health.
	HealthRequest func(r *Request)

	// HealthResponse says what the answer to it means.
	HealthResponse func(r *Response) Health
}

// capabilities tells the host which hooks there are.
func (a *Adapter) capabilities() (mask uint32) {
	for _, c := range []struct {
		has bool
		bit uint32
	}{
		{a.OnRequest != nil, abi.CapabilityRequest},
		{a.OnResponse != nil, abi.CapabilityResponse},
		{a.Encode != nil, abi.CapabilityEncode},
		{a.Decode != nil, abi.CapabilityDecode},
		{a.Reply != nil, abi.CapabilityReply},
		{a.HealthRequest != nil || a.HealthResponse != nil, abi.CapabilityProbe},
		{a.Exclusive, abi.CapabilityExclusive},
	} {
		if c.has {
			mask |= c.bit
		}
	}
	return mask
}

// Features is a set of what costs the gateway something, and is off unless an
// adapter enables it.
type Features uint32

// The features.
const (
	BufferRequest  Features = abi.FeatureBufferRequest  // each request's body is read before OnRequest is called
	BufferResponse Features = abi.FeatureBufferResponse // so is an answer's before OnResponse is, which may read and replace it
	Trailers       Features = abi.FeatureTrailers       // trailers can be edited
)

// Encoding says what becomes of an event. The zero value is Default.
type Encoding uint8

// The encodings.
const (
	Default Encoding = iota // the request is sent as it was, without what the hook has edited
	Edited                  // it is sent as the hook has made it
	Nothing                 // nothing is sent: the module needs not be told, which counts as acknowledged
)

// Verdict is how telling a module ended. The zero value is invalid.
type Verdict uint8

// The verdicts.
const (
	Acknowledged Verdict = iota + 1 // it took the event; of a grant: it has done its update
	Retry                           // tell it again later
	GiveUp                          // it will never take this one; of a grant: its update failed
	InProgress                      // it took the grant and is at it: Encode is called with Poll, see Reply.After
)

// Health is a judgement of a module. The zero value leaves it to the gateway.
type Health uint8

// The judgements.
const (
	ByRule   Health = iota // as if there were no adapter
	Up                     // it can serve
	Degraded               // it can serve, and the administrator should look at it
	Down                   // it cannot serve
	Starting               // it cannot serve yet; this counts as no failure
)
