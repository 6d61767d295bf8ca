// Package plugins runs adapters that are written for WebAssembly: it is the
// only package that knows an engine. A guest speaks http-wasm's handler ABI,
// unchanged, and, if it wants to translate the lifecycle or judge health,
// modgate_adapter_v1 beside it.
//
// It decides what a guest may do and use: no files, no environment, no sockets;
// bounded memory, time, logs and edits. What goes wrong in a guest ends that
// guest's instance, and is told to the administrator and never to a client. It
// never decides when an adapter is asked.
//
// A Plugin is an adapter, of one module or of several that share it. It runs one generation of it at a time: a
// file, checked, rewritten (package fuel), compiled, begun and tried out.
// Replace puts another generation in its place; what the former began, it ends.
// An instance of a generation serves many requests: it is held only while the
// guest works, not while the module does. A Folder holds the Plugins of all
// modules, and follows the files they come from.
package plugins

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/config"
)

// ErrFailed is returned by the hooks of a Plugin when its guest failed, or is
// in quarantine, and config.Plugin.OnError does not let go on without it.
// What happened is told to Options.Fault only.
var ErrFailed = errors.New("the adapter failed")

// errRetired is returned by a generation that was replaced: ask the next.
var errRetired = errors.New("the generation was replaced")

// Options say how an adapter is run.
type Options struct {
	Name    string // the adapter's
	Plugin  config.Plugin
	Version string // of the gateway, for the guest
	Cache   *Cache // of compiled code; nil: none
	Log     *slog.Logger
	Most    int // instances; 0: one that works for one request at a time has many, another twice as many as there are processors

	Fault  func(adapter.Fault) // told of each; nil: nobody
	Mended func(name string)   // told when the adapter is out of quarantine; nil: nobody
}

// Plugin is an adapter written for WebAssembly. It implements adapter.Adapter. Load makes
// one.
type Plugin struct {
	o       Options
	log     *slog.Logger
	lines   lines
	shared  shared
	current atomic.Pointer[generation]
	started atomic.Uint64 // generations
	faults  atomic.Uint64
	last    atomic.Pointer[adapter.Fault]

	mu      sync.Mutex // held while a generation is made or replaced
	retired sync.WaitGroup
	closed  bool // guarded by mu
}

var _ adapter.Adapter = (*Plugin)(nil)

// Load makes a plugin of a file's contents. The error says at which step the
// file was refused, and why. The caller must Close the plugin.
func Load(ctx context.Context, code []byte, o Options) (*Plugin, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Fault == nil {
		o.Fault = func(adapter.Fault) {}
	}
	if o.Mended == nil {
		o.Mended = func(string) {}
	}
	p := &Plugin{o: o, log: o.Log.With("adapter", o.Name)}
	p.lines.log = p.log
	p.shared.bound = int(o.Plugin.Shared)
	if err := p.Replace(ctx, code); err != nil {
		return nil, err
	}
	return p, nil
}

// Replace puts a generation made of code in force. What the former one began,
// it ends; then it is closed. With an error the former stays.
func (p *Plugin) Replace(ctx context.Context, code []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errors.New("the plugin is closed")
	}
	g, err := p.generate(ctx, code)
	if err != nil {
		return err
	}
	p.swap(g)
	return nil
}

// swap puts g, which may be nil, in force. The caller holds mu.
func (p *Plugin) swap(g *generation) {
	old := p.current.Swap(g)
	if old == nil {
		return
	}
	p.retired.Add(1)
	old.retire(p.retired.Done)
}

// Close ends the plugin when its requests have ended. Whoever asks it
// afterwards is answered as adapter.None answers.
func (p *Plugin) Close() {
	p.mu.Lock()
	p.closed = true
	p.swap(nil)
	p.mu.Unlock()
	p.retired.Wait()
}

// Hooks returns what the present generation wants to see.
func (p *Plugin) Hooks() adapter.Hooks {
	if g := p.current.Load(); g != nil {
		return g.hooks
	}
	return 0
}

// View returns the plugin's of this moment.
func (p *Plugin) View() adapter.View {
	v := adapter.View{Adapter: p.o.Name, State: adapter.Absent, Faults: p.faults.Load(), LastFault: p.last.Load()}
	if g := p.current.Load(); g != nil {
		g.view(&v)
	}
	return v
}

// Exclusive reports whether an instance of the present generation works for
// one request at a time, from its beginning to the answer's end.
func (p *Plugin) Exclusive() bool {
	g := p.current.Load()
	return g != nil && g.alone
}
