package plugins

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/plugins/fuel"
)

// Inspection is what a file is, for its author. What could not be found out,
// because it is refused before, is empty.
type Inspection struct {
	SHA256    string       `json:"sha256"`
	Size      int          `json:"size"` // bytes
	Imports   []string     `json:"imports"`
	Unknown   []string     `json:"unknown,omitempty"` // of them: what the gateway does not have
	Charges   int          `json:"charges"`           // places where the guest counts what it has done, so that it can be stopped
	Rewritten int          `json:"rewritten"`         // its size with them
	Exports   []string     `json:"exports"`           // functions
	Memory    MemoryNeed   `json:"memory"`
	Hooks     []string     `json:"hooks"`
	Exclusive bool         `json:"exclusive"` // an instance works for one request at a time
	Features  []string     `json:"features"`  // that it enables when it begins
	InUse     config.Bytes `json:"in_use"`    // of memory, by an instance that has begun
	Refused   string       `json:"refused,omitempty"`
}

// MemoryNeed is what a guest declares.
type MemoryNeed struct {
	Least config.Bytes `json:"least"`
	Most  config.Bytes `json:"most,omitempty"` // 0: it sets itself no bound
}

// featureNames are those of http-wasm, by bit.
var featureNames = []string{"buffer_request", "buffer_response", "trailers"}

// Inspect finds out what a file is: it goes through all that Load does, with
// o, and says where that ends.
func Inspect(ctx context.Context, code []byte, o Options) Inspection {
	hash := sha256.Sum256(code)
	in := Inspection{SHA256: hex.EncodeToString(hash[:]), Size: len(code)}
	if r, err := rewrite(code); err == nil {
		in.Charges, in.Rewritten = r.Charges, len(r.Code)
		for _, i := range r.Imports {
			in.Imports = append(in.Imports, i.Module+"."+i.Name)
		}
		var unknown unknownImports
		if errors.As(checkImports(r.Imports), &unknown) {
			in.Unknown = unknown
		}
		in.declared(ctx, r, o)
	}
	o.Most = 1
	p, err := Load(ctx, code, o)
	if err != nil {
		in.Refused = err.Error()
		return in
	}
	defer p.Close()
	g := p.current.Load()
	v := p.View()
	in.Hooks, in.Exclusive, in.InUse = v.Hooks, g.alone, config.Bytes(v.Memory)
	for bit, name := range featureNames {
		if g.features.Load()&(1<<bit) != 0 {
			in.Features = append(in.Features, name)
		}
	}
	return in
}

// declared finds out what a rewritten module exports, if the engine takes it.
func (in *Inspection) declared(ctx context.Context, r *fuel.Rewritten, o Options) {
	g := &generation{p: &Plugin{o: o}, margin: r.Margin}
	g.live.Store(&[]*instance{})
	defer g.close()
	if g.compile(ctx, r.Code) != nil {
		return // Load says so
	}
	in.Exports = slices.Sorted(maps.Keys(g.compiled.ExportedFunctions()))
	if m := g.compiled.ExportedMemories()["memory"]; m != nil {
		margin := config.Bytes(0)
		if r.Margin {
			margin = fuel.Margin
		}
		in.Memory.Least = config.Bytes(m.Min())*pageSize - margin
		if most, bounded := m.Max(); bounded {
			in.Memory.Most = config.Bytes(most)*pageSize - margin
		}
	}
}
