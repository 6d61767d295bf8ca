//go:build !race

package gateway

import (
	"errors"
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

	"github.com/modgate/modgate/core/alert"
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

const tenantsOnly = `{ tenants = ["diku", "central"] }`

// These tests are left out of race builds, where the engine takes a minute to
// compile the adapter.

// An unmodified module of FOLIO is upgraded under load. While it migrates, each
// tenant in a job of its own, it calls itself, and a peer that calls it back.
// Nothing locks up, no request fails, and what was parked is answered (L4, U2,
// U3, U11, A5).
func TestFolioModuleIsUpgradedUnderLoad(t *testing.T) {
	inPlatform(t, `{ tenants = ["diku", "central"], parameters = { loadSample = "true" } }`, func(p *folioPlatform) {
		p.ready("mod-users-1.0.0", "2.0")
		first := p.ready("mod-loans-1.0.0", "2.0")
		said := make(chan string, 4)
		next := p.has("mod-loans-2.0.0", "2.0", func(j *foliotest.Job) error {
			own, err := j.Ask("/loans/own")
			theirs, err2 := j.Ask(asking("/users/7", "/loans/back"))
			said <- fmt.Sprintf("%s: %s, %s", j.Tenant, own, theirs)
			return errors.Join(err, err2, j.Work(4*time.Second))
		})
		l := p.pour("/loans/1", asking("/loans/2", "/users/2"), asking("/users/3", "/loans/3"), asking("/loans/4", "/users/4", "/loans/5"))
		time.Sleep(5 * time.Second)
		next.Health(http.StatusOK)
		time.Sleep(6 * time.Second)
		p.wants("mod-loans", message.Delayed, message.ReasonUpdating, "")
		time.Sleep(20 * time.Second)
		p.wants("mod-loans", message.Ready, message.NoReason, "2.0.0")
		l.end(t)
		close(said)
		for _, tenant := range []string{"diku", "central"} {
			want := tenant + ": mod-loans-2.0.0 /loans/own, mod-users-1.0.0 /users/7 asks: mod-loans-2.0.0 /loans/back"
			if got := <-said; got != want {
				t.Errorf("during the migration:\ngot  %s\nwant %s", got, want)
			}
		}
		if l.first["mod-loans-1.0.0"] < 100 || l.first["mod-loans-2.0.0"] < 100 || l.parked < 6 {
			t.Errorf("answers %v, of them %d were parked", l.first, l.parked)
		}
		if got, want := first.Calls(), []string{"diku POST /_/tenant", "central POST /_/tenant"}; !slices.Equal(got, want) {
			t.Errorf("the first version was told %q, want %q", got, want)
		}
		want := []string{
			"diku POST /_/tenant", "diku GET /_/tenant/mod-loans-2.0.0-1", "diku DELETE /_/tenant/mod-loans-2.0.0-1",
			"central POST /_/tenant", "central GET /_/tenant/mod-loans-2.0.0-2", "central DELETE /_/tenant/mod-loans-2.0.0-2",
		}
		if got := next.Calls(); !slices.Equal(got, want) {
			t.Errorf("the second version was told %q, want %q", got, want)
		}
		told := next.Told()[0]
		if want := `{"module_to":"mod-loans-2.0.0","module_from":"mod-loans-1.0.0","purge":false,"parameters":[{"key":"loadSample","value":"true"}]}`; told.Body != want {
			t.Errorf("it was told %s, want %s", told.Body, want)
		}
		for name, want := range map[string]string{
			"X-Okapi-Url": "http://mod-loans-2.0.0-egress:9300", "X-Okapi-Url-To": "http://mod-loans-2.0.0:80", "Content-Type": "application/json", "Accept": "*/*",
		} {
			if got := told.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if open := p.alerts.Open(); len(open) > 0 {
			t.Errorf("open incidents: %+v", open)
		}
	})
}

// Version 1.x of the tenant interface answers when it is done.
func TestFolioModuleWithAnOldTenantInterfaceIsUpgraded(t *testing.T) {
	settings := `{ tenants = ["diku", "central"], modules = { "mod-loans" = { interface = "1.2" }, "mod-loans-1.0.0" = { interface = "1.0" } }, parameters = { a = "b" } }`
	inPlatform(t, settings, func(p *folioPlatform) {
		first := p.ready("mod-loans-1.0.0", "1.0")
		next := p.has("mod-loans-2.0.0", "1.2", func(j *foliotest.Job) error {
			_, err := j.Ask("/loans/own")
			return errors.Join(err, j.Work(10*time.Second))
		})
		l := p.pour("/loans/1")
		next.Health(http.StatusOK)
		time.Sleep(15 * time.Second)
		p.wants("mod-loans", message.Delayed, message.ReasonUpdating, "")
		time.Sleep(15 * time.Second)
		p.wants("mod-loans", message.Ready, message.NoReason, "2.0.0")
		l.end(t)
		if body, want := first.Told()[0].Body, `{"module_to":"mod-loans-1.0.0"}`; body != want {
			t.Errorf("1.0 was told %s, want %s", body, want)
		}
		want := `{"module_to":"mod-loans-2.0.0","module_from":"mod-loans-1.0.0","parameters":[{"key":"a","value":"b"}]}`
		if told := next.Told(); len(told) != 2 || told[0].Body != want {
			t.Errorf("1.2 was told %q, want %s for each tenant", told, want)
		}
	})
}

// A job may take longer than an absence may: the world is told MISSING and the
// administrator that it is overdue, and its end ends both (U6). It is asked
// about no more than often enough.
func TestFolioModuleTakesHours(t *testing.T) {
	inPlatform(t, tenantsOnly, func(p *folioPlatform) {
		p.ready("mod-loans-1.0.0", "2.0")
		next := p.has("mod-loans-2.0.0", "2.0", func(j *foliotest.Job) error { return j.Work(30 * time.Minute) })
		next.Health(http.StatusOK)
		time.Sleep(20 * time.Minute)
		p.wants("mod-loans", message.Missing, message.ReasonExpired, "")
		a := <-p.ask("/loans/1", "X-Okapi-Tenant", "diku")
		if a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, "urn:modgate:missing") {
			t.Errorf("answered %d %s, want MISSING", a.status, a.body)
		}
		if !slices.ContainsFunc(p.alerts.Open(), func(i alert.Incident) bool { return i.Severity == alert.Critical }) {
			t.Errorf("nobody was told: %+v", p.alerts.Open())
		}
		time.Sleep(41 * time.Minute)
		p.wants("mod-loans", message.Ready, message.NoReason, "2.0.0")
		if open := p.alerts.Open(); len(open) > 0 {
			t.Errorf("open incidents: %+v", open)
		}
		if n := len(next.Calls()); n < 180 || n > 400 {
			t.Errorf("it was called %d times in an hour", n)
		}
	})
}

// A job that fails is the administrator's to see, in the module's own words;
// the older version does not come back by itself, for its data may be no
// longer what it knows (U6). The next process is told again (U10).
func TestFolioModuleFailsToMigrate(t *testing.T) {
	inPlatform(t, tenantsOnly, func(p *folioPlatform) {
		p.ready("mod-loans-1.0.0", "2.0")
		room := errors.New("no room on the disk")
		next := p.has("mod-loans-2.0.0", "2.0", func(j *foliotest.Job) error {
			if j.Tenant == "central" {
				return errors.Join(j.Work(time.Second), room)
			}
			return nil
		})
		next.Health(http.StatusOK)
		time.Sleep(30 * time.Second)
		p.wants("mod-loans", message.Delayed, message.ReasonUpdating, "")
		want := "mod-loans 2.0.0 has failed to update: tenant central: no room on the disk; of tenant central"
		if !slices.ContainsFunc(p.alerts.Open(), func(i alert.Incident) bool { return i.Severity == alert.Critical && i.Summary == want }) {
			t.Errorf("incidents %+v, want %s", p.alerts.Open(), want)
		}
		calls := len(next.Calls())
		time.Sleep(30 * time.Second)
		if n := len(next.Calls()); n != calls {
			t.Errorf("it was told %d times more", n-calls)
		}
		room = nil
		p.restart("mod-loans-2.0.0", 70*time.Second)
		time.Sleep(20 * time.Second)
		p.wants("mod-loans", message.Ready, message.NoReason, "2.0.0")
		if open := p.alerts.Open(); len(open) > 0 {
			t.Errorf("open incidents: %+v", open)
		}
	})
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

// A process that is killed in the middle of its migration is told again: a
// quick one of the job that it does not know, a slow one, whose loss was
// noticed, in a new epoch, and from the first tenant on (U6, U10).
func TestFolioModuleCrashesInTheMiddle(t *testing.T) {
	for _, c := range []struct {
		away time.Duration
		want []string // POSTs
	}{
		{time.Second, []string{"diku", "central", "central"}},
		{2 * time.Minute, []string{"diku", "central", "diku", "central"}},
	} {
		t.Run(c.away.String(), func(t *testing.T) {
			inPlatform(t, `{ tenants = ["diku", "central"], wait = "0s" }`, func(p *folioPlatform) {
				p.ready("mod-loans-1.0.0", "2.0")
				next := p.has("mod-loans-2.0.0", "2.0", func(j *foliotest.Job) error { return j.Work(5 * time.Second) })
				next.Health(http.StatusOK)
				for range 1000 {
					if _, migrating := p.data["mod-loans"].Of("central"); migrating == "mod-loans-2.0.0" {
						break
					}
					time.Sleep(20 * time.Millisecond)
				}
				time.Sleep(time.Second)
				p.restart("mod-loans-2.0.0", c.away)
				time.Sleep(time.Minute)
				p.wants("mod-loans", message.Ready, message.NoReason, "2.0.0")
				var posts []string
				for _, call := range next.Calls() {
					if tenant, ok := strings.CutSuffix(call, " POST /_/tenant"); ok {
						posts = append(posts, tenant)
					}
				}
				if !slices.Equal(posts, c.want) {
					t.Errorf("it was told of %q, want %q: %q", posts, c.want, next.Calls())
				}
				a := <-p.ask("/loans/1", "X-Okapi-Tenant", "central")
				a.wants(t, http.StatusOK, "mod-loans-2.0.0 /loans/1", a.after)
			})
		})
	}
}
