package fuel

import (
	"context"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/modgate/modgate/plugins/wat"
)

// marginal is a module that gets a margin, and uses what it imports in every
// way that there is.
const marginal = `(module (type $two (func (param i32 i32) (result i32))) (import "http_handler" "log_enabled" (func (param i32) (result i32)))
	(import "http_handler" "get_uri" (func $uri (param i32 i32) (result i32))) (import "http_handler" "remove_header" (func $remove (param i32 i32 i32)))
	(memory (export "memory") 1 3) (table 2 funcref) (elem (i32.const 0) $uri $f) (export "again" (func $uri)) 
	(func $f (export "f") (param i32) (result i32) (drop (memory.grow (local.get 0))) (call $remove (i32.const 0) (i32.const 0) (memory.size))
		(drop (ref.func $remove)) (call_indirect (type $two) (i32.const 1) (i32.const 2) (i32.const 0)))
	(elem declare func $remove))`

func TestMarginIsForWhomItServes(t *testing.T) {
	for name, c := range map[string]struct {
		old, new string
		want     bool
	}{
		"as it is":             {"", "", true},
		"of one page and more": {"1 3", "1", true},
		"of all pages":         {"1 3", "1 65536", true},
		"full":                 {"1 3", "65536 65536", false},
		"of none at first":     {"1 3", "0 3", false},
		"of another host":      {"http_handler", "other", false},
		"of other functions":   {"get_uri", "get_config", true},
		"of none of them":      {`"get_uri" (func $uri (param i32 i32) (result i32))) (import "http_handler" "remove_header"`, `"get_config" (func $uri (param i32 i32) (result i32))) (import "http_handler" "log"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			module := wat.Must(strings.ReplaceAll(marginal, c.old, c.new))
			if c.old == "" {
				module = wat.Must(marginal)
			}
			e := newEngine(t)
			original := e.takes(module)
			r, err := Rewrite(module, Options{First: slice, Margin: true})
			if err != nil || r.Margin != c.want {
				t.Fatalf("a margin: %v, %v, want %v", r.Margin, err, c.want)
			}
			if err := e.takes(r.Code); (err == nil) != (original == nil) {
				t.Errorf("the engine says of the original %v, with a margin %v", original, err)
			}
		})
	}
	if r, err := Rewrite(wat.Must(strings.ReplaceAll(marginal, "param i32 i32)", "param i32 i64)")), Options{Margin: true}); err != nil || len(r.Imports) != 3 {
		t.Errorf("a function of another type: %v", err)
	}
	if r, err := Rewrite(wat.Must(marginal), Options{}); err != nil || r.Margin {
		t.Errorf("a margin that nobody wants: %v, %v", r.Margin, err)
	}
}

// What the margin answers costs fuel, as what the host does.
func TestStubsCharge(t *testing.T) {
	for name, c := range map[string]struct {
		form, call string
		calls      int // of the host
	}{
		"get_uri":           {`(param i32 i32) (result i32)`, `(drop (call $f (i32.const 0) (i32.const 100)))`, 0},
		"get_method":        {`(param i32 i32) (result i32)`, `(drop (call $f (i32.const 0) (i32.const 100)))`, 10}, // which is not there
		"get_header_values": {`(param i32 i32 i32 i32 i32) (result i64)`, `(drop (call $f (i32.const 0) (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 100)))`, 0},
		"set_header_value":  {`(param i32 i32 i32 i32 i32)`, `(call $f (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 100))`, 0},
		"add_header_value":  {`(param i32 i32 i32 i32 i32)`, `(call $f (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 100))`, 10}, // of a kind that may not be
		"remove_header":     {`(param i32 i32 i32)`, `(call $f (i32.const 0) (i32.const 0) (i32.const 1))`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			module := wat.Must(`(module (import "http_handler" "` + name + `" (func $f ` + c.form + `)) (memory (export "memory") 1) (func (export "run") ` + strings.Repeat(c.call, 10) + `))`)
			r, err := Rewrite(module, Options{First: slice, Margin: true})
			if err != nil || !r.Margin {
				t.Fatal(r, err)
			}
			e, ctx, calls := newEngine(t), context.Background(), 0
			compiled, err := e.CompileModule(ctx, r.Code)
			if err != nil {
				t.Fatal(err)
			}
			host := api.GoFunc(func(context.Context, []uint64) { calls++ })
			f := compiled.ImportedFunctions()[0]
			if _, err := e.NewHostModuleBuilder("http_handler").NewFunctionBuilder().WithGoFunction(host, f.ParamTypes(), f.ResultTypes()).Export(name).Instantiate(ctx); err != nil {
				t.Fatal(err)
			}
			m, err := e.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName(""))
			if err != nil {
				t.Fatal(err)
			}
			for at, v := range map[uint32]uint32{MarginTarget: 5, MarginKinds: 1, MarginUsed: MarginEdits, MarginAnswers + AnswerName: 2} {
				m.Memory().WriteUint32Le(m.Memory().Size()-Margin+at, v)
			}
			if _, err := m.ExportedFunction("run").Call(ctx); err != nil {
				t.Fatal(err)
			}
			if calls != c.calls {
				t.Errorf("it calls the host %d times, want %d", calls, c.calls)
			}
			if least, most := (10-calls)*noteCost/slice, (10-calls)*(noteCost+20)/slice+1; e.refills < least || e.refills > most {
				t.Errorf("it used up its fuel %d times, want %d or %d", e.refills, least, most)
			}
		})
	}
}
