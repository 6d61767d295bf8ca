package gateway

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/control"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/hcl"
	"github.com/modgate/modgate/hcl/okapi"
)

// folioFolder returns the folder of FOLIO's releases, which lies beside the
// checkout where there is one.
func folioFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil && dir != filepath.Dir(dir) {
		folder := filepath.Join(dir, "shared", "data", "folio")
		if _, err := os.Stat(folder); err == nil {
			return folder
		}
		dir = filepath.Dir(dir)
	}
	if os.Getenv("MODGATE_SHARED") == "required" {
		t.Fatal("the releases (shared/data/folio) are not beside the checkout")
	}
	t.Skip("the releases (shared/data/folio) are not beside the checkout")
	return ""
}

// upgrade is a whole FOLIO platform while it is upgraded.
type upgrade struct {
	*running
	client *http.Client
	dir    string

	before, after platform
	order         []string             // of after
	now           platform             // who serves
	ways          routing              // of now
	next          *config.Config       // of after
	callers       map[string]*instance // who bears the token of the version that serves
	fenced        map[string]string    // the token of the version before
	counts        map[string]int       // what was done
	missing       map[string]bool      // callers and targets of which a requirement was found unmet
}

// TestFOLIOIsUpgraded runs R1-2024 from generated configuration, upgrades it
// to R2-2024 module by module while clients send requests without a pause,
// and compares what is answered with what the descriptors say must be.
func TestFOLIOIsUpgraded(t *testing.T) {
	u := startFOLIO(t, "R1-2024-GA", "R2-2024-GA")
	begin := time.Now()
	u.everyRoute("a request down every route of R1-2024")
	u.enlist()
	u.holdAll("")

	l := u.load()
	for _, name := range u.order {
		u.upgradeOne(l, name)
	}
	u.becomes()
	l.stop()
	if l.rounds() < 2 {
		u.t.Errorf("of %d requests under load not every route that is kept got two", l.answered.Load())
	}
	u.everyRoute("a request down every route of R2-2024")

	pairs := unorderable(u.before, u.after)
	if len(pairs) != 37 {
		t.Errorf("%d pairs of modules that can be upgraded in no order, want 37, counted by other means", len(pairs))
	}
	for _, p := range pairs {
		if !u.missing[p] {
			t.Errorf("%s can be upgraded in no order, and MISSING was never seen", p)
		}
	}
	for _, what := range slices.Sorted(maps.Keys(u.counts)) {
		t.Logf("%6d %s", u.counts[what], what)
	}
	t.Logf("%6d pairs of modules that can be upgraded in no order: each got MISSING in between", len(pairs))
	t.Logf("%6d requests under load, %d at least on each route, none failed; %d of them parked, for %v at most",
		l.answered.Load(), l.rounds(), l.parked.Load(), time.Duration(l.longest.Load()))
	t.Logf("%6.1f s", time.Since(begin).Seconds())
}

// byHand is what the descriptors do not say, and an operator adds: which module
// takes over routes of which.
var byHand = map[string]string{"mod-reporting": "mod-ldp"}

// startFOLIO runs the first release from the configuration that its
// descriptors become, and prepares the processes of the second.
func startFOLIO(t *testing.T, first, second string) *upgrade {
	t.Helper()
	folder := folioFolder(t)
	u := &upgrade{
		client: newClient(t), dir: t.TempDir(), callers: map[string]*instance{}, fenced: map[string]string{},
		counts: map[string]int{}, missing: map[string]bool{},
	}
	_, u.before = readRelease(t, folder, first)
	u.order, u.after = readRelease(t, folder, second)
	for heir, old := range byHand {
		u.after[heir].Replaces = append(u.after[heir].Replaces, old)
	}
	u.now, u.ways = maps.Clone(u.before), u.before.routing()
	cfg := u.generated(t, folder, first, plays(t, u.before))
	u.next = u.generated(t, folder, second, plays(t, u.after))
	u.running = startWith(t, cfg)
	return u
}

// generated returns the configuration that a release's descriptors become,
// with its modules at these origins.
func (u *upgrade) generated(t *testing.T, folder, release string, origins map[string]string) *config.Config {
	t.Helper()
	descriptors, err := okapi.Read([]string{filepath.Join(folder, "descriptors")}, filepath.Join(folder, "install-"+release+".json"))
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := okapi.Write(descriptors, okapi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for heir, old := range byHand {
		block := "module \"" + heir + "\" {\n"
		text = bytes.Replace(text, []byte(block), []byte(block+"  replaces = [\""+old+"\"]\n"), 1)
	}
	upstreams, err := json.Marshal(origins)
	if err != nil {
		t.Fatal(err)
	}
	gateway := `gateway {
  listen      = "127.0.0.1:0"
  join_secret = "` + joinSecret + `"
  control {
    listen = "127.0.0.1:0"
  }
}
defaults {
  lease     = "5m" # nobody renews here
  start_ttl = "15m"
}
`
	files := map[string]string{"platform.hcl": string(text), "gateway.hcl": gateway}
	dir := filepath.Join(u.dir, release)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("MODGATE_VAR_upstreams", string(upstreams))
	cfg, found := hcl.Load(dir)
	if cfg == nil {
		t.Fatal(found)
	}
	return cfg
}

// everyRoute sends a request down every route of the modules that serve.
func (u *upgrade) everyRoute(what string) {
	u.t.Helper()
	for _, d := range u.now {
		for _, w := range d.ways {
			if w.undefined {
				u.counts["routes of Okapi's that cannot be expressed"]++
				continue
			}
			to, ok := u.ways.answers(w.method, w.request)
			if !ok {
				u.t.Fatalf("%s %s: nobody is to answer", w.method, w.request)
			}
			u.answeredBy(to, "", w.method, w.request)
			u.counts[what]++
		}
	}
}

// answeredBy wants a request to be answered by the module whose way it takes.
func (u *upgrade) answeredBy(to way, token, method, path string) {
	u.t.Helper()
	r, err := ask(u.client, method, u.data+path, token)
	if err != nil || r.status != http.StatusOK || r.by != u.now[to.module].ID {
		u.t.Errorf("%s %s: %d by %q %v, %+v; want an answer of %s", method, path, r.status, r.by, err, r.Problem, u.now[to.module].ID)
	}
}

// enlist registers, beside each declared process, one that takes no requests
// but has a token, with which the test speaks as that version.
func (u *upgrade) enlist() {
	u.t.Helper()
	for _, d := range u.config.Declared() {
		d.Instance = d.Module + ".caller"
		u.callers[d.Module] = u.join(d.Registration)
	}
}

// join registers a process, and holds what is said of its requirements
// against the descriptors (D1).
func (u *upgrade) join(reg message.Registration) *instance {
	u.t.Helper()
	var out message.Registered
	if status, err := u.caller.call("POST", "/v1/instances", reg, &out); err != nil || status != http.StatusCreated {
		u.t.Fatalf("register %s: %d %v", reg.Instance, status, err)
	}
	return &instance{u.running, reg.Instance, out.Token, 0}
}

// holdAll sends a request for each requirement that concerns the module, or,
// without one, for each there is: as its caller, to a route of the interface.
// It must be answered MISSING exactly where the requirement is unmet (D3).
func (u *upgrade) holdAll(concerns string) {
	u.t.Helper()
	for _, q := range u.now.wants() {
		if concerns != "" && q.caller != concerns && q.target != concerns {
			continue
		}
		ways := u.now[q.target].ways
		at := slices.IndexFunc(ways, func(w way) bool {
			to, ok := u.ways.answers(w.method, w.request)
			return w.iface == q.ID && !w.undefined && ok && to.module == w.module && to.iface == w.iface
		})
		if at < 0 {
			u.counts["requirements on interfaces without a route"]++
			continue
		}
		u.hold(q, ways[at])
	}
}

func (u *upgrade) hold(q want, w way) {
	u.t.Helper()
	token := u.callers[q.caller].token
	if q.met {
		u.counts["requests of modules whose requirement is met"]++
		u.answeredBy(w, token, w.method, w.request)
		return
	}
	u.counts["requests of modules whose requirement is unmet: MISSING"]++
	u.missing[q.caller+" and "+q.target] = true
	r, err := ask(u.client, w.method, u.data+w.request, token)
	p := r.Problem
	if err != nil || p.Type != message.ProblemMissing || p.Reason != message.ReasonVersion || p.Module != q.target || !strings.HasPrefix(q.found, p.Found) || p.Found == "" {
		u.t.Errorf("%s, which requires %s %s of %s, where %s is: %d by %q %v, %+v; want MISSING", q.caller, q.ID, q.Version, q.target, q.found, r.status, r.by, err, p)
	}
}

// load starts clients that ask for every route that both releases have.
func (u *upgrade) load() *load {
	before, after := u.before.routing(), u.after.routing()
	l := &load{t: u.t, client: newClient(u.t), origin: u.data}
	moved := 0
	for _, w := range slices.Concat(slices.Collect(maps.Values(before))...) {
		was, _ := before.answers(w.method, w.request)
		is, still := after.answers(w.method, w.request)
		if !still {
			continue
		}
		if was.module != is.module {
			moved++
		}
		l.ways = append(l.ways, kept{was, is.module, [2]string{u.before[was.module].ID, u.after[is.module].ID}})
	}
	if moved == 0 {
		u.t.Error("no route goes from one module to another")
	}
	u.counts["routes that clients ask for all the time"] = len(l.ways)
	u.counts["routes of these that go from one module to another"] = moved
	l.start()
	return l
}

// upgradeOne takes a module from one release to the next: its higher version
// registers on another port, says UPDATE, and when that is granted RESUME.
func (u *upgrade) upgradeOne(l *load, name string) {
	u.t.Helper()
	declared := u.next.Declared()
	reg := declared[slices.IndexFunc(declared, func(d config.Declared) bool { return d.Module == name })].Registration
	reg.Instance, reg.Replaces = name+".next", u.next.Module(name).Replaces
	next := u.join(reg)
	was := u.now[name]
	l.focus.Store(name)
	if a := next.say(message.Update); a.Outcome != message.Granted {
		u.t.Fatalf("UPDATE of %s: %+v", name, a)
	}
	if len(l.by[name]) > 0 && was != nil { // of what is new nobody knows, or another serves it
		u.until("a request to "+name+" is parked", func() bool { n, _ := u.parked(name); return n > 0 })
	}
	if a := next.say(message.Resume); a.Outcome != message.Resumed {
		u.t.Fatalf("RESUME of %s: %+v", name, a)
	}
	l.upgraded.Store(name, true)
	l.focus.Store("")
	u.now[name] = u.after[name]
	u.ways = u.now.routing()
	if was == nil {
		u.counts["modules that are new"]++
	} else {
		u.counts["modules that were upgraded"]++
		u.isFenced(name)
		u.vanished(was)
	}
	u.callers[name] = next
	u.holdAll(name)
}

// isFenced wants the token of the version that was replaced to open nothing.
func (u *upgrade) isFenced(name string) {
	u.t.Helper()
	old := u.callers[name].token
	if r, err := ask(u.client, "GET", u.data+"/", old); err != nil || r.Type != message.ProblemMissing || r.Reason != message.ReasonFenced {
		u.t.Errorf("the version of %s that was replaced: %d %v, %+v; want MISSING, fenced", name, r.status, err, r.Problem)
	}
}

// vanished sends a request down every route that a module had before and has
// no longer (V9).
func (u *upgrade) vanished(was *descriptor) {
	u.t.Helper()
	for _, w := range was.ways {
		if w.undefined {
			continue
		}
		if to, ok := u.ways.answers(w.method, w.request); ok {
			u.answeredBy(to, "", w.method, w.request)
			continue
		}
		version := strings.TrimPrefix(u.now[was.name].ID, was.name+"-")
		r, err := ask(u.client, w.method, u.data+w.request, "")
		if err != nil || r.status != http.StatusNotFound || !strings.Contains(r.Detail, "removed-in "+version) {
			u.t.Errorf("%s, which vanished from %s: %d by %q %v, %+v; want 404, removed-in %s", w.text, was.name, r.status, r.by, err, r.Problem, version)
		}
		u.counts["routes that vanished: 404, removed-in"]++
	}
}

// becomes puts the configuration of the second release in force: its modules
// are declared, those who registered leave, and what no file names any more
// is dropped.
func (u *upgrade) becomes() {
	u.t.Helper()
	u.reload(u.next)
	for _, name := range slices.Sorted(maps.Keys(u.before)) {
		if u.after[name] != nil {
			continue
		}
		u.until(name+" has left", func() bool { o, _ := u.control.Overview(name); return o.State.State != message.Ready })
		drop := message.Override{Type: message.Drop, Who: "the test", Why: "it is in no configuration any more"}
		if status, err := u.admin.call("POST", "/v1/admin/modules/"+name+"/overrides", drop, nil); err != nil || status != http.StatusOK {
			u.t.Fatalf("drop %s: %d %v", name, status, err)
		}
		delete(u.now, name)
		u.ways = u.now.routing()
		u.counts["modules that are gone"]++
	}
	for _, name := range u.order {
		u.until(name+" is ready", func() bool { o, _ := u.control.Overview(name); return o.State.State == message.Ready })
		if c := u.callers[name]; c != nil {
			c.say(message.Disconnect)
		}
	}
	for _, o := range u.control.Overviews() {
		if got := servingIn(o); len(got) != 1 || strings.HasSuffix(got[0], ".next") {
			u.t.Errorf("%s is served by %v, want what is declared", o.Module, got)
		}
	}
}

// servingIn lists the instances that serve.
func servingIn(o control.Overview) (ids []string) {
	for _, v := range o.Versions {
		for _, in := range v.Instances {
			if in.Phase == message.Serving {
				ids = append(ids, in.ID)
			}
		}
	}
	return ids
}
