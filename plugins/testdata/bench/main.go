// The guest of the benchmark: a tenant, the path and an agent into headers,
// with five calls of the host; configured so, with a sixth.
package main

import "unsafe"

func main() {}

type ptr = unsafe.Pointer

//go:wasmimport http_handler get_uri
func getURI(buf ptr, limit uint32) uint32

//go:wasmimport http_handler get_header_values
func getHeaderValues(kind uint32, name ptr, n uint32, buf ptr, limit uint32) uint64

//go:wasmimport http_handler set_header_value
func setHeaderValue(kind uint32, name ptr, n uint32, value ptr, m uint32)

//go:wasmimport http_handler add_header_value
func addHeaderValue(kind uint32, name ptr, n uint32, value ptr, m uint32)

//go:wasmimport http_handler get_config
func getConfig(buf ptr, limit uint32) uint32

//go:wasmimport http_handler remove_header
func removeHeader(kind uint32, name ptr, n uint32)

var (
	buf [2048]byte
	six bool
)

func of(s string) ptr { return ptr(unsafe.StringData(s)) }

//go:wasmexport modgate_capabilities
func capabilities() uint32 { return 1 }

//go:wasmexport modgate_configure
func configure() uint32 {
	six = getConfig(ptr(&buf), uint32(len(buf))) > 0
	return 0
}

//go:wasmexport handle_request
func handleRequest() uint64 {
	const path, agent, tenant = "x-path", "user-agent", "x-tenant"
	n := getURI(ptr(&buf), uint32(len(buf)))
	setHeaderValue(0, of(path), uint32(len(path)), ptr(&buf), n)
	if getHeaderValues(0, of(agent), uint32(len(agent)), ptr(&buf), uint32(len(buf)))>>32 == 0 {
		setHeaderValue(0, of(agent), uint32(len(agent)), of("modgate"), 7)
	}
	addHeaderValue(0, of(tenant), uint32(len(tenant)), of("diku"), 4)
	if six {
		const internal = "x-internal"
		removeHeader(0, of(internal), uint32(len(internal)))
	}
	return 1
}
