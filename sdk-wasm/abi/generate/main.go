// Command generate makes of the ABI's table what every SDK declares, below the
// folder that it is given.
package main

import (
	"bytes"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
	"strings"

	"github.com/modgate/modgate/sdk-wasm/abi"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(root string) error {
	t, err := abi.Load()
	if err != nil {
		return err
	}
	bindings := filepath.Join(root, "go", "adapter", "internal", "abi")
	for _, f := range []struct {
		path string
		text string
	}{
		{filepath.Join(bindings, "constants.go"), goConstants(t)},
		{filepath.Join(bindings, "host_wasip1.go"), goImports(t)},
		{filepath.Join(bindings, "host_native.go"), goInterface(t)},
	} {
		code, err := format.Source([]byte(f.text))
		if err != nil {
			return fmt.Errorf("format %s: %w", f.path, err)
		}
		if err := os.WriteFile(f.path, code, 0o644); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(root, "rust", "modgate-adapter", "src", "abi.rs"), []byte(rust(t)), 0o644); err != nil {
		return err
	}
	if err := between(filepath.Join(root, "c", "modgate_adapter.h"), "/* generated from abi.json */", "/* end of what is generated */", c(t)); err != nil {
		return err
	}
	return between(filepath.Join(root, "abi", "abi.md"), "<!-- generated from abi.json -->", "<!-- end of what is generated -->", markdown(t))
}

// between replaces what stands between two lines of a file.
func between(path, first, last, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, found := bytes.Cut(old, []byte(first+"\n"))
	_, after, closed := bytes.Cut(rest, []byte(last))
	if !found || !closed {
		return fmt.Errorf("%s lacks the lines %s and %s", path, first, last)
	}
	return os.WriteFile(path, fmt.Appendf(nil, "%s%s\n%s%s%s", before, first, text, last, after), 0o644)
}

// each calls f for every function of the host.
func each(t abi.Table, f func(module string, fn abi.Function)) {
	for _, m := range t.Modules {
		for _, fn := range m.Functions {
			f(m.Name, fn)
		}
	}
}

// join writes the parameters of fn, each as one says.
func join(fn abi.Function, one func(p abi.Param) string) string {
	var all []string
	for _, p := range fn.Params {
		all = append(all, one(p))
	}
	return strings.Join(all, ", ")
}

func comment(mark, doc string) string {
	if doc == "" {
		return ""
	}
	return " " + mark + " " + doc
}
