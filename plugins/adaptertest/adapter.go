// Package adaptertest tests an adapter that is written for WebAssembly, as its
// author does: with the host that the gateway has, and without a gateway. It
// plays cases, holds requests that overlap on one instance against the same
// ones in sequence, repeats them many times, breaks every hook to show what on_error makes of it, and
// measures. modgate plugin test and bench are its commands; from go test, call
// Test.
//
// It never needs a network, and changes no file but, if asked to, what its
// cases expect.
package adaptertest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/plugins"
)

// Adapter is a file under test. Open makes one.
type Adapter struct {
	Name  string
	code  []byte
	cache *plugins.Cache
	dir   string
}

// Open reads an adapter's file. The caller must Close it.
func Open(file string) (*Adapter, error) {
	code, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "adaptertest")
	if err != nil {
		return nil, err
	}
	cache, err := plugins.OpenCache(dir)
	if err != nil {
		return nil, err
	}
	return &Adapter{Name: strings.TrimSuffix(filepath.Base(file), ".wasm"), code: code, cache: cache, dir: dir}, nil
}

// Close forgets what was compiled.
func (a *Adapter) Close() error {
	err := a.cache.Close()
	if rm := os.RemoveAll(a.dir); err == nil {
		err = rm
	}
	return err
}

// running is the adapter in force, with what it said.
type running struct {
	*plugins.Plugin
	name string

	mu   sync.Mutex
	said said // guarded by mu
}

// said is what an adapter logged, and what failed in it.
type said struct {
	log    []string // "level: line"
	faults []string // "hook: kind"
	why    []string // what the administrator is told of each
}

// start puts code, the adapter's or one made of it, in force. All requests
// share one instance. The adapter is not nil with an error: its log may say
// why.
func (a *Adapter) start(ctx context.Context, code []byte, settings config.Plugin, most int) (*running, error) {
	r := &running{name: a.Name}
	p, err := plugins.Load(ctx, code, plugins.Options{
		Name: a.Name, Plugin: settings, Version: "test", Cache: a.cache, Most: most, Log: slog.New(r),
		Fault: func(f adapter.Fault) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.said.faults = append(r.said.faults, f.Hook+": "+string(f.Kind))
			r.said.why = append(r.said.why, strings.TrimSuffix(f.Hook+": "+f.Text+"\n"+f.Trace, "\n"))
		},
	})
	r.Plugin = p
	return r, err
}

// player starts the adapter for the requests of a case. What it
// runs has to be closed.
func (a *Adapter) player(ctx context.Context, c *Case) (*player, error) {
	settings, err := c.settings()
	if err != nil {
		return nil, err
	}
	r, err := a.start(ctx, a.code, settings, 1)
	if err != nil {
		return nil, err
	}
	return &player{r: r, c: c}, nil
}

// told returns what was logged and what failed since the last call.
func (r *running) told() said {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.said
	r.said = said{}
	return s
}

// Enabled implements slog.Handler, as what follows: of what the host logs, it
// keeps the adapter's own lines.
func (r *running) Enabled(context.Context, slog.Level) bool { return true }

// Handle keeps a line.
func (r *running) Handle(_ context.Context, record slog.Record) error {
	if line, own := strings.CutPrefix(record.Message, "adapter: "); own {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.said.log = append(r.said.log, fmt.Sprintf("%s: %s", strings.ToLower(record.Level.String()), line))
	}
	return nil
}

// WithAttrs returns r: who logs is known.
func (r *running) WithAttrs([]slog.Attr) slog.Handler { return r }

// WithGroup returns r.
func (r *running) WithGroup(string) slog.Handler { return r }
