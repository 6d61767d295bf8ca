package main

import (
	"fmt"
	"strings"

	"github.com/modgate/modgate/sdk-wasm/abi"
)

// rust declares the host's functions and the numbers.
func rust(t abi.Table) string {
	var b strings.Builder
	b.WriteString("// Code generated from sdk-wasm/abi/abi.json. DO NOT EDIT.\n\n//! The ABI as it is: numbers, and the functions of the host.\n")
	for _, c := range t.Constants {
		fmt.Fprintf(&b, "\n/// %s%s.\npub mod %s {\n", strings.ToUpper(c.Doc[:1]), c.Doc[1:], c.Name)
		for _, v := range c.Values {
			kind := "u32"
			if c.Name == "level" || c.Name == "error" {
				kind = "i32"
			}
			if v.Doc != "" {
				fmt.Fprintf(&b, "    /// %s%s.\n", strings.ToUpper(v.Doc[:1]), v.Doc[1:])
			}
			fmt.Fprintf(&b, "    pub const %s: %s = %d;\n", strings.ToUpper(v.Name), kind, v.Value)
		}
		b.WriteString("}\n")
	}
	for _, m := range t.Modules {
		fmt.Fprintf(&b, "\n#[link(wasm_import_module = %q)]\nextern \"C\" {\n", m.Name)
		for _, fn := range m.Functions {
			params := join(fn, func(p abi.Param) string {
				name := p.Name
				if name == "type" {
					name = "kind"
				}
				switch p.Type {
				case abi.Text, abi.Bytes:
					return fmt.Sprintf("%s: *const u8, %s_len: usize", name, name)
				case abi.Out:
					return fmt.Sprintf("%s: *mut u8, limit: usize", name)
				default:
					return name + ": " + string(p.Type)
				}
			})
			result := ""
			if fn.Result != "" {
				result = " -> " + string(fn.Result)
			}
			fmt.Fprintf(&b, "    /// %s%s.\n    pub fn %s(%s)%s;\n", strings.ToUpper(fn.Doc[:1]), fn.Doc[1:], fn.Name, params, result)
		}
		b.WriteString("}\n")
	}
	return b.String()
}
