package fuel

import (
	"context"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/modgate/modgate/plugins/wat"
)

// BenchmarkLoop measures what being stoppable costs a loop that does nearly
// nothing else, which is the worst case, and calls.
func BenchmarkLoop(b *testing.B) {
	for name, export := range map[string]string{"sum": "sum", "fib": "fib"} {
		text := samples["loops and branches"]
		if name == "fib" {
			text = samples["calls"]
		}
		original := wat.Must(text)
		for kind, module := range map[string][]byte{"original": original, "rewritten": mustRewrite(b, original)} {
			b.Run(name+"/"+kind, func(b *testing.B) {
				e := newEngine(b)
				e.most, e.slice = 1<<60, 1<<17
				m, err := e.InstantiateWithConfig(context.Background(), module, wazero.NewModuleConfig().WithName(""))
				if err != nil {
					b.Fatal(err)
				}
				f, stack := m.ExportedFunction(export), make([]uint64, 1)
				for b.Loop() {
					if stack[0] = 1000; name == "fib" {
						stack[0] = 15
					}
					if err := f.CallWithStack(context.Background(), stack); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkRewrite measures how long a module of a megabyte takes.
func BenchmarkRewrite(b *testing.B) {
	text := `(module (func $f (param i64) (result i64) (local $s i64) (block $done (loop $next (br_if $done (i64.eqz (local.get 0)))
		(local.set $s (i64.add (local.get $s) (local.get 0))) (local.set 0 (i64.sub (local.get 0) (i64.const 1))) (br $next))) (local.get $s))`
	for range 20_000 {
		text += `(func (param i64) (result i64) (loop $l (br_if $l (i64.eqz (call $f (local.get 0))))) (i64.add (local.get 0) (call $f (i64.const 7))))`
	}
	module := wat.Must(text + `)`)
	b.SetBytes(int64(len(module)))
	for b.Loop() {
		mustRewrite(b, module)
	}
}
