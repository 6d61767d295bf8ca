// The guest of the benchmark: a tenant, the path and an agent into headers,
// with four calls of the host.
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

var buf [2048]byte

func of(s string) ptr { return ptr(unsafe.StringData(s)) }

//go:wasmexport modgate_capabilities
func capabilities() uint32 { return 1 }

//go:wasmexport handle_request
func handleRequest() uint64 {
	const path, agent, tenant = "x-path", "user-agent", "x-tenant"
	n := getURI(ptr(&buf), uint32(len(buf)))
	setHeaderValue(0, of(path), uint32(len(path)), ptr(&buf), n)
	if getHeaderValues(0, of(agent), uint32(len(agent)), ptr(&buf), uint32(len(buf)))>>32 == 0 {
		setHeaderValue(0, of(agent), uint32(len(agent)), of("modgate"), 7)
	}
	addHeaderValue(0, of(tenant), uint32(len(tenant)), of("diku"), 4)
	return 1
}
