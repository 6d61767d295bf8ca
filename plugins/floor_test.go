//go:build unix

package plugins

import (
	"context"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/modgate/modgate/plugins/wat"
)

// BenchmarkFloor measures the engine alone: guests that call so many host
// functions, none of which does anything. No host on this engine can be
// quicker, as long as it is called.
func BenchmarkFloor(b *testing.B) {
	const call = `(call $f (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5))`
	small := wat.Must(`(module (import "floor" "nothing" (func $f (param i32 i32 i32 i32 i32))) (memory (export "memory") 1)
		(func (export "calls0") (result i64) (i64.const 1))
		(func (export "calls2") (result i64) ` + strings.Repeat(call, 2) + ` (i64.const 1))
		(func (export "calls4") (result i64) ` + strings.Repeat(call, 4) + ` (i64.const 1)))`)
	for _, export := range []string{"calls0", "calls2", "calls4"} {
		b.Run("small guest, "+export, func(b *testing.B) { floor(b, small, export) })
	}
	for _, export := range []string{"calls0", "calls4", "calls6"} {
		b.Run("go guest, "+export, func(b *testing.B) {
			code, err := floorGuest()
			if err != nil {
				b.Fatal(err)
			}
			floor(b, code, export)
		})
	}
}

func floor(b *testing.B, code []byte, export string) {
	cache, err := cacheOfTests()
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithDebugInfoEnabled(false).WithCompilationCache(cache.compiled))
	defer r.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	nothing := api.GoModuleFunc(func(context.Context, api.Module, []uint64) {})
	_, err = r.NewHostModuleBuilder("floor").NewFunctionBuilder().WithGoModuleFunction(nothing, types("iiiii"), nil).Export("nothing").Instantiate(ctx)
	if err != nil {
		b.Fatal(err)
	}
	m, err := r.InstantiateWithConfig(ctx, code, wazero.NewModuleConfig().WithStartFunctions("_initialize"))
	if err != nil {
		b.Fatal(err)
	}
	f, c, stack := m.ExportedFunction(export), &call{}, make([]uint64, 1)
	measure(b, func(*steady) {
		if err := f.CallWithStack(c, stack); err != nil {
			b.Fatal(err)
		}
	})
}
