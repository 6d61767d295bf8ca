package plugins

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/plugins/fuel"
)

// Modules that a guest may import from.
const (
	handlerModule = "http_handler"
	adapterModule = "modgate_adapter_v1"
	wasiModule    = wasi_snapshot_preview1.ModuleName
	envModule     = "env" // what AssemblyScript wants
)

// export is a function that the host calls.
type export int

const (
	handleRequest export = iota
	handleResponse
	capabilities
	configure
	lifecycleEncode
	lifecycleReply
	lifecycleDecode
	healthRequest
	healthResponse
	exports
)

// exportNames lists the exports: parameters and results by the letters of
// types, i for i32 and I for i64, and the capability that wants it.
var exportNames = [exports]struct {
	name, params, results string
	bit                   adapter.Hooks
}{
	handleRequest:   {"handle_request", "", "I", adapter.HookRequest},
	handleResponse:  {"handle_response", "ii", "", adapter.HookResponse},
	capabilities:    {"modgate_capabilities", "", "i", 0},
	configure:       {"modgate_configure", "", "i", 0},
	lifecycleEncode: {"lifecycle_encode", "i", "I", adapter.HookEncode},
	lifecycleReply:  {"lifecycle_reply", "ii", "i", adapter.HookReply},
	lifecycleDecode: {"lifecycle_decode", "", "i", adapter.HookDecode},
	healthRequest:   {"health_request", "", "I", adapter.HookProbe},
	healthResponse:  {"health_response", "ii", "i", adapter.HookProbe},
}

// aloneBit is the capability that says an instance works for one request at a
// time.
const aloneBit = 64

// abi is what a guest exports.
type abi struct{ exported [exports]bool }

// abiOf finds out what of the ABI a guest exports.
func abiOf(m wazero.CompiledModule) (a abi, err error) {
	if len(m.ExportedMemories()) == 0 || m.ExportedMemories()["memory"] == nil {
		return a, fmt.Errorf("it does not export its memory under the name memory")
	}
	functions := m.ExportedFunctions()
	for e, want := range exportNames {
		f := functions[want.name]
		if f == nil {
			continue
		}
		if letters(f.ParamTypes()) != want.params || letters(f.ResultTypes()) != want.results {
			return a, fmt.Errorf("it exports %s(%s) -> (%s), and (%s) -> (%s) is expected",
				want.name, letters(f.ParamTypes()), letters(f.ResultTypes()), want.params, want.results)
		}
		a.exported[e] = true
	}
	if a.exported[capabilities] {
		return a, nil
	}
	for e := configure; e < exports; e++ {
		if a.exported[e] {
			return a, fmt.Errorf("it exports %s, and not modgate_capabilities, which says what of it is meant", exportNames[e].name)
		}
	}
	if !a.exported[handleRequest] || !a.exported[handleResponse] {
		return a, fmt.Errorf("it exports neither modgate_capabilities nor both handle_request and handle_response: it is no adapter")
	}
	return a, nil
}

func letters(types []api.ValueType) string {
	var b strings.Builder
	for _, t := range types {
		switch t {
		case api.ValueTypeI32:
			b.WriteByte('i')
		case api.ValueTypeI64:
			b.WriteByte('I')
		default:
			b.WriteString(api.ValueTypeName(t))
		}
	}
	return b.String()
}

// plain returns the hooks of a guest that knows http-wasm only.
func (a abi) plain() adapter.Hooks { return adapter.HookTraffic }

// capable returns the hooks that a guest says it has.
func (a abi) capable(mask uint32) (adapter.Hooks, error) {
	if unknown := mask &^ (aloneBit*2 - 1); unknown != 0 {
		return 0, fmt.Errorf("modgate_capabilities says %#x, of which this gateway does not know %#x", mask, unknown)
	}
	hooks := adapter.Hooks(mask &^ aloneBit)
	for e, want := range exportNames {
		if want.bit != 0 && hooks.Has(want.bit) && !a.exported[e] {
			return 0, fmt.Errorf("modgate_capabilities says %#x, and it does not export %s", mask, want.name)
		}
	}
	return hooks, nil
}

var hookNames = []string{"request", "response", "encode", "decode", "reply", "probe"}

func (a abi) names(h adapter.Hooks) (names []string) {
	for bit, name := range hookNames {
		if h.Has(1 << bit) {
			names = append(names, name)
		}
	}
	return names
}

// hostFunction is what a guest can call. s has its parameters, and takes its
// result; of an i32, the upper half of each is noise.
type hostFunction struct {
	name, params, results string
	call                  func(c *call, s []uint64)
}

// hostModule is a set of host functions.
type hostModule struct {
	name      string
	functions []hostFunction
}

func modules() []hostModule {
	return []hostModule{
		{handlerModule, handlerFunctions},
		{adapterModule, adapterFunctions},
		{envModule, envFunctions},
		{fuel.ImportModule, []hostFunction{{fuel.ImportName, "", "I", (*call).refuel}}},
	}
}

// hostModules gives a runtime what guests can call.
func hostModules(ctx context.Context, r wazero.Runtime) error {
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, r); err != nil {
		return err
	}
	for _, m := range modules() {
		b := r.NewHostModuleBuilder(m.name)
		for _, f := range m.functions {
			b.NewFunctionBuilder().WithGoModuleFunction(bridge(f.call), types(f.params), types(f.results)).Export(f.name)
		}
		if _, err := b.Instantiate(ctx); err != nil {
			return err
		}
	}
	return nil
}

// bridge is a host function as the engine calls it.
type bridge func(*call, []uint64)

// Call implements api.GoModuleFunction.
func (f bridge) Call(ctx context.Context, m api.Module, s []uint64) {
	c := ctx.(*call)
	if c.memory == nil {
		c.memory = m.Memory()
	}
	c.spend(callWork)
	f(c, s)
}

func types(letters string) []api.ValueType {
	var t []api.ValueType
	for _, l := range letters {
		switch l {
		case 'i':
			t = append(t, api.ValueTypeI32)
		case 'I':
			t = append(t, api.ValueTypeI64)
		default:
			t = append(t, api.ValueTypeF64)
		}
	}
	return t
}

// checkImports refuses what the host does not have, with its names.
func checkImports(imports []fuel.Import) error {
	known := map[string]bool{}
	for _, m := range modules() {
		for _, f := range m.functions {
			known[m.name+"."+f.name] = m.name != fuel.ImportModule
		}
	}
	var unknown unknownImports
	for _, i := range imports {
		name := i.Module + "." + i.Name
		switch {
		case i.Kind != fuel.Function:
			unknown = append(unknown, name+" ("+i.Kind.String()+")")
		case !known[name] && !(i.Module == wasiModule && slices.Contains(wasiFunctions, i.Name)):
			unknown = append(unknown, name)
		}
	}
	if unknown == nil {
		return nil
	}
	return unknown
}

// unknownImports is the error of a guest that wants what the host does not
// have, with the names of that.
type unknownImports []string

func (u unknownImports) Error() string {
	return "it imports what the gateway does not have: " + strings.Join(u, ", ")
}

// wasiFunctions are WASI preview 1's.
var wasiFunctions = strings.Fields(`args_get args_sizes_get clock_res_get clock_time_get environ_get environ_sizes_get
	fd_advise fd_allocate fd_close fd_datasync fd_fdstat_get fd_fdstat_set_flags fd_fdstat_set_rights fd_filestat_get
	fd_filestat_set_size fd_filestat_set_times fd_pread fd_prestat_dir_name fd_prestat_get fd_pwrite fd_read fd_readdir
	fd_renumber fd_seek fd_sync fd_tell fd_write path_create_directory path_filestat_get path_filestat_set_times
	path_link path_open path_readlink path_remove_directory path_rename path_symlink path_unlink_file poll_oneoff
	proc_exit proc_raise random_get sched_yield sock_accept sock_recv sock_send sock_shutdown`)
