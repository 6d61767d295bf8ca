package plugins

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/modgate/modgate/core/adapter"
)

// Bounds that no configuration changes.
const (
	maxFile      = 16 << 20 // bytes of a guest
	maxFunctions = 50_000
	maxTable     = 65_536 // elements
	maxExclusive = 64     // instances of a guest that works for one request at a time
	pageSize     = 64 << 10
)

// generation is one file of a plugin, running.
type generation struct {
	p      *Plugin
	number uint64
	hash   [sha256.Size]byte
	size   int
	loaded time.Time
	took   time.Duration

	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	abi      abi
	margin   bool // its instances have one
	hooks    adapter.Hooks
	alone    bool // an instance works for one request at a time
	begun    bool // and what the guest says of itself is settled
	health   health

	features atomic.Uint32 // that the guest enabled when it began
	reads    atomic.Bool   // the guest has read a request's body

	calls atomic.Uint64 // of instances that are gone
	live  atomic.Pointer[[]*instance]
	mu    sync.Mutex // held to change live
	gone  func()     // called when the last instance is closed; nil: not retired
}

// generate makes a generation of code, step by step. The error names the step.
func (p *Plugin) generate(ctx context.Context, code []byte) (_ *generation, err error) {
	began := time.Now()
	g := &generation{p: p, hash: sha256.Sum256(code), size: len(code), loaded: began}
	g.live.Store(&[]*instance{})
	if err := g.pinned(); err != nil {
		return nil, err
	}
	if len(code) > maxFile {
		return nil, fmt.Errorf("check: the file has %d bytes, more than %d", len(code), maxFile)
	}
	rewritten, err := rewrite(code)
	if err != nil {
		return nil, fmt.Errorf("rewrite: %w", err)
	}
	if err := checkImports(rewritten.Imports); err != nil {
		return nil, fmt.Errorf("check: %w", err)
	}
	defer func() {
		if err != nil {
			g.close()
		}
	}()
	g.margin = rewritten.Margin
	if err := g.compile(ctx, rewritten.Code); err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	if g.abi, err = abiOf(g.compiled); err != nil {
		return nil, fmt.Errorf("check: %w", err)
	}
	g.number = p.started.Add(1)
	if err := g.begin(); err != nil {
		return nil, err
	}
	g.took = time.Since(began)
	return g, nil
}

// pinned holds the file against the hash that the operator gave.
func (g *generation) pinned() error {
	want, got := g.p.o.Plugin.SHA256, hex.EncodeToString(g.hash[:])
	if want != "" && want != got {
		return fmt.Errorf("check: its sha256 is %s, and plugin.sha256 says %s", got, want)
	}
	return nil
}

// compile makes a runtime of the generation's own, whose memory is bounded. A
// file at which the engine crashes is refused, and no reason for the gateway
// to crash.
func (g *generation) compile(ctx context.Context, code []byte) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("the engine crashed at it: %v", fault)
		}
	}()
	pages := max(1, uint32(g.p.o.Plugin.Memory/pageSize))
	if g.margin {
		pages++
	}
	c := wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst).
		WithMemoryLimitPages(pages).
		WithDebugInfoEnabled(false)
	if g.p.o.Cache != nil {
		c = c.WithCompilationCache(g.p.o.Cache.compiled)
	}
	g.runtime = wazero.NewRuntimeWithConfig(ctx, c)
	if err := hostModules(ctx, g.runtime); err != nil {
		return err
	}
	g.compiled, err = g.runtime.CompileModule(ctx, code)
	return err
}

// begin makes as many instances as can work at once, and tries one out.
func (g *generation) begin() error {
	for range min(runtime.GOMAXPROCS(0), g.most()) {
		i, err := g.instantiate()
		if err != nil {
			return err
		}
		g.add(i)
	}
	err := g.selfTest()
	g.begun = true
	return err
}

func (g *generation) add(i *instance) {
	live := append(slices.Clone(*g.live.Load()), i)
	g.live.Store(&live)
}

// most is how many instances there may be.
func (g *generation) most() int {
	if most := g.p.o.Most; most > 0 {
		return most
	}
	if g.alone {
		return maxExclusive
	}
	return 2 * runtime.GOMAXPROCS(0)
}

// take returns an instance, locked: one that is free, else a new one, else
// whichever comes free.
func (g *generation) take() (*instance, error) {
	live := *g.live.Load()
	n := len(live)
	if n > 0 {
		at := somewhere(n)
		for range n {
			if i := live[at]; i.mu.TryLock() {
				if !i.dead && !i.retired {
					return i, nil
				}
				i.mu.Unlock()
			}
			if at++; at == n {
				at = 0
			}
		}
	}
	if n < g.most() && g.mu.TryLock() {
		defer g.mu.Unlock()
		return g.grow()
	}
	return g.wait()
}

// somewhere returns a number below n: the same for the same goroutine, mostly,
// which finds its instance's memory in its processor's cache, and another for
// another. It is where the goroutine's stack lies, which costs nothing to know.
func somewhere(n int) int {
	var here byte
	at := uint64(uintptr(unsafe.Pointer(&here))) * 0x9e3779b97f4a7c15 >> 32
	return int(at * uint64(n) >> 32)
}

// grow returns a new instance, locked. The caller holds mu.
func (g *generation) grow() (*instance, error) {
	if g.gone != nil {
		return nil, errRetired
	}
	i, err := g.instantiate()
	if err != nil {
		return nil, err
	}
	i.mu.Lock()
	g.add(i)
	return i, nil
}

// wait returns an instance that was busy, locked.
func (g *generation) wait() (*instance, error) {
	for range 100 {
		live := *g.live.Load()
		if g.alone {
			return nil, errBusy // until an answer comes, which may take long
		}
		if len(live) == 0 {
			g.mu.Lock()
			i, err := g.grow()
			g.mu.Unlock()
			return i, err
		}
		i := live[int(rand.Uint32())%len(live)]
		i.mu.Lock()
		switch {
		case i.retired:
			i.mu.Unlock()
			return nil, errRetired
		case !i.dead:
			return i, nil
		}
		i.mu.Unlock()
	}
	return nil, errBusy
}

// remove takes i, which the caller has locked and found dead, off the list.
func (g *generation) remove(i *instance) {
	g.mu.Lock()
	defer g.mu.Unlock()
	live := slices.DeleteFunc(slices.Clone(*g.live.Load()), func(j *instance) bool { return j == i })
	g.live.Store(&live)
	g.calls.Add(i.calls)
	if len(live) == 0 && g.gone != nil {
		g.close()
		g.gone()
	}
}

// retire closes every instance when it has ended what it began, and then the
// generation; gone is called at the end.
func (g *generation) retire(gone func()) {
	g.mu.Lock()
	g.gone = gone
	live := *g.live.Load()
	if len(live) == 0 {
		g.close()
		gone()
	}
	g.mu.Unlock()
	for _, i := range live {
		go i.retire()
	}
}

// close frees what the generation has. The compiled code is closed by itself:
// a runtime with a cache leaves it there.
func (g *generation) close() {
	ctx := context.Background()
	for _, i := range *g.live.Load() {
		i.close()
	}
	if g.compiled != nil {
		_ = g.compiled.Close(ctx)
	}
	if g.runtime != nil {
		_ = g.runtime.Close(ctx)
	}
}

func (g *generation) view(v *adapter.View) {
	loaded := g.loaded
	v.State, v.Generation, v.Loaded, v.SHA256, v.Size = adapter.Running, g.number, &loaded, hex.EncodeToString(g.hash[:]), g.size
	v.Hooks, v.LoadSeconds, v.Calls = g.abi.names(g.hooks), g.took.Seconds(), g.calls.Load()
	if g.health.ill(time.Now) {
		until := time.Unix(0, g.health.until.Load())
		v.State, v.Until = adapter.Quarantined, &until
	}
	for _, i := range *g.live.Load() {
		v.Instances++
		i.mu.Lock()
		v.Calls += i.calls
		if !i.dead {
			v.Memory += uint64(i.memory.Size())
		}
		i.mu.Unlock()
	}
}
