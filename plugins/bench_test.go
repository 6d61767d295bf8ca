//go:build unix

package plugins

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/modgate/modgate/core/adapter"
)

// steady is an exchange that allocates nothing, as the proxy's.
type steady struct {
	adapter.Draft
	method, target []byte
	fields         [adapter.Parts]adapter.Fields
}

var accept = []byte("accept")

func newSteady() *steady {
	return &steady{method: []byte("GET"), target: []byte("/items/1?a=b")}
}

func (x *steady) reset() {
	for i := range x.fields {
		x.fields[i].Reset()
	}
	x.fields[adapter.RequestHeader].Load(accept, accept)
}

func (x *steady) Method() []byte                         { return x.method }
func (x *steady) Target() []byte                         { return x.target }
func (x *steady) Source() netip.AddrPort                 { return netip.AddrPort{} }
func (x *steady) Fields(p adapter.Part) *adapter.Fields  { return &x.fields[p] }
func (x *steady) SetBody(adapter.Side, []byte)           {}
func (x *steady) Body(adapter.Side, int) ([]byte, error) { return nil, nil }
func (x *steady) Property(string) ([]byte, bool)         { return nil, false }

// native does what the guests do, without a guest.
func native(x adapter.Exchange) {
	f := x.Fields(adapter.RequestHeader)
	target := x.Target()
	value := append(make([]byte, 0, 64), target...) // a guest has its memory
	f.Set([]byte("x-path"), value)
	f.Get("user-agent")
	f.Set([]byte("user-agent"), []byte("modgate"))
	f.Add([]byte("x-tenant"), []byte("diku"))
}

// cpu returns the processor's time that this process has had: what others do
// on the machine does not count.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure runs f as often as the benchmark wants, and a native edit as often,
// in short turns, and reports the quickest turns of both: those that the
// machine disturbed least.
func measure(b *testing.B, f func(x *steady)) {
	const turn = 500
	x := newSteady()
	b.ReportAllocs()
	var through, natively []time.Duration
	b.ResetTimer()
	for range (b.N + turn - 1) / turn {
		began := time.Now()
		for range turn {
			x.reset()
			f(x)
		}
		between := time.Now()
		for range turn {
			x.reset()
			native(x)
		}
		through, natively = append(through, between.Sub(began)), append(natively, time.Since(between))
	}
	b.ReportMetric(float64(quick(through).Nanoseconds())/turn, "ns/op")
	b.ReportMetric(float64(quick(through))/float64(quick(natively)), "x-native")
}

// quick returns the turn that only one in twenty is quicker than.
func quick(turns []time.Duration) time.Duration {
	slices.Sort(turns)
	return turns[len(turns)/20]
}

// BenchmarkPlugin measures a request's way through a guest, each as a ratio to
// a native edit in the same run (x-native). BenchmarkFloor says what of it is
// the engine's.
func BenchmarkPlugin(b *testing.B) {
	b.Run("native", func(b *testing.B) { measure(b, func(x *steady) { native(x) }) })
	b.Run("small guest, no call", func(b *testing.B) { benchmark(b, smallGuest(``), "") })
	b.Run("small guest, 2 calls", func(b *testing.B) { benchmark(b, smallGuest(pathAndAgent[0]), "") })
	b.Run("small guest, 5 calls", func(b *testing.B) { benchmark(b, smallGuest(pathAndAgent[0]+pathAndAgent[1]), "") })
	for _, g := range []struct {
		name, config string
		build        func() ([]byte, error)
	}{
		{"go guest, 5 calls", "", benchGuest},
		{"go guest, 6 calls", "six", benchGuest},
		{"go guest through the SDK, 5 calls", "", sdkGuest},
		{"go guest through the SDK, 6 calls", "six", sdkGuest},
	} {
		b.Run(g.name, func(b *testing.B) {
			code, err := g.build()
			if err != nil {
				b.Fatal(err)
			}
			benchmark(b, code, g.config)
		})
	}
}

// pathAndAgent is what the guests do, the first two calls and the others.
var pathAndAgent = [2]string{
	`(call $set (i32.const 0) (i32.const 0) (i32.const 6) (i32.const 100) (call $get_uri (i32.const 100) (i32.const 1000)))`,
	`(if (i64.eqz (call $get (i32.const 0) (i32.const 6) (i32.const 10) (i32.const 100) (i32.const 1000)))
		(then (call $set (i32.const 0) (i32.const 6) (i32.const 10) (i32.const 24) (i32.const 7))))
	 (call $set (i32.const 0) (i32.const 16) (i32.const 8) (i32.const 31) (i32.const 4))`,
}

// smallGuest sees requests only.
func smallGuest(body string) []byte {
	return guest(importURI+importSet+importGet, body+next, ``,
		`(data (i32.const 0) "x-pathuser-agentx-tenantmodgatediku") (func (export "modgate_capabilities") (result i32) (i32.const 1))`)
}

const importGet = `(import "http_handler" "get_header_values" (func $get (param i32 i32 i32 i32 i32) (result i64)))`

func benchmark(b *testing.B, code []byte, settings string) {
	cache, err := cacheOfTests()
	if err != nil {
		b.Fatal(err)
	}
	o := options()
	o.Plugin.Budget.Start, o.Cache, o.Plugin.Config = time.Minute, cache, settings
	p, err := Load(context.Background(), code, o)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	measure(b, func(x *steady) {
		c, err := p.Request(x)
		if err != nil || !c.Next {
			b.Fatal(err, p.View().LastFault)
		}
		if c.Response {
			if err := p.Response(c, x, false); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkInFlight measures requests of which a thousand are always with the
// module, begun and ended by as many goroutines, and says how many instances
// they took.
func BenchmarkInFlight(b *testing.B) {
	const flying = 1000
	code, err := goGuest()
	if err != nil {
		b.Fatal(err)
	}
	cache, err := cacheOfTests()
	if err != nil {
		b.Fatal(err)
	}
	o := options()
	o.Cache = cache
	p, err := Load(context.Background(), code, o)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	var begun, ended sync.WaitGroup
	for range b.N {
		answers := make(chan struct{}) // closed when the module answers all of them
		begun.Add(flying)
		for range flying {
			ended.Go(func() {
				d := get("/")
				c, err := p.Request(d)
				begun.Done()
				<-answers
				if ok(d); err == nil && c.Response {
					err = p.Response(c, d, false)
				}
				if err != nil {
					b.Error(err, p.View().LastFault)
				}
			})
		}
		begun.Wait()
		close(answers)
		ended.Wait()
	}
	b.ReportMetric(float64(p.View().Instances), "instances")
	b.ReportMetric(float64(p.View().Instances)/float64(runtime.GOMAXPROCS(0)), "x-GOMAXPROCS")
}

// BenchmarkReload measures a cached Go guest of 2 MB put in force anew.
func BenchmarkReload(b *testing.B) {
	code, err := benchGuest()
	if err != nil {
		b.Fatal(err)
	}
	cache, err := cacheOfTests()
	if err != nil {
		b.Fatal(err)
	}
	o := options()
	o.Plugin.Budget.Start, o.Cache = time.Minute, cache
	p, err := Load(context.Background(), code, o)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	began := cpu(b)
	for b.Loop() {
		if err := p.Replace(context.Background(), code); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpu(b)-began).Milliseconds())/float64(b.N), "cpu-ms/op")
}

// BenchmarkRunaway measures how long a guest that loops is let, for a budget
// of 20 ms: a loop of nothing at all takes longer per instruction than what
// budgets are counted by.
func BenchmarkRunaway(b *testing.B) {
	o := options()
	o.Plugin.Budget.Request = 20 * time.Millisecond
	p, err := Load(context.Background(), guest(importURI, onPath('x', `(loop $l (br $l))`)+next, ``, ``), o)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	began := cpu(b)
	for b.Loop() {
		p.current.Load().health.until.Store(0)
		if _, err := p.Request(get("/x")); !errors.Is(err, ErrFailed) {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpu(b)-began).Milliseconds())/float64(b.N), "cpu-ms/op")
}

// A guest costs its request no allocation once it is warm.
func TestGuestAllocatesNothing(t *testing.T) {
	for name, code := range map[string][]byte{"edits": pathIntoHeader, "sees the request only": smallGuest(pathAndAgent[0] + pathAndAgent[1])} {
		w := load(t, code)
		x := newSteady()
		if n := testing.AllocsPerRun(1000, func() {
			x.reset()
			c, err := w.Request(x)
			if err == nil && c.Response {
				err = w.Response(c, x, false)
			}
			if err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations a request, want none", name, n)
		}
	}
}
