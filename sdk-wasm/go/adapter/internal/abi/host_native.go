// Code generated from sdk-wasm/abi/abi.json. DO NOT EDIT.

//go:build !wasip1

package abi

// Host is what stands for the gateway: see package adaptertest.
type Host interface {
	EnableFeatures(features uint32) uint32
	GetConfig(buf []byte) uint32
	LogEnabled(level int32) uint32
	Log(level int32, message string)
	GetMethod(buf []byte) uint32
	SetMethod(method string)
	GetURI(buf []byte) uint32
	SetURI(uri string)
	GetProtocolVersion(buf []byte) uint32
	GetSourceAddr(buf []byte) uint32
	GetHeaderNames(kind uint32, buf []byte) uint64
	GetHeaderValues(kind uint32, name string, buf []byte) uint64
	SetHeaderValue(kind uint32, name string, value string)
	AddHeaderValue(kind uint32, name string, value string)
	RemoveHeader(kind uint32, name string)
	ReadBody(kind uint32, buf []byte) uint64
	WriteBody(kind uint32, body []byte)
	GetStatusCode() uint32
	SetStatusCode(status uint32)
	Features(want uint32) uint32
	GetEvent(buf []byte) int32
	GetAttr(name string, buf []byte) int32
	SetAttr(name string, value string)
	Emit(kind uint32) int32
	EmitEvent(event []byte) int32
	GetProperty(name string, buf []byte) int32
	Now() int64
	KVGet(key string, buf []byte) int32
	KVSet(key string, value string, ttlMs uint32) int32
}
