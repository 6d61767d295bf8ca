// Package abi binds the functions of the host, and names the numbers of the
// ABI. It is the one place that depends on what an adapter is built for.
package abi

// Features of http_handler.
const (
	FeatureBufferRequest  = 1
	FeatureBufferResponse = 2
	FeatureTrailers       = 4
)

// Kinds of fields.
const (
	KindRequestHeader   = 0
	KindResponseHeader  = 1
	KindRequestTrailer  = 2
	KindResponseTrailer = 3
)

// Kinds of bodies.
const (
	BodyRequest  = 0
	BodyResponse = 1
)

// Capabilities.
const (
	CapabilityRequest   = 1
	CapabilityResponse  = 2
	CapabilityEncode    = 4
	CapabilityDecode    = 8
	CapabilityReply     = 16
	CapabilityProbe     = 32
	CapabilityExclusive = 64
)

// Types of events, to a module and from it.
const (
	EventDelay         = 1
	EventMissing       = 2
	EventResume        = 3
	AnnounceUpdate     = 16
	AnnounceDisconnect = 17
	AnnounceResume     = 18
	EventPoll          = 32
)

// What hooks return.
const (
	Next        = 1 // of handle_request
	SendNothing = 0 // of lifecycle_encode and health_request
	SendEdited  = 1
	SendDefault = 2
)
