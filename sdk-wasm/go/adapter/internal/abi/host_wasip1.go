package abi

import "unsafe"

// Host is the gateway, by its imports.
type Host struct{}

func at(buf []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(buf)) }

func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

//go:wasmimport http_handler enable_features
//go:noescape
func enableFeatures(features uint32) uint32

// EnableFeatures is enable_features.
func (Host) EnableFeatures(features uint32) uint32 { return enableFeatures(features) }

//go:wasmimport http_handler get_config
//go:noescape
func getConfig(buf unsafe.Pointer, bufLimit uint32) uint32

// GetConfig is get_config.
func (Host) GetConfig(buf []byte) uint32 { return getConfig(at(buf), uint32(len(buf))) }

//go:wasmimport http_handler log_enabled
//go:noescape
func logEnabled(level int32) uint32

// LogEnabled is log_enabled.
func (Host) LogEnabled(level int32) uint32 { return logEnabled(level) }

//go:wasmimport http_handler log
//go:noescape
func log(level int32, message string)

// Log is log.
func (Host) Log(level int32, message string) { log(level, message) }

//go:wasmimport http_handler get_method
//go:noescape
func getMethod(buf unsafe.Pointer, bufLimit uint32) uint32

// GetMethod is get_method.
func (Host) GetMethod(buf []byte) uint32 { return getMethod(at(buf), uint32(len(buf))) }

//go:wasmimport http_handler set_method
//go:noescape
func setMethod(method string)

// SetMethod is set_method.
func (Host) SetMethod(method string) { setMethod(method) }

//go:wasmimport http_handler get_uri
//go:noescape
func getURI(buf unsafe.Pointer, bufLimit uint32) uint32

// GetURI is get_uri.
func (Host) GetURI(buf []byte) uint32 { return getURI(at(buf), uint32(len(buf))) }

//go:wasmimport http_handler set_uri
//go:noescape
func setURI(uri string)

// SetURI is set_uri.
func (Host) SetURI(uri string) { setURI(uri) }

//go:wasmimport http_handler get_protocol_version
//go:noescape
func getProtocolVersion(buf unsafe.Pointer, bufLimit uint32) uint32

// GetProtocolVersion is get_protocol_version.
func (Host) GetProtocolVersion(buf []byte) uint32 {
	return getProtocolVersion(at(buf), uint32(len(buf)))
}

//go:wasmimport http_handler get_source_addr
//go:noescape
func getSourceAddr(buf unsafe.Pointer, bufLimit uint32) uint32

// GetSourceAddr is get_source_addr.
func (Host) GetSourceAddr(buf []byte) uint32 { return getSourceAddr(at(buf), uint32(len(buf))) }

//go:wasmimport http_handler get_header_names
//go:noescape
func getHeaderNames(kind uint32, buf unsafe.Pointer, bufLimit uint32) uint64

// GetHeaderNames is get_header_names.
func (Host) GetHeaderNames(kind uint32, buf []byte) uint64 {
	return getHeaderNames(kind, at(buf), uint32(len(buf)))
}

//go:wasmimport http_handler get_header_values
//go:noescape
func getHeaderValues(kind uint32, name string, buf unsafe.Pointer, bufLimit uint32) uint64

// GetHeaderValues is get_header_values.
func (Host) GetHeaderValues(kind uint32, name string, buf []byte) uint64 {
	return getHeaderValues(kind, name, at(buf), uint32(len(buf)))
}

//go:wasmimport http_handler set_header_value
//go:noescape
func setHeaderValue(kind uint32, name string, value string)

// SetHeaderValue is set_header_value.
func (Host) SetHeaderValue(kind uint32, name string, value string) { setHeaderValue(kind, name, value) }

//go:wasmimport http_handler add_header_value
//go:noescape
func addHeaderValue(kind uint32, name string, value string)

// AddHeaderValue is add_header_value.
func (Host) AddHeaderValue(kind uint32, name string, value string) { addHeaderValue(kind, name, value) }

//go:wasmimport http_handler remove_header
//go:noescape
func removeHeader(kind uint32, name string)

// RemoveHeader is remove_header.
func (Host) RemoveHeader(kind uint32, name string) { removeHeader(kind, name) }

//go:wasmimport http_handler read_body
//go:noescape
func readBody(kind uint32, buf unsafe.Pointer, bufLimit uint32) uint64

// ReadBody is read_body.
func (Host) ReadBody(kind uint32, buf []byte) uint64 {
	return readBody(kind, at(buf), uint32(len(buf)))
}

//go:wasmimport http_handler write_body
//go:noescape
func writeBody(kind uint32, body string)

// WriteBody is write_body.
func (Host) WriteBody(kind uint32, body []byte) { writeBody(kind, text(body)) }

//go:wasmimport http_handler get_status_code
//go:noescape
func getStatusCode() uint32

// GetStatusCode is get_status_code.
func (Host) GetStatusCode() uint32 { return getStatusCode() }

//go:wasmimport http_handler set_status_code
//go:noescape
func setStatusCode(status uint32)

// SetStatusCode is set_status_code.
func (Host) SetStatusCode(status uint32) { setStatusCode(status) }

//go:wasmimport modgate_adapter_v1 features
//go:noescape
func features(want uint32) uint32

// Features is features.
func (Host) Features(want uint32) uint32 { return features(want) }

//go:wasmimport modgate_adapter_v1 get_event
//go:noescape
func getEvent(buf unsafe.Pointer, bufLimit uint32) int32

// GetEvent is get_event.
func (Host) GetEvent(buf []byte) int32 { return getEvent(at(buf), uint32(len(buf))) }

//go:wasmimport modgate_adapter_v1 get_attr
//go:noescape
func getAttr(name string, buf unsafe.Pointer, bufLimit uint32) int32

// GetAttr is get_attr.
func (Host) GetAttr(name string, buf []byte) int32 { return getAttr(name, at(buf), uint32(len(buf))) }

//go:wasmimport modgate_adapter_v1 set_attr
//go:noescape
func setAttr(name string, value string)

// SetAttr is set_attr.
func (Host) SetAttr(name string, value string) { setAttr(name, value) }

//go:wasmimport modgate_adapter_v1 emit
//go:noescape
func emit(kind uint32) int32

// Emit is emit.
func (Host) Emit(kind uint32) int32 { return emit(kind) }

//go:wasmimport modgate_adapter_v1 emit_event
//go:noescape
func emitEvent(event string) int32

// EmitEvent is emit_event.
func (Host) EmitEvent(event []byte) int32 { return emitEvent(text(event)) }

//go:wasmimport modgate_adapter_v1 get_property
//go:noescape
func getProperty(name string, buf unsafe.Pointer, bufLimit uint32) int32

// GetProperty is get_property.
func (Host) GetProperty(name string, buf []byte) int32 {
	return getProperty(name, at(buf), uint32(len(buf)))
}

//go:wasmimport modgate_adapter_v1 now
//go:noescape
func now() int64

// Now is now.
func (Host) Now() int64 { return now() }

//go:wasmimport modgate_adapter_v1 kv_get
//go:noescape
func kvGet(key string, buf unsafe.Pointer, bufLimit uint32) int32

// KVGet is kv_get.
func (Host) KVGet(key string, buf []byte) int32 { return kvGet(key, at(buf), uint32(len(buf))) }

//go:wasmimport modgate_adapter_v1 kv_set
//go:noescape
func kvSet(key string, value string, ttl uint32) int32

// KVSet is kv_set.
func (Host) KVSet(key string, value string, ttl uint32) int32 { return kvSet(key, value, ttl) }
