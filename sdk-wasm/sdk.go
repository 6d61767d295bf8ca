// Package sdk carries the SDKs for authors of adapters, so that a project can
// have its copy without a network. It decides nothing.
package sdk

import "embed"

// Go is the SDK for Go: the packages below go/adapter.
//
//go:embed go/adapter
var Go embed.FS

// C is the SDK for C: one header.
//
//go:embed c/modgate_adapter.h
var C embed.FS

// Rust is the SDK for Rust: the sources of one crate.
//
//go:embed rust/modgate-adapter/src
var Rust embed.FS
