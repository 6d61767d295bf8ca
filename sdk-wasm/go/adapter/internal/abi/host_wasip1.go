// Code generated from sdk-wasm/abi/abi.json. DO NOT EDIT.

package abi

import "unsafe"

// Host is the gateway, by its imports.
type Host struct{}

func at(buf []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(buf)) }

func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

//go:wasmimport http_handler enable_features
//go:noescape
func importEnableFeatures(features uint32) uint32

// EnableFeatures is enable_features.
func (Host) EnableFeatures(features uint32) uint32 { return importEnableFeatures(features) }

//go:wasmimport http_handler get_config
//go:noescape
func importGetConfig(buf unsafe.Pointer, limit uint32) uint32

// GetConfig is get_config.
func (Host) GetConfig(buf []byte) uint32 { return importGetConfig(at(buf), uint32(len(buf))) }

//go:wasmimport http_handler log_enabled
//go:noescape
func importLogEnabled(level int32) uint32

// LogEnabled is log_enabled.
func (Host) LogEnabled(level int32) uint32 { return importLogEnabled(level) }

//go:wasmimport http_handler log
//go:noescape
func importLog(level int32, message string)

// Log is log.
func (Host) Log(level int32, message string) { importLog(level, message) }

//go:wasmimport http_handler get_method
//go:noescape
func importGetMethod(buf unsafe.Pointer, limit uint32) uint32

// GetMethod is get_method.
func (Host) GetMethod(buf []byte) uint32 { return importGetMethod(at(buf), uint32(len(buf))) }

//go:wasmimport http_handler set_method
//go:noescape
func importSetMethod(method string)

// SetMethod is set_method.
func (Host) SetMethod(method string) { importSetMethod(method) }

//go:wasmimport http_handler get_uri
//go:noescape
func importGetURI(buf unsafe.Pointer, limit uint32) uint32

// GetURI is get_uri.
func (Host) GetURI(buf []byte) uint32 { return importGetURI(at(buf), uint32(len(buf))) }

//go:wasmimport http_handler set_uri
//go:noescape
func importSetURI(uri string)

// SetURI is set_uri.
func (Host) SetURI(uri string) { importSetURI(uri) }

//go:wasmimport http_handler get_protocol_version
//go:noescape
func importGetProtocolVersion(buf unsafe.Pointer, limit uint32) uint32

// GetProtocolVersion is get_protocol_version.
func (Host) GetProtocolVersion(buf []byte) uint32 {
	return importGetProtocolVersion(at(buf), uint32(len(buf)))
}

//go:wasmimport http_handler get_source_addr
//go:noescape
func importGetSourceAddr(buf unsafe.Pointer, limit uint32) uint32

// GetSourceAddr is get_source_addr.
func (Host) GetSourceAddr(buf []byte) uint32 { return importGetSourceAddr(at(buf), uint32(len(buf))) }

//go:wasmimport http_handler get_header_names
//go:noescape
func importGetHeaderNames(kind uint32, buf unsafe.Pointer, limit uint32) uint64

// GetHeaderNames is get_header_names.
func (Host) GetHeaderNames(kind uint32, buf []byte) uint64 {
	return importGetHeaderNames(kind, at(buf), uint32(len(buf)))
}

//go:wasmimport http_handler get_header_values
//go:noescape
func importGetHeaderValues(kind uint32, name string, buf unsafe.Pointer, limit uint32) uint64

// GetHeaderValues is get_header_values.
func (Host) GetHeaderValues(kind uint32, name string, buf []byte) uint64 {
	return importGetHeaderValues(kind, name, at(buf), uint32(len(buf)))
}

//go:wasmimport http_handler set_header_value
//go:noescape
func importSetHeaderValue(kind uint32, name string, value string)

// SetHeaderValue is set_header_value.
func (Host) SetHeaderValue(kind uint32, name string, value string) {
	importSetHeaderValue(kind, name, value)
}

//go:wasmimport http_handler add_header_value
//go:noescape
func importAddHeaderValue(kind uint32, name string, value string)

// AddHeaderValue is add_header_value.
func (Host) AddHeaderValue(kind uint32, name string, value string) {
	importAddHeaderValue(kind, name, value)
}

//go:wasmimport http_handler remove_header
//go:noescape
func importRemoveHeader(kind uint32, name string)

// RemoveHeader is remove_header.
func (Host) RemoveHeader(kind uint32, name string) { importRemoveHeader(kind, name) }

//go:wasmimport http_handler read_body
//go:noescape
func importReadBody(kind uint32, buf unsafe.Pointer, limit uint32) uint64

// ReadBody is read_body.
func (Host) ReadBody(kind uint32, buf []byte) uint64 {
	return importReadBody(kind, at(buf), uint32(len(buf)))
}

//go:wasmimport http_handler write_body
//go:noescape
func importWriteBody(kind uint32, body string)

// WriteBody is write_body.
func (Host) WriteBody(kind uint32, body []byte) { importWriteBody(kind, text(body)) }

//go:wasmimport http_handler get_status_code
//go:noescape
func importGetStatusCode() uint32

// GetStatusCode is get_status_code.
func (Host) GetStatusCode() uint32 { return importGetStatusCode() }

//go:wasmimport http_handler set_status_code
//go:noescape
func importSetStatusCode(status uint32)

// SetStatusCode is set_status_code.
func (Host) SetStatusCode(status uint32) { importSetStatusCode(status) }

//go:wasmimport modgate_adapter_v1 features
//go:noescape
func importFeatures(want uint32) uint32

// Features is features.
func (Host) Features(want uint32) uint32 { return importFeatures(want) }

//go:wasmimport modgate_adapter_v1 get_event
//go:noescape
func importGetEvent(buf unsafe.Pointer, limit uint32) int32

// GetEvent is get_event.
func (Host) GetEvent(buf []byte) int32 { return importGetEvent(at(buf), uint32(len(buf))) }

//go:wasmimport modgate_adapter_v1 get_attr
//go:noescape
func importGetAttr(name string, buf unsafe.Pointer, limit uint32) int32

// GetAttr is get_attr.
func (Host) GetAttr(name string, buf []byte) int32 {
	return importGetAttr(name, at(buf), uint32(len(buf)))
}

//go:wasmimport modgate_adapter_v1 set_attr
//go:noescape
func importSetAttr(name string, value string)

// SetAttr is set_attr.
func (Host) SetAttr(name string, value string) { importSetAttr(name, value) }

//go:wasmimport modgate_adapter_v1 emit
//go:noescape
func importEmit(kind uint32) int32

// Emit is emit.
func (Host) Emit(kind uint32) int32 { return importEmit(kind) }

//go:wasmimport modgate_adapter_v1 emit_event
//go:noescape
func importEmitEvent(event string) int32

// EmitEvent is emit_event.
func (Host) EmitEvent(event []byte) int32 { return importEmitEvent(text(event)) }

//go:wasmimport modgate_adapter_v1 get_property
//go:noescape
func importGetProperty(name string, buf unsafe.Pointer, limit uint32) int32

// GetProperty is get_property.
func (Host) GetProperty(name string, buf []byte) int32 {
	return importGetProperty(name, at(buf), uint32(len(buf)))
}

//go:wasmimport modgate_adapter_v1 now
//go:noescape
func importNow() int64

// Now is now.
func (Host) Now() int64 { return importNow() }

//go:wasmimport modgate_adapter_v1 kv_get
//go:noescape
func importKVGet(key string, buf unsafe.Pointer, limit uint32) int32

// KVGet is kv_get.
func (Host) KVGet(key string, buf []byte) int32 { return importKVGet(key, at(buf), uint32(len(buf))) }

//go:wasmimport modgate_adapter_v1 kv_set
//go:noescape
func importKVSet(key string, value string, ttlMs uint32) int32

// KVSet is kv_set.
func (Host) KVSet(key string, value string, ttlMs uint32) int32 {
	return importKVSet(key, value, ttlMs)
}
