// Code generated from sdk-wasm/abi/abi.json. DO NOT EDIT.

// Package abi binds the functions of the host, and names the numbers of the
// ABI. It is the one place that depends on what an adapter is built for.
package abi

// Features of http_handler, as a set.
const (
	FeatureBufferRequest  = 1 // each request's body is read before handle_request is called
	FeatureBufferResponse = 2 // so is an answer's before handle_response is, which may read and replace it
	FeatureTrailers       = 4 // trailers can be edited
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

// Levels of log lines.
const (
	LevelDebug = -1
	LevelInfo  = 0
	LevelWarn  = 1
	LevelError = 2
	LevelNone  = 3
)

// What handle_request returns in its lower half.
const (
	NextAnswered = 0 // the answer is made, and the module does not see the request
	NextForward  = 1 // the request goes on to the module
)

// What modgate_capabilities returns, as a set.
const (
	CapabilityRequest   = 1  // handle_request
	CapabilityResponse  = 2  // handle_response
	CapabilityEncode    = 4  // lifecycle_encode
	CapabilityDecode    = 8  // lifecycle_decode
	CapabilityReply     = 16 // lifecycle_reply
	CapabilityProbe     = 32 // health_request and health_response
	CapabilityExclusive = 64 // an instance works for one request at a time, from its beginning to the answer's end
)

// Features of modgate_adapter_v1, as a set.
const (
	ExtensionJSONEvents = 1 // get_event and emit_event
	ExtensionAttributes = 2 // get_attr, set_attr and emit
	ExtensionProperties = 4 // get_property
	ExtensionShared     = 8 // kv_get and kv_set; the operator grants it by plugin.shared
)

// Types of events to a module.
const (
	EventDelay   = 1  // what it requires is away, and comes back
	EventMissing = 2  // what it requires is not there
	EventResume  = 3  // what it requires is there again; of the module itself with the outcome granted: its update may begin
	EventPoll    = 32 // what has become of the grant that it took, when lifecycle_reply has said in_progress
)

// Types of events from a module.
const (
	AnnounceUpdate     = 16 // it wants to update
	AnnounceDisconnect = 17 // it goes away
	AnnounceResume     = 18 // it is there again
)

// What lifecycle_encode and health_request return in their lower half.
const (
	SendNothing = 0 // of lifecycle_encode: nothing is sent, and the event counts as acknowledged; of health_request: as default
	SendEdited  = 1 // the request is sent as it was edited
	SendDefault = 2 // it is sent as it was
)

// What lifecycle_reply returns.
const (
	VerdictAcknowledged = 0 // the module took the event; of a grant: it has done its update
	VerdictRetry        = 1 // tell it again later
	VerdictGiveUp       = 2 // it will never take this one; of a grant: its update failed
	VerdictInProgress   = 3 // it took the grant and is at it: lifecycle_encode is called with poll
)

// What health_response returns.
const (
	HealthByRule   = 0 // the gateway's default rule decides
	HealthUp       = 1 // it can serve
	HealthDegraded = 2 // it can serve, and the administrator should look at it
	HealthDown     = 3 // it cannot serve
	HealthStarting = 4 // it cannot serve yet; this counts as no failure
)

// What functions of modgate_adapter_v1 return instead of a length or 0.
const (
	ErrorAbsent  = -1 // there is no such thing
	ErrorInvalid = -2 // what was given is wrong
	ErrorFull    = -3 // there is no room
)
