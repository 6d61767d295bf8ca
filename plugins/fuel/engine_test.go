package fuel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

const slice = 1000

// features are those that Rewrite knows.
const features = api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst

var errDry = errors.New("out of fuel")

// engine compiles and runs modules, in turn.
type engine struct {
	wazero.Runtime
	refills, most int    // most: then the guest is stopped
	slice         uint64 // fuel that a refill gives
}

func newEngine(t testing.TB) *engine {
	t.Helper()
	ctx := context.Background()
	e := &engine{most: 1000, slice: slice}
	config := wazero.NewRuntimeConfig().WithCoreFeatures(features).WithMemoryLimitPages(64)
	e.Runtime = wazero.NewRuntimeWithConfig(ctx, config)
	t.Cleanup(func() { e.Close(ctx) })
	_, err := e.NewHostModuleBuilder(ImportModule).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) {
			if e.refills++; e.refills > e.most {
				panic(errDry)
			}
			stack[0] = e.slice
		}), nil, []api.ValueType{api.ValueTypeI64}).Export(ImportName).Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// outcome is what running a module came to.
type outcome struct {
	results string // of each call, and why it trapped
	memory  []byte
	dry     bool
}

// run calls every exported function that takes integers, with the arguments.
func (e *engine) run(module []byte, args ...uint64) (o outcome, err error) {
	ctx := context.Background()
	e.refills = 0
	m, err := e.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return o, err
	}
	defer m.Close(ctx)
	exported := m.ExportedFunctionDefinitions()
	for _, name := range sorted(exported) {
		d := exported[name]
		if slices.ContainsFunc(d.ParamTypes(), func(t api.ValueType) bool { return t != api.ValueTypeI32 && t != api.ValueTypeI64 }) {
			continue
		}
		in := make([]uint64, len(d.ParamTypes()))
		for i := range in {
			if i < len(args) {
				in[i] = args[i]
			}
		}
		out, err := m.ExportedFunction(name).Call(ctx, in...)
		if errors.Is(err, errDry) {
			o.dry = true
			return o, nil
		}
		trap, _, _ := strings.Cut(fmt.Sprint(err), "\n")
		for i, t := range d.ResultTypes() {
			if t == api.ValueTypeExternref || t == 0x70 {
				out = slices.Delete(slices.Clone(out), i, i+1) // a pointer
				break
			}
		}
		o.results += fmt.Sprintf("%s%v=%v %s\n", name, in, out, trap)
	}
	if mem := m.ExportedMemory("memory"); mem != nil {
		b, _ := mem.Read(0, mem.Size())
		o.memory = bytes.Clone(b)
	}
	return o, nil
}

func sorted[V any](m map[string]V) (names []string) {
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func mustRewrite(t testing.TB, module []byte) []byte {
	t.Helper()
	r, err := Rewrite(module, Options{First: slice})
	if err != nil {
		t.Fatal(err)
	}
	return r.Code
}
