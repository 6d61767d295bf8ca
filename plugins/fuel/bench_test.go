package fuel

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/modgate/modgate/plugins/wat"
)

// BenchmarkLoop measures what being stoppable costs a loop that does nearly
// nothing else, which is the worst case, and calls: as a ratio to the original,
// in short turns of the same run, of which the quickest count.
func BenchmarkLoop(b *testing.B) {
	for _, c := range []struct {
		export, sample string
		arg            uint64
	}{{"sum", "loops and branches", 1000}, {"fib", "calls", 15}} {
		b.Run(c.export, func(b *testing.B) {
			module := wat.Must(samples[c.sample])
			original, rewritten := looped(b, module, c.export, c.arg), looped(b, mustRewrite(b, module), c.export, c.arg)
			var without, with []time.Duration
			for range b.N {
				without, with = append(without, original()), append(with, rewritten())
			}
			b.ReportMetric(float64(quick(with).Nanoseconds())/turn, "ns/op")
			b.ReportMetric(float64(quick(with))/float64(quick(without)), "x-original")
		})
	}
}

const turn = 20 // calls

// looped returns what calls an export for a turn, and says how long that took.
func looped(b *testing.B, module []byte, export string, arg uint64) func() time.Duration {
	ctx := context.Background()
	e := newEngine(b)
	e.most, e.slice = 1<<60, 1<<17
	m, err := e.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		b.Fatal(err)
	}
	f, stack := m.ExportedFunction(export), make([]uint64, 1)
	return func() time.Duration {
		began := time.Now()
		for range turn {
			stack[0] = arg
			if err := f.CallWithStack(ctx, stack); err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(began)
	}
}

// quick returns the turn that only one in twenty is quicker than.
func quick(turns []time.Duration) time.Duration {
	slices.Sort(turns)
	return turns[len(turns)/20]
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
