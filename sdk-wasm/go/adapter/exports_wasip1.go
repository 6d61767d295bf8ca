package adapter

import "github.com/modgate/modgate/sdk-wasm/go/adapter/internal/abi"

// guest is the one adapter of this instance. The exports of the ABI are
// functions without a receiver: where else could they find it?
var guest Guest

// Register says what the adapter does. Call it once, in init.
func Register(a Adapter) { guest.init(a, abi.Host{}) }

//go:wasmexport modgate_capabilities
func capabilities() uint32 { return guest.Capabilities() }

//go:wasmexport modgate_configure
func configure() uint32 { return guest.Configure() }

//go:wasmexport handle_request
func handleRequest() uint64 { return guest.HandleRequest() }

//go:wasmexport handle_response
func handleResponse(context, isError uint32) { guest.HandleResponse(context, isError) }

//go:wasmexport lifecycle_encode
func lifecycleEncode(kind uint32) uint64 { return guest.LifecycleEncode(kind) }

//go:wasmexport lifecycle_reply
func lifecycleReply(context, isError uint32) uint32 { return guest.LifecycleReply(context, isError) }

//go:wasmexport lifecycle_decode
func lifecycleDecode() int32 { return guest.LifecycleDecode() }

//go:wasmexport health_request
func healthRequest() uint64 { return guest.HealthRequest() }

//go:wasmexport health_response
func healthResponse(context, isError uint32) uint32 { return guest.HealthResponse(context, isError) }
