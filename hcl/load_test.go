package hcl

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// load reads what must be right.
func load(t *testing.T, paths ...string) *config.Config {
	t.Helper()
	c, ds := Load(paths...)
	if c == nil || len(ds) > 0 {
		t.Fatalf("load %v:\n%s", paths, ds)
	}
	return c
}

// written writes files into a folder and returns it.
func written(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// right returns the absolute path of a name beside the right configurations.
func right(t *testing.T, name string) string {
	t.Helper()
	p, err := filepath.Abs(filepath.Join("testdata/right", name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEveryValueIsRead(t *testing.T) {
	got := load(t, "testdata/right/library.hcl")
	probe := config.Probe{
		Type: config.HTTPProbe, Path: "/health?full=no", Interval: 10 * time.Second, Timeout: 3 * time.Second,
		Rise: 2, Fall: 4, UpdateFailures: 20,
	}
	sockets := probe
	sockets.Type, sockets.UpdateFailures = config.TCPProbe, 3
	defaults := config.Defaults{Probe: probe, Lifecycle: config.Lifecycle{
		TTL: 20 * time.Second, AbsenceMax: time.Hour, UpdateTTL: 5 * time.Minute, Grace: 45 * time.Second,
		GraceMin: time.Second, StreamGrace: 2 * time.Second, StartTTL: 2 * time.Minute, Lease: 15 * time.Second, Takeover: 2,
		Release:     config.Release{Rate: 500, MaxRate: 2000},
		TTLBounds:   fallback.Bounds{Min: time.Second, Max: time.Hour},
		GraceBounds: fallback.Bounds{Max: time.Hour},
		LeaseBounds: fallback.Bounds{Min: 5 * time.Second, Max: time.Minute},
	}}
	catalogue, loans := defaults, defaults
	catalogue.Grace = 10 * time.Second
	loans.Takeover = 1
	want := &config.Config{
		Gateway: config.Gateway{
			Listen: "127.0.0.1:9230",
			TLS: config.TLS{
				Certificates: []string{right(t, "tls/library.pem"), right(t, "tls/archive.pem")},
				Keys:         []string{right(t, "tls/library.key"), right(t, "tls/archive.key")},
				MinVersion:   config.TLS13, ClientAuthorities: right(t, "tls/clients.pem"), ClientCertificates: config.OptionalClientCertificates,
			},
			Upstreams: config.Upstreams{
				Authorities: right(t, "tls/modules.pem"), Certificate: right(t, "tls/gateway.pem"), Key: right(t, "tls/gateway.key"),
				Connections: 50, SlowStart: time.Minute, Failures: 3, Ejection: 10 * time.Second, Retries: 2, RetryBudget: 10,
			},
			Control: config.Control{Listen: "[::]:9131", Certificate: right(t, "tls/cert.pem"), Key: right(t, "tls/key.pem")},
			DataDir: right(t, "state"), Policies: right(t, "policies"), TenantHeader: "X-Okapi-Tenant", Plugins: right(t, "plugins"),
			JoinSecret: "correct horse battery",
			Limits:     config.Limits{Head: 32 * config.KiB, Body: 2 * config.MiB, Connections: 500, Streams: 100},
			Parking:    config.Parking{ModuleParking: config.ModuleParking{PerModule: 100, PerCaller: 10}, Bytes: config.MiB},
			Timeouts: config.Timeouts{
				Connect: 500 * time.Millisecond, FirstByte: 90 * time.Second, Idle: 90 * time.Second, Stream: 2 * time.Hour, Request: 10 * time.Minute, ReadHead: 5 * time.Second,
			},
			Settle:         5 * time.Second,
			TrustedProxies: []string{"10.0.0.0/8", "2001:db8::7"},
			CORS:           config.CORS{Origins: []string{"https://library.example"}},
			Alerts:         config.Alerts{Unresolved: 2 * time.Minute},
		},
		Defaults: defaults,
		Modules: []config.Module{
			{
				Name: "catalogue", Defaults: catalogue, Routing: config.Highest, Callers: config.Identified,
				OnDelay: message.Reply, Policy: "patient", Adapter: "dialect", RunHeader: "X-Run", JoinSecret: "only for the catalogue",
				Paths: []string{"/items/{id}", "/items"}, Replaces: []string{"cards", "shelf-list"}, WebhookHosts: []string{"hooks.example:8443"},
				Parking: config.ModuleParking{PerModule: 50, PerCaller: 5},
				Plugin: config.Plugin{
					SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", Config: `{"tenant":"diku"}`,
					OnError: config.Skip, Exclusive: true, Memory: 32 * config.MiB, Body: 2 * config.MiB, Shared: 64 * config.KiB,
					Budget: config.Budget{Start: 5 * time.Second, Request: 2 * time.Millisecond, Lifecycle: 20 * time.Millisecond, Probe: 3 * time.Millisecond},
				},
			},
			{Name: "loans", Defaults: loans, Update: config.OnTakeover, Adapter: "other", Parking: config.ModuleParking{PerModule: 100, PerCaller: 10}, Plugin: config.DefaultPlugin(), Versions: []config.Version{
				{
					Version:   module.MustVersion("1.4.0"),
					Upstreams: []string{"http://127.0.0.1:9102", "http://127.0.0.1:9103"}, Protocol: message.H2C,
					Egress: []string{"127.0.0.1:9202", "[::1]:9203"},
					Probe:  sockets,
					Routes: []message.Route{{Methods: []string{"GET"}, Path: "/due"}, {Path: "/files/*"}},
					Scheme: module.FOLIO,
					Provides: []config.Provided{
						{Interface: module.Interface{ID: "fines", Version: "1.0"}},
						{Interface: module.Interface{ID: "loans", Version: "2.1"}, Routes: []message.Route{
							{Methods: []string{"GET", "POST"}, Path: "/loans"}, {Methods: []string{"GET", "PUT", "DELETE"}, Path: "/loans/{id}"},
						}},
					},
					Requires: []module.Requirement{
						{ID: "catalogue", Kind: module.ModuleKind, Range: ">= 1.4, < 3", Optional: true},
						{ID: "loans", Range: "1.3 2.0", Scheme: module.FOLIO},
					},
				},
				{Version: module.MustVersion("2.0.0-rc.1"), Upstreams: []string{"http://127.0.0.1:9104"}, Probe: probe},
			}},
		},
		Processes: []config.Process{
			{
				Name: "catalogue", Module: "catalogue", Command: []string{right(t, "bin/catalogue"), "-v", "A"},
				Environment: map[string]string{"LANG": "C", "RETRIES": "3"}, Dir: right(t, "run"), Port: 9101,
				Restart: config.Always, Backoff: config.Backoff{Min: 100 * time.Millisecond, Max: 2 * time.Second},
				StopTimeout: 3 * time.Second,
			},
			{
				Name: "loans", Command: []string{"loans"}, Dir: right(t, "."), Autostart: true,
				Backoff: config.Backoff{Min: 500 * time.Millisecond, Max: 30 * time.Second}, StopTimeout: 10 * time.Second,
			},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

// Every setting is in the file that says everything, and none of its values
// is the default: a setting that is not read would not be noticed otherwise.
func TestTheExampleSaysEverything(t *testing.T) {
	got, base := load(t, "testdata/right/library.hcl"), config.Default()
	m, p := base.Undeclared(""), config.DefaultProcess("")
	v, provided, q := &got.Modules[1].Versions[0], config.Provided{}, module.Requirement{Scheme: module.FOLIO}
	for _, c := range []struct {
		block     string
		got, base []config.Setting
	}{
		{"gateway", got.Gateway.Settings(), base.Gateway.Settings()},
		{"defaults", got.Defaults.Settings(), base.Defaults.Settings()},
		{"module", got.Modules[0].Settings()[len(got.Defaults.Settings()):], m.Settings()[len(base.Defaults.Settings()):]},
		{"version", v.AllSettings()[:len(v.Settings())+1], new(config.Version).AllSettings()},
		{"provides", v.Provides[1].Settings(), provided.Settings()},
		{"requires", config.RequirementSettings(&v.Requires[0]), config.RequirementSettings(&q)},
		{"process", got.Processes[0].Settings(), p.Settings()},
	} {
		for i, s := range c.got {
			only := s.Name == "routing" || s.Name == "update" // the other way of routing is refused; loans is updated
			if !only && reflect.DeepEqual(s.Value, c.base[i].Value) {
				t.Errorf("%s.%s is as by default: %s", c.block, s.Name, s.Text())
			}
		}
	}
}

func TestJSONMeansTheSame(t *testing.T) {
	native, other := load(t, "testdata/right/library.hcl"), load(t, "testdata/right/library.hcl.json")
	if !reflect.DeepEqual(native, other) {
		t.Errorf("native\n%+v\nJSON\n%+v", native, other)
	}
}

func TestNothingDeclaredIsTheDefault(t *testing.T) {
	dir := written(t, map[string]string{"empty.hcl": "# nothing\n"})
	want := config.Default()
	want.Gateway.DataDir = filepath.Join(dir, "data")
	if got := load(t, dir); !reflect.DeepEqual(got, &want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// What Text writes of a setting, the language reads as the same value.
func TestSettingsReadWhatTheyWrite(t *testing.T) {
	want := load(t, "testdata/right/library.hcl")
	var b strings.Builder
	block := func(head string, settings []config.Setting, inner ...func()) {
		l := levelOf(settings)
		fmt.Fprintf(&b, "%s {\n", head)
		for _, s := range l.attributes {
			fmt.Fprintf(&b, "%s = %s\n", s.Name, secretText(s))
		}
		for _, name := range l.blocks {
			fmt.Fprintf(&b, "%s {\n", name)
			for _, s := range l.below[name].attributes {
				fmt.Fprintf(&b, "%s = %s\n", s.Name, secretText(s))
			}
			b.WriteString("}\n")
		}
		for _, write := range inner {
			write()
		}
		b.WriteString("}\n")
	}
	version := func(v *config.Version) {
		block(fmt.Sprintf("version %q", v.Version), v.AllSettings(), func() {
			for i := range v.Provides {
				block(fmt.Sprintf("provides %q", v.Provides[i].ID), v.Provides[i].Settings())
			}
			for i := range v.Requires {
				block(fmt.Sprintf("requires %q", v.Requires[i].ID), config.RequirementSettings(&v.Requires[i]))
			}
		})
	}
	block("gateway", want.Gateway.Settings())
	block("defaults", want.Defaults.Settings())
	for i := range want.Modules {
		m := &want.Modules[i]
		block("module \""+m.Name+"\"", m.Settings(), func() {
			for j := range m.Versions {
				version(&m.Versions[j])
			}
		})
	}
	for i := range want.Processes {
		block("process \""+want.Processes[i].Name+"\"", want.Processes[i].Settings())
	}
	dir := written(t, map[string]string{"all.hcl": string(Format([]byte(b.String())))})
	got := load(t, dir)
	for _, c := range []*config.Config{got, want} { // unset and empty are one
		for i := range c.Modules {
			m := &c.Modules[i]
			m.Paths, m.WebhookHosts = append([]string{}, m.Paths...), append([]string{}, m.WebhookHosts...)
			m.Replaces = append([]string{}, m.Replaces...)
			for j := range m.Versions {
				v := &m.Versions[j]
				v.Routes, v.Egress = append([]message.Route{}, v.Routes...), append([]string{}, v.Egress...)
				for k := range v.Provides {
					v.Provides[k].Routes = append([]message.Route{}, v.Provides[k].Routes...)
				}
			}
		}
		for i := range c.Processes {
			env := map[string]string{}
			maps.Copy(env, c.Processes[i].Environment)
			c.Processes[i].Environment = env
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v\nof\n%s", got, want, b.String())
	}
}

// secretText is Text, but shows a secret; null if it is unset.
func secretText(s config.Setting) string {
	v, ok := s.Value.(*config.Secret)
	switch {
	case !ok:
		return s.Text()
	case *v == "":
		return "null"
	default:
		return fmt.Sprintf("%q", string(*v))
	}
}

func TestFilesAndFoldersAreOneConfiguration(t *testing.T) {
	dir := written(t, map[string]string{
		"gateway.hcl":            `gateway { data_dir = "here" }`,
		"modules/a.hcl":          `module "a" { grace = local.patience }`,
		"modules/b.hcl.json":     `{"module": {"b": {}}}`,
		"modules/notes.txt":      `not read`,
		"modules/.#a.hcl":        `not read`,
		"modules/deeper/c.hcl":   `module "c" {}`,
		"values.hcl":             `locals { patience = "40s" }`,
		"programs/process.hcl":   `process "a" { command = ["./a"] }`,
		"programs/unmatched.bak": `not read`,
	})
	in := func(name string) string { return filepath.Join(dir, name) }
	c := load(t, in("modules"), dir, in("modules/a.hcl"), in("programs"))
	if len(c.Modules) != 2 || c.Modules[0].Grace != 40*time.Second || c.Modules[1].Name != "b" {
		t.Errorf("modules: %+v", c.Modules)
	}
	if got := c.Gateway.DataDir; got != in("here") {
		t.Errorf("data_dir is %s", got)
	}
	if p := c.Processes[0]; p.Command[0] != in("programs/a") || p.Dir != in("programs") {
		t.Errorf("process: %+v", p)
	}
}

func TestVariablesComeFromTheEnvironment(t *testing.T) {
	dir := written(t, map[string]string{"a.hcl": `
		variable "port" { type = number }
		variable "name" {}
		variable "flags" {
			type    = list(string)
			default = ["-v"]
		}
		process "a" {
			command     = concat(["a"], var.flags)
			port        = var.port + 1
			environment = { NAME = var.name, HOME = env("MODGATE_TEST_HOME"), X = env("MODGATE_TEST_UNSET", "x") }
		}`})
	t.Setenv("MODGATE_VAR_port", "9100")
	t.Setenv("MODGATE_VAR_name", "true")
	t.Setenv("MODGATE_VAR_flags", `["-q", "-n"]`)
	t.Setenv("MODGATE_TEST_HOME", "/home")
	p := load(t, dir).Processes[0]
	if p.Port != 9101 || !slices.Equal(p.Command, []string{"a", "-q", "-n"}) ||
		!maps.Equal(p.Environment, map[string]string{"NAME": "true", "HOME": "/home", "X": "x"}) {
		t.Errorf("got %+v", p)
	}
	t.Setenv("MODGATE_VAR_port", "many")
	if _, ds := Load(dir); len(ds) != 1 || !strings.Contains(ds[0].Detail, `MODGATE_VAR_port is "many"`) {
		t.Errorf("got %v", ds)
	}
}

func TestPathsThatDoNotExistAreReported(t *testing.T) {
	for _, paths := range [][]string{nil, {"no-such-file.hcl"}, {"testdata/right", "no-such-folder"}} {
		c, ds := Load(paths...)
		if c != nil || !ds.HasErrors() || ds[0].Summary != "Nothing to read" {
			t.Errorf("%q: got %v", paths, ds)
		}
	}
}

func TestFormatIsStable(t *testing.T) {
	src := []byte("gateway{\nlisten=\"a:1\"\n  data_dir   = \"x\"\n}\n")
	want := "gateway {\n  listen   = \"a:1\"\n  data_dir = \"x\"\n}\n"
	once := Format(src)
	if string(once) != want || string(Format(once)) != want {
		t.Errorf("got\n%s", once)
	}
	for _, file := range []string{"testdata/right/library.hcl", "testdata/wrong/process.hcl"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := Format(text); string(got) != string(text) {
			t.Errorf("%s is not formatted; it would be\n%s", file, got)
		}
	}
}

func TestWordsNearby(t *testing.T) {
	for _, c := range []struct {
		given string
		want  string
	}{
		{"greace", "grace"}, {"gracefull", ""}, {"tlt", "ttl"}, {"TTL", "ttl"}, {"leas", "lease"}, {"x", ""},
	} {
		got := didYouMean(c.given, []string{"ttl", "grace", "lease"})
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.given, got, c.want)
		}
	}
}

func TestTheSamplePlatformIsRight(t *testing.T) {
	c := load(t, "examples/library")
	if len(c.Modules) == 0 || len(c.Processes) == 0 {
		t.Errorf("it declares nothing: %+v", c)
	}
}

func TestLargeFilesAreRefused(t *testing.T) {
	dir := written(t, map[string]string{
		"large.hcl": strings.Repeat("# nothing\n", maxSource/10+1),
		"a.hcl":     `gateway { policies = file("large.hcl") }`,
		"b.hcl":     `gateway { policies = file(".") }`,
		"c.hcl":     `gateway { policies = file("binary") }`,
		"binary":    "\xff\xfe",
	})
	for name, want := range map[string]string{
		"large.hcl": "more than 8388608 bytes", "a.hcl": "the most is", "b.hcl": "not a regular file", "c.hcl": "not UTF-8",
	} {
		if _, ds := Load(filepath.Join(dir, name)); len(ds) != 1 || !strings.Contains(ds[0].Detail, want) {
			t.Errorf("%s: got %v", name, ds)
		}
	}
}
