// Package abi is the ABI of adapters as a table: abi.json, from which the
// declarations of every language are made. What it means is in abi.md.
package abi

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

//go:generate go run ./generate ..

//go:embed abi.json
var text []byte

// Table is what host and guest know of each other.
type Table struct {
	Constants []Constants
	Modules   []Module   // that a guest imports from
	Exports   []Function // that the host calls
}

// Constants are the numbers of one kind.
type Constants struct {
	Name, Doc string
	Values    []Constant
}

// Constant is a number with its name.
type Constant struct {
	Name, Doc string
	Value     int
}

// Module is a set of functions of the host.
type Module struct {
	Name      string
	Functions []Function
}

// Function is one of the host's or one of the guest's.
type Function struct {
	Name, Doc  string
	Params     []Param
	Result     Type   // "": none
	Capability string // by which a guest says that it is meant; "": none
}

// Param is one of a function.
type Param struct {
	Name string
	Type Type
}

// Type is one of those below.
type Type string

// The types. What is read or written is two parameters of WebAssembly.
const (
	U32   Type = "u32"
	I32   Type = "i32"
	U64   Type = "u64"
	I64   Type = "i64"
	Text  Type = "text"  // pointer and length of a text that the host reads
	Bytes Type = "bytes" // the same of any bytes
	Out   Type = "out"   // pointer and length of room that the host writes to
)

// Load returns the table.
func Load() (t Table, err error) {
	if err := json.Unmarshal(text, &t); err != nil {
		return t, fmt.Errorf("read abi.json: %w", err)
	}
	return t, nil
}

// Signature returns parameters and result of the function as WebAssembly has
// them: i for i32, I for i64.
func (f Function) Signature() (params, result string) {
	for _, p := range f.Params {
		params += p.Type.letters()
	}
	return params, f.Result.letters()
}

func (t Type) letters() string {
	switch t {
	case U32, I32:
		return "i"
	case U64, I64:
		return "I"
	case Text, Bytes, Out:
		return "ii"
	default:
		return ""
	}
}
