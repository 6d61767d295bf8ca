package main

import (
	"fmt"
	"strings"

	"github.com/modgate/modgate/sdk-wasm/abi"
)

var cTypes = map[abi.Type]string{
	"": "void", abi.U32: "uint32_t", abi.I32: "int32_t", abi.U64: "uint64_t", abi.I64: "int64_t",
}

func cParams(fn abi.Function) string {
	params := join(fn, func(p abi.Param) string {
		switch p.Type {
		case abi.Text:
			return fmt.Sprintf("const char *%s, uint32_t %s_len", p.Name, p.Name)
		case abi.Bytes:
			return fmt.Sprintf("const void *%s, uint32_t %s_len", p.Name, p.Name)
		case abi.Out:
			return fmt.Sprintf("void *%s, uint32_t limit", p.Name)
		default:
			return cTypes[p.Type] + " " + p.Name
		}
	})
	if params == "" {
		return "void"
	}
	return params
}

// c declares the host's functions with the prefix mg_, and defines the numbers.
func c(t abi.Table) string {
	var b strings.Builder
	for _, consts := range t.Constants {
		fmt.Fprintf(&b, "\n/* %s%s */\nenum {\n", strings.ToUpper(consts.Doc[:1]), consts.Doc[1:])
		for _, v := range consts.Values {
			doc := ""
			if v.Doc != "" {
				doc = " /* " + v.Doc + " */"
			}
			fmt.Fprintf(&b, "\tMG_%s_%s = %d,%s\n", strings.ToUpper(consts.Name), strings.ToUpper(v.Name), v.Value, doc)
		}
		b.WriteString("};\n")
	}
	each(t, func(module string, fn abi.Function) {
		fmt.Fprintf(&b, "\n/* %s */\nMG_IMPORT(%q, %q)\n%s mg_%s(%s);\n", fn.Doc, module, fn.Name, cTypes[fn.Result], fn.Name, cParams(fn))
	})
	b.WriteString("\n/* What the host calls: define what modgate_capabilities says. */\n")
	for _, fn := range t.Exports {
		fmt.Fprintf(&b, "\n/* %s */\nMG_EXPORT(%q)\n%s %s(%s);\n", fn.Doc, fn.Name, cTypes[fn.Result], fn.Name, cParams(fn))
	}
	b.WriteString("\n")
	return b.String()
}
