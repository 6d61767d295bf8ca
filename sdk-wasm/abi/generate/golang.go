package main

import (
	"fmt"
	"strings"

	"github.com/modgate/modgate/sdk-wasm/abi"
)

const goHead = "// Code generated from sdk-wasm/abi/abi.json. DO NOT EDIT.\n\n"

var initialisms = map[string]string{"json": "JSON", "kv": "KV", "uri": "URI"}

// exported returns a name as Go exports it.
func exported(name string) (out string) {
	for part := range strings.SplitSeq(name, "_") {
		if up, ok := initialisms[part]; ok {
			out += up
		} else {
			out += strings.ToUpper(part[:1]) + part[1:]
		}
	}
	return out
}

// unexported returns the name of a parameter as Go has it.
func unexported(name string) string {
	if name == "type" {
		return "kind"
	}
	first, rest, more := strings.Cut(name, "_")
	if !more {
		return first
	}
	return first + exported(rest)
}

var goTypes = map[abi.Type]string{
	abi.U32: "uint32", abi.I32: "int32", abi.U64: "uint64", abi.I64: "int64", abi.Text: "string", abi.Bytes: "[]byte", abi.Out: "[]byte",
}

func goConstants(t abi.Table) string {
	var b strings.Builder
	b.WriteString(goHead + `// Package abi binds the functions of the host, and names the numbers of the
// ABI. It is the one place that depends on what an adapter is built for.
package abi
`)
	for _, c := range t.Constants {
		fmt.Fprintf(&b, "\n// %s%s.\nconst (\n", strings.ToUpper(c.Doc[:1]), c.Doc[1:])
		for _, v := range c.Values {
			fmt.Fprintf(&b, "%s%s = %d%s\n", exported(c.Name), exported(v.Name), v.Value, comment("//", v.Doc))
		}
		b.WriteString(")\n")
	}
	return b.String()
}

func signature(fn abi.Function) string {
	params := join(fn, func(p abi.Param) string { return unexported(p.Name) + " " + goTypes[p.Type] })
	return "(" + params + ") " + goTypes[fn.Result]
}

func goInterface(t abi.Table) string {
	var b strings.Builder
	b.WriteString(goHead + "//go:build !wasip1\n\npackage abi\n\n// Host is what stands for the gateway: see package adaptertest.\ntype Host interface {\n")
	each(t, func(_ string, fn abi.Function) { b.WriteString(exported(fn.Name) + signature(fn) + "\n") })
	b.WriteString("}\n")
	return b.String()
}

func goImports(t abi.Table) string {
	var b strings.Builder
	b.WriteString(goHead + `package abi

import "unsafe"

// Host is the gateway, by its imports.
type Host struct{}

func at(buf []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(buf)) }

func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
`)
	each(t, func(module string, fn abi.Function) {
		raw := join(fn, func(p abi.Param) string {
			switch p.Type {
			case abi.Out:
				return p.Name + " unsafe.Pointer, limit uint32"
			case abi.Bytes:
				return p.Name + " string"
			default:
				return unexported(p.Name) + " " + goTypes[p.Type]
			}
		})
		args := join(fn, func(p abi.Param) string {
			switch p.Type {
			case abi.Out:
				return fmt.Sprintf("at(%s), uint32(len(%s))", p.Name, p.Name)
			case abi.Bytes:
				return "text(" + p.Name + ")"
			default:
				return unexported(p.Name)
			}
		})
		name := "import" + exported(fn.Name)
		fmt.Fprintf(&b, "\n//go:wasmimport %s %s\n//go:noescape\nfunc %s(%s) %s\n", module, fn.Name, name, raw, goTypes[fn.Result])
		call := name + "(" + args + ")"
		if fn.Result != "" {
			call = "return " + call
		}
		fmt.Fprintf(&b, "\n// %s is %s.\nfunc (Host) %s%s { %s }\n", exported(fn.Name), fn.Name, exported(fn.Name), signature(fn), call)
	})
	return b.String()
}
