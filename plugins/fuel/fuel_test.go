package fuel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/modgate/modgate/plugins/wat"
)

// samples are modules that use what there is to use.
var samples = map[string]string{
	"loops and branches": `(module
		(func (export "sum") (param $n i64) (result i64) (local $s i64)
			(block $done (loop $next
				(br_if $done (i64.eqz (local.get $n)))
				(local.set $s (i64.add (local.get $s) (local.get $n)))
				(local.set $n (i64.sub (local.get $n) (i64.const 1)))
				(br $next)))
			(local.get $s))
		(func (export "pick") (param i32) (result i32)
			(block $c (block $b (block $a local.get 0 br_table $a $b $c)
				(return (i32.const 10))) (return (i32.const 20))) (i32.const 30))
		(func (export "nested") (param $n i32) (result i32) (local $i i32) (local $sum i32)
			(loop $outer (local.set $i (i32.const 3))
				(loop $inner (local.set $sum (i32.add (local.get $sum) (local.get $i)))
					(br_if $inner (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
				(br_if $outer (i32.gt_s (local.tee $n (i32.sub (local.get $n) (i32.const 1))) (i32.const 0))))
			(local.get $sum)))`,
	"calls": `(module (type $bin (func (param i32 i32) (result i32)))
		(import "modgate_fuel" "refill" (func $other (result i64)))
		(table 4 funcref) (elem (i32.const 1) $add $sub)
		(func $add (type $bin) (i32.add (local.get 0) (local.get 1)))
		(func $sub (type $bin) (i32.sub (local.get 0) (local.get 1)))
		(func $fib (export "fib") (param i32) (result i32)
			(if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0))
				(else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
		(func (export "indirect") (param i32 i32) (result i32)
			(call_indirect (type $bin) (i32.const 7) (local.get 1) (local.get 0)))
		(func $down (export "tail") (param i32) (result i32)
			(if (i32.eqz (local.get 0)) (then (return (i32.const 42))))
			(return_call $down (i32.sub (local.get 0) (i32.const 1))))
		(func (export "fetched") (result i32) (ref.is_null (ref.func $add)))
		(elem declare func $add))`,
	"memory": `(module (memory (export "memory") 1) (data (i32.const 8) "below") (data $passive "passive\00\ff")
		(global $g (mut i32) (i32.const 5)) (global $h i32 (i32.const 6))
		(func (export "fill") (param i32 i32) (memory.fill (local.get 1) (i32.const 0xab) (local.get 0)))
		(func (export "copy") (param i32) (memory.copy (i32.const 100) (i32.const 8) (local.get 0)))
		(func (export "init") (param i32) (memory.init $passive (i32.const 300) (i32.const 0) (local.get 0)))
		(func (export "zdrop") (data.drop $passive))
		(func (export "zinit") (memory.init $passive (i32.const 300) (i32.const 0) (i32.const 1)))
		(func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
		(func (export "global") (param i32) (result i32) (global.set $g (i32.add (global.get $g) (local.get 0))) (i32.mul (global.get $g) (global.get $h)))
		(func (export "store") (param i32 i64) (i64.store offset=16 align=4 (local.get 0) (local.get 1)))
		(func (export "trap") (unreachable)))`,
	"tables": `(module (table $t 3 20 funcref)
		(elem (i32.const 0) $a) (elem $p func $b $a) (elem declare func $a)
		(func $a (result i32) (i32.const 1)) (func $b (result i32) (i32.const 2))
		(func (export "init") (param i32) (table.init $p (i32.const 0) (i32.const 0) (local.get 0)))
		(func (export "copy") (param i32) (table.copy (i32.const 1) (i32.const 0) (local.get 0)))
		(func (export "fill") (param i32) (table.fill $t (i32.const 0) (ref.null func) (local.get 0)))
		(func (export "grow") (param i32) (result i32) (table.grow $t (ref.func $a) (local.get 0)))
		(func (export "use") (param i32) (result i32) (call_indirect (result i32) (local.get 0)))
		(func (export "zdrop") (elem.drop $p)))`,
	"calls in loops": `(module (func $half (param i32) (result i32) (local i64) (loop $l (result i32)
			(if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0))
				(else (call $half (i32.shr_u (local.get 0) (i32.const 1)))))))
		(func (export "some") (param i32) (result i64) (local i64 f32)
			(loop $l (local.set 1 (i64.add (local.get 1) (i64.extend_i32_u (call $half (local.get 0)))))
				(br_if $l (i32.gt_s (local.tee 0 (i32.sub (local.get 0) (i32.const 1))) (i32.const 0))))
			(local.get 1)))`,
	"start": `(module (memory (export "memory") 1) (func $s (i32.store (i32.const 0) (i32.const 77))) (start $s)
		(func (export "many") (result i32 i64) (i32.const 1) (i64.const -2))
		(func (export "block") (param i32) (result i32) (local.get 0) (block (param i32) (result i32) (i32.add (i32.const 1)))))`,
}

func TestRewrittenBehavesAsTheOriginal(t *testing.T) {
	for name, text := range samples {
		t.Run(name, func(t *testing.T) {
			module := wat.Must(text)
			rewritten := mustRewrite(t, module)
			for _, args := range [][]uint64{{0, 0}, {1, 2}, {7, 3}, {20, 9}, {300, 65000}, {1 << 31, 1<<64 - 1}} {
				e := newEngine(t)
				got, err := e.run(rewritten, args...)
				if err != nil {
					t.Fatal(err)
				}
				if got.dry && args[0] < 10 {
					t.Errorf("args %v: out of fuel, want an end", args)
				}
				if got.dry {
					continue // the original would not end in time either
				}
				want, err := e.run(module, args...)
				if err != nil {
					t.Fatal(err)
				}
				if got.results != want.results || !bytes.Equal(got.memory, want.memory) {
					t.Errorf("args %v: got\n%swant\n%s", args, got.results, want.results)
				}
			}
		})
	}
}

// endless are modules whose export "run" never ends, or does far too much
// between two looks at the clock.
var endless = map[string]string{
	"loop":             `(module (func (export "run") (loop $l (br $l))))`,
	"parts":            parts(100, 0, 1<<30),
	"conditional":      `(module (func (export "run") (loop $l (br_if $l (i32.const 1)))))`,
	"calls":            `(module (func $f (param i32) (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))) (call $f (i32.sub (local.get 0) (i32.const 1)))))) (func (export "run") (call $f (i32.const 60))))`,
	"calls in a loop":  `(module (func $f (param i32) (loop (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))) (call $f (i32.sub (local.get 0) (i32.const 1))))))) (func (export "run") (call $f (i32.const 60))))`,
	"tail from a loop": `(module (func $f (export "run") (loop (return_call $f))))`,
	"tail calls":       `(module (func $f (export "run") (return_call $f)))`,
	"table and tail":   `(module (table 1 funcref) (elem (i32.const 0) $f) (func $f (export "run") (return_call_indirect (i32.const 0))))`,
	"memory.fill":      `(module (memory 64) (func (export "run")` + strings.Repeat(`(memory.fill (i32.const 0) (i32.const 1) (i32.const 0x400000))`, 20) + `))`,
	"memory.copy":      `(module (memory 64) (func (export "run")` + strings.Repeat(`(memory.copy (i32.const 0) (i32.const 1) (i32.const 0x3fffff))`, 20) + `))`,
	"table.fill":       `(module (table $t 60000 funcref) (func (export "run")` + strings.Repeat(`(table.fill $t (i32.const 0) (ref.null func) (i32.const 60000))`, 20) + `))`,
	"table.copy":       `(module (table $t 60000 funcref) (func (export "run")` + strings.Repeat(`(table.copy (i32.const 0) (i32.const 1) (i32.const 59999))`, 20) + `))`,
	"memory.grow":      `(module (memory 1) (func (export "run")` + strings.Repeat(`(drop (memory.grow (i32.const 1)))`, 20) + `))`,
	"long leaf":        `(module (func $leaf (result i32) (i32.const 1)` + strings.Repeat(`(i32.add (i32.const 1))`, 900) + `) (func (export "run")` + strings.Repeat(`(drop (call $leaf))`, 20) + `))`,
	"start that loops": `(module (func $s (loop $l (br $l))) (start $s) (func (export "run")))`,
}

func TestEndlessModuleRunsOutOfFuel(t *testing.T) {
	for name, text := range endless {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t)
			e.most = 10
			got, err := e.run(mustRewrite(t, wat.Must(text)))
			if !errors.Is(err, errDry) && !got.dry {
				t.Errorf("it ended after %d refills: %v %s, want it stopped", e.refills, err, got.results)
			}
		})
	}
}

// parts is a module whose run chooses part first of so many, from which it goes
// on through the ones that follow, so many times. A part has a hundred
// instructions.
func parts(n, first, times int) string {
	var blocks, choice, code strings.Builder
	for i := range n {
		fmt.Fprintf(&blocks, "(block $b%d ", n-1-i)
		fmt.Fprintf(&choice, "$b%d ", i)
		code.WriteString(")" + strings.Repeat("(drop (i32.const 1))", 50))
	}
	return fmt.Sprintf(`(module (func (export "run") (local $pc i32) (local $n i32) (local.set $n (i32.const %d)) (local.set $pc (i32.const %d))
		(loop $l %s (local.get $pc) (br_table %s) %s (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))`,
		times, first, blocks.String(), choice.String(), code.String())
}

// Compilers that know of a function only where it jumps, as Go's, write it as a
// loop that chooses between its parts. A turn of it takes one or some of them,
// rarely all.
func TestTurnOfAChoiceCostsAPart(t *testing.T) {
	const turns, part = 100_000, 100
	cost := func(text string) float64 {
		t.Helper()
		e := newEngine(t)
		e.most, e.slice = 1<<30, 1<<17
		if _, err := e.run(mustRewrite(t, wat.Must(text))); err != nil {
			t.Fatal(err)
		}
		return float64(e.refills) * float64(e.slice) / turns
	}
	for n, want := range map[int]float64{1: part, 8: part, maxParts: part, 100: part * 100 / maxParts} {
		if got := cost(parts(n, n-1, turns)); got < 0.9*want || got > 1.3*want {
			t.Errorf("of %d parts one costs %.0f, want some %.0f", n, got, want)
		}
	}
	later := strings.Replace(parts(100, 99, turns), "(local.get $pc) (br_table", "(drop (i32.const 1)) (drop (i32.const 1)) (local.get $pc) (br_table", 1)
	if got := cost(later); got < 100*part {
		t.Errorf("a turn of a loop that chooses only later costs %.0f, want all that is in it", got)
	}
}

func TestTableIsClamped(t *testing.T) {
	const text = `(module (table $t 1 funcref) (table $u 1 5000 funcref)
		(func (export "grow") (param i32) (result i32) (table.grow $t (ref.null func) (local.get 0)))
		(func (export "small") (result i32) (table.grow $u (ref.null func) (i32.const 120))))`
	r, err := Rewrite(wat.Must(text), Options{First: slice, Table: 100})
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[uint64]string{99: "grow[99]=[1]", 100: "grow[100]=[4294967295]", 1 << 30: "grow[1073741824]=[4294967295]"} {
		e := newEngine(t)
		e.most = 1 << 30
		if got, err := e.run(r.Code, n); err != nil || !strings.Contains(got.results, want) || !strings.Contains(got.results, "small[]=[4294967295]") {
			t.Errorf("grown by %d: %s %v, want %s", n, got.results, err, want)
		}
	}
	if _, err := Rewrite(wat.Must(`(module (table 101 funcref))`), Options{First: slice, Table: 100}); err == nil || !strings.Contains(err.Error(), "101") {
		t.Errorf("a table of 101 elements under a limit of 100: %v", err)
	}
	if _, err := Rewrite(wat.Must(`(module (func) (func) (func))`), Options{First: slice, Functions: 2}); err == nil || !strings.Contains(err.Error(), "3 functions") {
		t.Errorf("3 functions under a limit of 2: %v", err)
	}
}

func TestAddedThingsCannotBeReached(t *testing.T) {
	for name, text := range map[string]string{
		"fuel":                 `(module (func (export "run") (global.set 0 (i64.const 0x7fffffffffffffff))))`,
		"length":               `(module (func (export "run") (drop (global.get 1))))`,
		"fuel behind another":  `(module (global i32 (i32.const 0)) (func (global.set 1 (i64.const 1))))`,
		"what is left of it":   `(module (func (param i64) (result i64) (loop) (local.get 1)))`,
		"left in a tee":        `(module (func (loop) (i64.const 1) (local.tee 0) drop))`,
		"fuel exported":        `(module (export "fuel" (global 0)))`,
		"fuel in a constant":   `(module (global i64 (global.get 1)))`,
		"refill by its type":   `(module (table 1 funcref) (func (drop (call_indirect (type 1) (i32.const 0)))))`,
		"its type, in a block": `(module (func (block (type 1) (i64.const 0)) drop))`,
		"a function too many":  `(module (func (call 1)))`,
		"one more by far":      `(module (func (drop (ref.func 4294967295))))`,
		"the start":            `(module (func) (start 1))`,
		"an export":            `(module (func) (export "x" (func 1)))`,
		"an element":           `(module (table 1 funcref) (func) (elem (i32.const 0) 1))`,
	} {
		if r, err := Rewrite(wat.Must(text), Options{First: slice}); err == nil {
			t.Errorf("%s: rewritten to %x, want it refused", name, r.Code)
		}
	}
}

func TestWhatIsNotSupportedIsSaid(t *testing.T) {
	wasm := func(s string) []byte { return []byte("\x00asm\x01\x00\x00\x00" + s) }
	for name, c := range map[string]struct {
		module []byte
		is     error
	}{
		"a component":                    {[]byte("\x00asm\x0d\x00\x01\x00"), ErrComponent},
		"text":                           {[]byte("(module)"), ErrNotWasm},
		"nothing":                        {nil, ErrNotWasm},
		"version 2":                      {[]byte("\x00asm\x02\x00\x00\x00"), ErrUnsupported},
		"exceptions":                     {wasm("\x0d\x03\x01\x00\x00"), ErrUnsupported},
		"shared memory":                  {wasm("\x02\x09\x01\x01a\x01b\x02\x03\x01\x01"), ErrUnsupported},
		"64-bit memory":                  {wasm("\x02\x08\x01\x01a\x01b\x02\x04\x01"), ErrUnsupported},
		"two memories":                   {wasm("\x05\x05\x02\x00\x01\x00\x01"), ErrUnsupported},
		"atomics":                        {wasm("\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x0a\x07\x01\x05\x00\xfe\x03\x00\x0b"), ErrUnsupported},
		"a broken section":               {wasm("\x01\x7f\x00"), nil},
		"twice the types":                {wasm("\x01\x01\x00\x01\x01\x00"), nil},
		"a short function":               {wasm("\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x0a\x04\x01\x02\x00\x01"), nil},
		"a type of 4 billion parameters": {wasm("\x01\x08\x01\x60\xff\xff\xff\xff\x0f\x00"), nil},
		"code for nobody":                {wasm("\x0a\x04\x01\x02\x00\x0b"), nil},
	} {
		if _, err := Rewrite(c.module, Options{First: slice}); err == nil || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v, want %v", name, err, c.is)
		}
	}
}

func TestNamesOfFunctionsFollowThem(t *testing.T) {
	module := wat.Must(`(module (import "modgate_fuel" "refill" (func (result i64))) (func) (func (export "run") (unreachable)))`)
	names := "\x04name\x01\x13\x02\x01\x04mine\x02\x0abroken_one"
	module = append(module, append([]byte{0, byte(len(names))}, names...)...)
	e := newEngine(t)
	got, err := e.InstantiateWithConfig(context.Background(), mustRewrite(t, module), wazero.NewModuleConfig().WithName(""))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = got.ExportedFunction("run").Call(context.Background()); err == nil || !strings.Contains(err.Error(), "broken_one") {
		t.Errorf("the trap says %v, want the name of the function", err)
	}
	module[len(module)-1] = 'x'
	module[len(module)-len(names)+7] = 0x7f // a count that is not true: the names are dropped
	mustRewrite(t, module)
}
