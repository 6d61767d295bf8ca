package main

import (
	"fmt"
	"strings"

	"github.com/modgate/modgate/sdk-wasm/abi"
)

// markdown lists functions and numbers as tables.
func markdown(t abi.Table) string {
	var b strings.Builder
	for _, m := range t.Modules {
		fmt.Fprintf(&b, "\n### Module `%s`\n\n| function | |\n|---|---|\n", m.Name)
		for _, fn := range m.Functions {
			fmt.Fprintf(&b, "| `%s` | %s |\n", described(fn), fn.Doc)
		}
	}
	b.WriteString("\n### Exports\n\n| export | capability | |\n|---|---|---|\n")
	for _, fn := range t.Exports {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", described(fn), fn.Capability, fn.Doc)
	}
	b.WriteString("\n### Numbers\n\n| | name | number | |\n|---|---|---|---|\n")
	for _, c := range t.Constants {
		for i, v := range c.Values {
			of := c.Doc
			if i > 0 {
				of = ""
			}
			fmt.Fprintf(&b, "| %s | `%s.%s` | %d | %s |\n", of, c.Name, v.Name, v.Value, v.Doc)
		}
	}
	b.WriteString("\n")
	return b.String()
}

func described(fn abi.Function) string {
	s := fn.Name + "(" + join(fn, func(p abi.Param) string { return p.Name + " " + string(p.Type) }) + ")"
	if fn.Result != "" {
		s += " -> " + string(fn.Result)
	}
	return s
}
