package config

import (
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// platform is a configuration with one of everything.
func platformConfig() *Config {
	c := Default()
	books := c.Module("books")
	v := declaredVersion("1.0.0")
	v.Provides = []Provided{{Interface: module.Interface{ID: "items", Version: "1.0"}}}
	v.Requires = []module.Requirement{{ID: "users", Range: "1.0"}}
	books.Versions = []Version{v}
	c.Modules = []Module{books, c.Module("loans")}
	p := DefaultProcess("books-1")
	p.Command, p.Environment = []string{"./books"}, map[string]string{"PASSWORD": "swordfish", "LANG": "C"}
	c.Processes = []Process{p}
	return &c
}

const (
	atOnce = "at once"
	anew   = "its processes are registered anew"
	again  = "it is stopped and started again"
)

func TestDiffSaysWhatChangesAndWhatComesOfIt(t *testing.T) {
	if d := Diff(platformConfig(), platformConfig()); d != nil {
		t.Errorf("a configuration differs from itself: %+v", d)
	}
	for _, c := range []struct {
		name string
		edit func(*Config)
		want []string // at | was | is | effect
	}{
		{"a limit", func(c *Config) { c.Gateway.Limits.Head = 32 * KiB }, []string{`gateway.limits.head | "16KiB" | "32KiB" | ` + atOnce}},
		{"what waits for the next start", func(c *Config) { c.Gateway.Settle = time.Minute }, []string{`gateway.settle | "10s" | "1m" | with the gateway's next start`}},
		{"a secret", func(c *Config) { c.Gateway.JoinSecret = "correct horse battery" }, []string{`gateway.join_secret | [secret] | [secret] | ` + atOnce}},
		{"a default is not listed again for each module", func(c *Config) {
			c.Defaults.Grace = time.Minute
			for i := range c.Modules {
				c.Modules[i].Grace = time.Minute
			}
		}, []string{`defaults.grace | "30s" | "1m" | ` + atOnce}},
		{"a default, and a module that differs from it", func(c *Config) { c.Defaults.Grace, c.Modules[1].Grace = time.Minute, time.Minute }, []string{
			`defaults.grace | "30s" | "1m" | ` + atOnce,
		}},
		{"a bound that modules have of the gateway", func(c *Config) {
			c.Gateway.Parking.PerModule, c.Modules[1].Parking.PerModule = 5000, 2000
			c.Modules[0].Parking.PerModule = 5000
		}, []string{
			`gateway.parking.per_module | 10000 | 5000 | ` + atOnce, `module.loans.parking.per_module | 10000 | 2000 | ` + atOnce,
		}},
		{"a module's own", func(c *Config) { c.Modules[0].Callers = Identified }, []string{`module.books.callers | "any" | "identified" | ` + atOnce}},
		{"whom it replaces", func(c *Config) { c.Modules[0].Replaces = []string{"loans"} }, []string{`module.books.replaces | [] | ["loans"] | ` + Registering.String()}},
		{"a module that goes", func(c *Config) { c.Modules = c.Modules[:1] }, []string{"module.loans | declared |  | the defaults hold for what of it is registered; to forget it, drop it"}},
		{"a module that comes", func(c *Config) { c.Modules = append(c.Modules, c.Module("members")) }, []string{"module.members |  | declared | it is known, and absent until it serves"}},
		{"a higher version", func(c *Config) { c.Modules[0].Versions = append(c.Modules[0].Versions, declaredVersion("1.1.0")) }, []string{
			"module.books.version.1.1.0 |  | 1 upstream, 0 routes, 0 requirements | its processes are registered, and it takes over (V2)",
		}},
		{"one in the place of another", func(c *Config) { c.Modules[0].Versions = []Version{declaredVersion("0.9.0")} }, []string{
			"module.books.version.0.9.0 |  | 1 upstream, 0 routes, 0 requirements | its processes are registered, and it takes over (V2)",
			"module.books.version.1.0.0 | 1 upstream, 0 routes, 1 requirement |  | its processes disconnect: they finish their runs and get no more (L1)",
		}},
		{"what a version serves and needs", func(c *Config) {
			v := &c.Modules[0].Versions[0]
			v.Routes = []message.Route{{Path: "/books/*"}}
			v.Provides[0].Version = "1.1"
			v.Requires = []module.Requirement{{ID: "tags"}, {ID: "users", Range: "2.0"}}
		}, []string{
			`module.books.version.1.0.0.routes | [] | ["/books/*"] | ` + anew,
			`module.books.version.1.0.0.provides.items.version | "1.0" | "1.1" | ` + anew,
			`module.books.version.1.0.0.requires.tags |  | any version | ` + anew,
			`module.books.version.1.0.0.requires.users.range | "1.0" | "2.0" | ` + anew,
		}},
		{"a process", func(c *Config) {
			c.Processes[0].Port = 9101
			c.Processes[0].Environment = map[string]string{"PASSWORD": "shark", "LANG": "C", "TZ": "UTC"}
		}, []string{
			"process.books-1.environment | {PASSWORD} | {PASSWORD, TZ} | " + again,
			"process.books-1.port | 0 | 9101 | " + again,
		}},
		{"a process that goes, one that comes, and one on request", func(c *Config) {
			p, q := DefaultProcess("books-2"), DefaultProcess("books-3")
			p.Command, q.Command, q.Autostart = []string{"./books"}, []string{"./books"}, false
			c.Processes = []Process{p, q}
		}, []string{
			"process.books-1 | ./books |  | it leaves its module, is stopped and forgotten",
			"process.books-2 |  | ./books | it is started",
			"process.books-3 |  | ./books | it starts on request",
		}},
		{"a sink that comes", func(c *Config) { c.Sinks = []Sink{DefaultSink("chat")} }, []string{"alert.chat |  | declared | alerts go there, too, from now on"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			next := platformConfig()
			c.edit(next)
			var got []string
			for _, d := range Diff(platformConfig(), next) {
				got = append(got, strings.Join([]string{d.At, d.Was, d.Is, d.Effect}, " | "))
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}
