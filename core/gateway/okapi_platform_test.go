//go:build !race

package gateway

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/hcl"
	"github.com/modgate/modgate/plugins/adaptertest"
	"github.com/modgate/modgate/plugins/okapi/foliotest"
)

// folioPlatform is a world of FOLIO's modules behind the adapter okapi, configured
// in the language.
type folioPlatform struct {
	*world
	dir       string // of the adapter
	cache     string // what the engine has compiled of it
	file      string
	data      map[string]*foliotest.Data // by product
	processes map[string]*foliotest.Module
	settings  string // of the adapter
}

// inPlatform plays with modules mod-loans and mod-users of FOLIO, for the
// tenants diku and central.
func inPlatform(t *testing.T, settings string, play func(*folioPlatform)) {
	t.Helper()
	dir := filepath.Dir(adaptertest.Build(t, "../../plugins/okapi"))
	p := &folioPlatform{
		dir: dir, cache: filepath.Join(dir, "cache"), file: filepath.Join(t.TempDir(), "platform.hcl"), settings: settings,
		data:      map[string]*foliotest.Data{"mod-loans": {}, "mod-users": {}},
		processes: map[string]*foliotest.Module{},
	}
	begin := func(cfg *config.Config) {
		loaded := p.load(t)
		loaded.Gateway.DataDir, loaded.Gateway.Settle = cfg.Gateway.DataDir, cfg.Gateway.Settle
		*cfg = *loaded
		p.compiled(t, cfg.Gateway.DataDir, false)
	}
	inWorld(t, begin, func(w *world) {
		p.world = w
		p.compiled(t, w.cfg.Gateway.DataDir, true)
		play(p)
	})
}

// compiled keeps what the engine has compiled for the next gateway, or gives
// it what another one's has.
func (p *folioPlatform) compiled(t *testing.T, dataDir string, keep bool) {
	from, to := p.cache, filepath.Join(dataDir, "cache", "plugins")
	if keep {
		from, to = to, from
	}
	if _, err := os.Stat(to); keep && err == nil {
		return
	}
	if _, err := os.Stat(from); err != nil {
		return // the first
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(to, 0o700); err != nil {
		t.Fatal(err)
	}
}

// products are those of which there is a process.
func (p *folioPlatform) products() map[string]bool {
	all := map[string]bool{}
	for _, m := range p.processes {
		all[strings.Replace(m.Path, "/", "mod-", 1)] = true
	}
	return all
}

// load writes the configuration of all processes that there are, and reads it.
func (p *folioPlatform) load(t *testing.T) *config.Config {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "gateway {\n  listen = \"127.0.0.1:9130\"\n  plugins = %q\n  control {\n    listen = \"127.0.0.1:9131\"\n  }\n}\n", p.dir)
	for _, product := range slices.Sorted(maps.Keys(p.products())) {
		fmt.Fprintf(&b, "module %q {\n  update = \"on-takeover\"\n  adapter = \"okapi\"\n  run_header = \"X-Okapi-Request-Id\"\n", product)
		fmt.Fprintf(&b, "  plugin {\n    config = jsonencode(%s)\n  }\n  probe {\n    type = \"http\"\n    jitter = 0\n  }\n", p.settings)
		for _, id := range slices.Sorted(maps.Keys(p.processes)) {
			if version, ok := strings.CutPrefix(id, product+"-"); ok {
				fmt.Fprintf(&b, "  version %q {\n    upstreams = [\"http://%s:80\"]\n    egress = [\"%s-egress:9300\"]\n    routes = [\"%s/*\"]\n  }\n", version, id, id, p.processes[id].Path)
			}
		}
		b.WriteString("}\n")
	}
	if err := os.WriteFile(p.file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, found := hcl.Load(p.file)
	if cfg == nil {
		t.Fatalf("%s\n%s", found, &b)
	}
	return cfg
}

// has puts a process of that id into the configuration, which is not healthy
// yet.
func (p *folioPlatform) has(id, tenantInterface string, migrate func(*foliotest.Job) error) *foliotest.Module {
	p.t.Helper()
	product := id[:strings.LastIndexByte(id, '-')]
	m := &foliotest.Module{
		ID: id, Path: strings.Replace(product, "mod-", "/", 1), Tenant: tenantInterface, Data: p.data[product], Migrate: migrate, Client: p.caller.client,
	}
	m.Health(http.StatusServiceUnavailable)
	p.processes[id] = m
	p.host(id, m.ServeHTTP)
	next := p.load(p.t)
	next.Gateway.DataDir, next.Gateway.Settle = p.cfg.Gateway.DataDir, p.cfg.Gateway.Settle
	p.cfg = next
	p.running.reload(next)
	return m
}

// ready is has of a module that serves.
func (p *folioPlatform) ready(id, tenantInterface string) *foliotest.Module {
	p.t.Helper()
	m := p.has(id, tenantInterface, nil)
	m.Health(http.StatusOK)
	time.Sleep(8 * time.Second)
	at := strings.LastIndexByte(id, '-')
	p.wants(id[:at], message.Ready, message.NoReason, id[at+1:])
	return m
}

// crowd is what clients make of a platform.
type crowd struct {
	stop    chan struct{}
	clients sync.WaitGroup

	mu     sync.Mutex
	first  map[string]int // answers, by who gave them
	parked int            // of them
	failed []string
}

// pour lets clients of both tenants ask for that until stopped.
func (p *folioPlatform) pour(paths ...string) *crowd {
	l := &crowd{stop: make(chan struct{}), first: map[string]int{}}
	for i, path := range paths {
		for _, tenant := range []string{"diku", "central"} {
			l.clients.Go(func() {
				for n := i; ; n++ {
					select {
					case <-l.stop:
						return
					case <-time.After(100 * time.Millisecond):
					}
					l.note(<-p.request(path, "X-Okapi-Tenant", tenant, "X-Okapi-Request-Id", fmt.Sprintf("%06d/ui", n)))
				}
			})
		}
	}
	return l
}

func (l *crowd) note(a answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a.err != nil || a.status != http.StatusOK || strings.Contains(a.body, "fails") {
		l.failed = append(l.failed, fmt.Sprintf("%d %s %v", a.status, a.body, a.err))
		return
	}
	who, _, _ := strings.Cut(a.body, " ")
	l.first[who]++
	if strings.HasPrefix(a.header.Get("Modgate-Status"), "resume;") {
		l.parked++
	}
}

// end stops the clients, and fails if a request did.
func (l *crowd) end(t *testing.T) {
	t.Helper()
	close(l.stop)
	l.clients.Wait()
	if len(l.failed) > 0 {
		t.Errorf("%d requests failed, the first: %s", len(l.failed), l.failed[0])
	}
}

// asking is the target that asks for one path after the other: each module
// asks for the next.
func asking(paths ...string) string {
	target := ""
	for _, path := range slices.Backward(paths) {
		if target != "" {
			path += "?ask=" + url.QueryEscape(target)
		}
		target = path
	}
	return target
}

// restart kills a process, which is back after a while.
func (p *folioPlatform) restart(id string, after time.Duration) {
	p.t.Helper()
	p.world.mu.Lock()
	host := p.hosts[id+":80"]
	delete(p.hosts, id+":80")
	p.world.mu.Unlock()
	p.processes[id].Kill()
	time.Sleep(after)
	p.world.mu.Lock()
	p.hosts[id+":80"] = host
	p.world.mu.Unlock()
}
