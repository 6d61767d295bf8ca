package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

func TestDefaultsHaveNoProblem(t *testing.T) {
	c := Default()
	c.Modules = []Module{c.Module("catalogue"), c.Module("loans")}
	p := DefaultProcess("catalogue")
	p.Command = []string{"catalogue"}
	c.Processes = []Process{p}
	for _, p := range c.Check() {
		t.Error(p)
	}
}

func TestCheckFindsEveryProblem(t *testing.T) {
	c := Default()
	c.Modules = []Module{c.Module("catalogue")}
	p := DefaultProcess("catalogue")
	p.Command = []string{"catalogue"}
	for _, tc := range []struct {
		at   string
		edit func(*Config)
	}{
		{"gateway.listen", func(c *Config) { c.Gateway.Listen = "9130" }},
		{"gateway.listen", func(c *Config) { c.Gateway.Listen = "127.0.0.1:70000" }},
		{"gateway.listen", func(c *Config) { c.Gateway.Listen = "::1:9130" }},
		{"gateway.listen", func(c *Config) { c.Gateway.Listen = "[::1:9130" }},
		{"gateway.control.listen", func(c *Config) { c.Gateway.Listen = c.Gateway.Control.Listen }},
		{"gateway.control.listen", func(c *Config) { c.Gateway.Control.Listen = "0.0.0.0:9131" }},
		{"gateway.control.listen", func(c *Config) { c.Gateway.Control.Listen = ":9131" }},
		{"gateway.control.certificate", func(c *Config) { c.Gateway.Control.Key = "key.pem" }},
		{"gateway.https.keys", func(c *Config) { c.Gateway.TLS = TLS{Certificates: []string{"a", "b"}, Keys: []string{"a"}} }},
		{"gateway.https.certificates", func(c *Config) { c.Gateway.TLS = TLS{Keys: []string{"a"}} }},
		{"gateway.https.certificates.0", func(c *Config) { c.Gateway.TLS = TLS{Certificates: []string{""}} }},
		{"gateway.https.client_certificates", func(c *Config) {
			c.Gateway.TLS = TLS{Certificates: []string{"a"}, ClientCertificates: RequiredClientCertificates}
		}},
		{"gateway.https.client_authorities", func(c *Config) { c.Gateway.TLS = TLS{Certificates: []string{"a"}, ClientAuthorities: "a"} }},
		{"gateway.upstream.key", func(c *Config) { c.Gateway.Upstreams.Key = "a" }},
		{"gateway.data_dir", func(c *Config) { c.Gateway.DataDir = "" }},
		{"gateway.join_secret", func(c *Config) { c.Gateway.JoinSecret = "short" }},
		{"gateway.limits.head", func(c *Config) { c.Gateway.Limits.Head = KiB }},
		{"gateway.limits.connections", func(c *Config) { c.Gateway.Limits.Connections = 0 }},
		{"gateway.parking.per_caller", func(c *Config) { c.Gateway.Parking.PerModule = 1 }},
		{"gateway.timeouts.connect", func(c *Config) { c.Gateway.Timeouts.Connect = 0 }},
		{"gateway.cors.origins", func(c *Config) { c.Gateway.CORS.Origins = []string{"library.example"} }},
		{"defaults.absence_max", func(c *Config) { c.Defaults.AbsenceMax = time.Minute }},
		{"defaults.ttl", func(c *Config) { c.Defaults.TTL = -1 }},
		{"defaults.ttl", func(c *Config) { c.Defaults.TTL, c.Defaults.TTLBounds.Max = time.Hour, time.Hour }},
		{"defaults.ttl", func(c *Config) { c.Defaults.TTLBounds.Min = time.Minute }},
		{"defaults.grace_min", func(c *Config) { c.Defaults.GraceMin = time.Minute }},
		{"defaults.release.rate", func(c *Config) { c.Defaults.Release.MaxRate = c.Defaults.Release.Rate - 1 }},
		{"defaults.bounds.grace", func(c *Config) { c.Defaults.GraceBounds.Min = time.Hour }},
		{"defaults.lease", func(c *Config) { c.Defaults.LeaseBounds.Min = time.Minute }},
		{"defaults.takeover.instances", func(c *Config) { c.Defaults.Takeover = 0 }},
		{"module.catalogue.grace_min", func(c *Config) { c.Modules[0].GraceMin = time.Minute }},
		{"module.catalogue.routing", func(c *Config) { c.Modules[0].Routing = Compatible }},
		{"module.catalogue.paths.0", func(c *Config) { c.Modules[0].Paths = []string{"items"} }},
		{"module.catalogue.paths.1", func(c *Config) { c.Modules[0].Paths = []string{"/a/{id}/b", "/a/{x}/b"} }},
		{"module.loans.paths.1", func(c *Config) {
			loans := c.Modules[0]
			c.Modules[0].Paths, loans.Paths, loans.Name = []string{"/{id}"}, []string{"/a", "/{x}"}, "loans"
			c.Modules = append(c.Modules, loans)
		}},
		{"module.catalogue.webhook_hosts.0", func(c *Config) { c.Modules[0].WebhookHosts = []string{"http://x"} }},
		{"module.catalogue.version.1.0.0", func(c *Config) {
			c.Modules[0].Versions = []Version{declaredVersion("1.0.0"), declaredVersion("1.0.0")}
		}},
		{"module.catalogue.version.1.0.0", func(c *Config) {
			v := declaredVersion("1.0.0")
			v.Routes = slices.Repeat([]message.Route{{Path: "/x"}}, 2001)
			c.Modules[0].Versions = []Version{v}
		}},
		{"defaults.probe.timeout", func(c *Config) { c.Defaults.Probe.Timeout = 6 * time.Second }},
		{"defaults.probe.path", func(c *Config) { c.Defaults.Probe.Type, c.Defaults.Probe.Path = HTTPProbe, "admin" }},
		{"defaults.probe.type", func(c *Config) { c.Defaults.Probe.Path = "/admin" }},
		{"module.catalogue.probe.rise", func(c *Config) { c.Modules[0].Probe.Type, c.Modules[0].Probe.Rise = TCPProbe, 0 }},
		{"module.catalogue.run_header", func(c *Config) { c.Modules[0].RunHeader = "Content-Type" }},
		{"module.catalogue.run_header", func(c *Config) { c.Modules[0].RunHeader = "X Run" }},
		{"module.catalogue.update", func(c *Config) { c.Modules[0].Update = OnTakeover }},
		{"module.catalogue.update", func(c *Config) {
			v := declaredVersion("1.0.0")
			v.Probe = DefaultProbe()
			v.Probe.Type = TCPProbe
			c.Modules[0].Update, c.Modules[0].Versions = OnTakeover, []Version{v}
		}},
		{"module.catalogue.version.1.0.0.probe.type", func(c *Config) {
			c.Modules[0].Update, c.Modules[0].Adapter, c.Modules[0].Versions = OnTakeover, "okapi", []Version{declaredVersion("1.0.0")}
		}},
		{"module.catalogue.version.1.0.0.probe.fall", func(c *Config) {
			v := declaredVersion("1.0.0")
			v.Probe = DefaultProbe()
			v.Probe.Type, v.Probe.Fall = TCPProbe, 0
			c.Modules[0].Versions = []Version{v}
		}},
		{"module.catalogue.version.1.0.0.egress", func(c *Config) { egress(c, "127.0.0.1:1", "127.0.0.1:2") }},
		{"module.catalogue.version.1.0.0.egress.0", func(c *Config) { egress(c, "127.0.0.1:0") }},
		{"module.catalogue.version.1.0.0.egress.0", func(c *Config) { egress(c, "2001") }},
		{"module.catalogue.version.1.0.0.egress.0", func(c *Config) { egress(c, ":2001") }},
		{"module.catalogue.version.1.0.0.egress.0", func(c *Config) { egress(c, c.Gateway.Listen) }},
		{"process.catalogue.port", func(c *Config) {
			c.Processes[0].Module, c.Processes[0].Port = "catalogue", 1002
			c.Modules[0].Versions = []Version{declaredVersion("1.0.0")}
		}},
		{"module.catalogue", func(c *Config) { c.Modules = append(c.Modules, c.Modules[0]) }},
		{"module.a b", func(c *Config) { c.Modules[0].Name = "a b" }},
		{"process.catalogue.command", func(c *Config) { c.Processes[0].Command = nil }},
		{"process.catalogue.port", func(c *Config) { c.Processes[0].Port = 9130 }},
		{"process.catalogue.port", func(c *Config) { c.Processes[0].Port = 70000 }},
		{"process.catalogue.backoff.min", func(c *Config) { c.Processes[0].Backoff.Min = time.Minute }},
		{"process.catalogue.environment", func(c *Config) { c.Processes[0].Environment = map[string]string{"A=B": ""} }},
		{"process.catalogue.environment", func(c *Config) {
			c.Processes[0].Port, c.Processes[0].Environment = 9101, map[string]string{"PORT": "1"}
		}},
		{"process.catalogue", func(c *Config) { c.Processes = append(c.Processes, c.Processes[0]) }},
		{"process../x", func(c *Config) { c.Processes[0].Name = "./x" }},
	} {
		bad := c
		bad.Modules = []Module{c.Modules[0]}
		bad.Processes = []Process{p}
		tc.edit(&bad)
		ps := bad.Check()
		if len(ps) == 0 || ps[0].At[0] != tc.at {
			t.Errorf("want a problem at %s, got %v", tc.at, ps)
		}
	}
}

func declaredVersion(v string) Version {
	return Version{Version: module.MustVersion(v), Upstreams: []string{"http://127.0.0.1:" + v[:1] + "001"}}
}

func egress(c *Config, addresses ...string) {
	v := declaredVersion("1.0.0")
	v.Egress = addresses
	c.Modules[0].Versions = []Version{v}
}

// What is declared is what the processes would say themselves (3.3), and an
// instance is the same over reloads as long as its upstream is (C1).
func TestDeclaredVersionsAreRegistrations(t *testing.T) {
	v := declaredVersion("1.0.0")
	v.Upstreams = append(v.Upstreams, "http://127.0.0.1:1002")
	v.Routes = []message.Route{{Path: "/files/*"}}
	v.Provides = []Provided{{module.Interface{ID: "items", Version: "1.3"}, []message.Route{{Methods: []string{"GET"}, Path: "/items"}}}}
	v.Requires = []module.Requirement{{ID: "users", Range: "1.4"}}
	v.Egress = []string{"127.0.0.1:2001", "127.0.0.1:2002"}
	c := Default()
	c.Gateway.JoinSecret = "of all the modules"
	c.Modules = []Module{{Name: "catalogue", RunHeader: "X-Run", Update: OnTakeover, Versions: []Version{v, declaredVersion("2.0.0")}}}
	c.Processes = []Process{{Name: "other", Port: 1001}, {Name: "second", Module: "catalogue", Port: 1002}}
	got := c.Declared()
	want := message.Registration{
		Module: "catalogue", Version: v.Version, Instance: got[0].Instance, Upstream: "http://127.0.0.1:1001",
		Routes:   []message.Route{{Path: "/files/*"}, {Methods: []string{"GET"}, Path: "/items", Interface: "items"}},
		Provides: []module.Interface{{ID: "items", Version: "1.3"}}, Requires: v.Requires,
	}
	if len(got) != 3 || !reflect.DeepEqual(got[0].Registration, want) {
		t.Errorf("got %+v, want %+v first of 3", got, want)
	}
	seen := map[string]bool{}
	for _, r := range got {
		if r.Secret != "of all the modules" || r.RunHeader != "X-Run" || r.Update != OnTakeover {
			t.Errorf("got %+v", r)
		}
		if faults := r.Check(); faults != nil || seen[r.Instance] {
			t.Errorf("%+v: %v", r, faults)
		}
		seen[r.Instance] = true
		if !c.SpeaksFor(r.Module, r.Instance) || c.SpeaksFor("other", r.Instance) || c.SpeaksFor(r.Module, r.Instance+"0") {
			t.Errorf("%s is one of those declared of %s, and nothing else is", r.Instance, r.Module)
		}
	}
	if got[0].Egress != "127.0.0.1:2001" || got[1].Egress != "127.0.0.1:2002" || got[2].Egress != "" {
		t.Errorf("egress: %q %q %q", got[0].Egress, got[1].Egress, got[2].Egress)
	}
	if got[0].Process != "" || got[1].Process != "second" {
		t.Errorf("processes: %q %q", got[0].Process, got[1].Process)
	}
	first := &c.Modules[0].Versions[0]
	first.Upstreams, first.Egress = first.Upstreams[1:], first.Egress[1:]
	if moved := c.Declared()[0]; moved.Instance != got[1].Instance {
		t.Errorf("instance of one upstream: %s, then %s", got[1].Instance, moved.Instance)
	}
}

// A module that inherits a wrong default does not repeat its problem.
func TestDefaultsAreReportedOnce(t *testing.T) {
	c := Default()
	c.Defaults.AbsenceMax = time.Minute
	c.Modules = []Module{c.Module("a"), c.Module("b")}
	if got := len(c.Check()); got != 1 {
		t.Errorf("%d problems, want 1", got)
	}
}

func TestSecretNeverShows(t *testing.T) { // I2
	c := Default()
	c.Gateway.JoinSecret = "correct horse battery"
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprintf("%v %+v %#v %s %s", c, c, c, b, c.Gateway.JoinSecret)
	if strings.Contains(shown, "horse") {
		t.Errorf("the secret shows: %s", shown)
	}
}

func TestSizesReadWhatTheyPrint(t *testing.T) {
	for _, b := range []Bytes{0, 1, 1023, KiB, 3 * MiB, 5*GiB + 1, TiB} {
		if got, err := ParseBytes(b.String()); err != nil || got != b {
			t.Errorf("%s: got %d, %v; want %d", b, got, err, b)
		}
	}
	for _, s := range []string{"", "1", "MiB", "-1MiB", "1.5MiB", "1MB", "9999999TiB"} {
		if _, err := ParseBytes(s); err == nil {
			t.Errorf("%q was accepted", s)
		}
	}
}

// Every row of the table has a type that the language knows, and defaults
// that it can write.
func TestSettingsHaveText(t *testing.T) {
	c := Default()
	m, p := c.Module("m"), DefaultProcess("p")
	for _, rows := range [][]Setting{c.Gateway.Settings(), m.Settings(), p.Settings()} {
		seen := map[string]bool{}
		for _, s := range rows {
			if s.Text() == "" || s.Doc == "" || strings.HasSuffix(s.Doc, ".") || seen[s.Name] {
				t.Errorf("%s: text %q, doc %q, seen %v", s.Name, s.Text(), s.Doc, seen[s.Name])
			}
			seen[s.Name] = true
		}
	}
}
