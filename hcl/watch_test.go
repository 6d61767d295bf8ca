package hcl

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/config"
)

// Whatever the configuration is read from is watched, and a change is told
// once it has settled.
func TestFilesAreWatched(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(t *testing.T, dir string)
		told   int
	}{
		{"nothing", func(*testing.T, string) {}, 0},
		{"a file is written", func(t *testing.T, dir string) { put(t, dir, "a.hcl", "module \"films\" {}\n") }, 1},
		{"a file comes", func(t *testing.T, dir string) { put(t, dir, "c.hcl", "module \"films\" {}\n") }, 1},
		{"a file goes", func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "b.hcl")); err != nil {
				t.Error(err)
			}
		}, 1},
		{"what file() reads is written", func(t *testing.T, dir string) { put(t, dir, "join.secret", "wrong horse battery") }, 1},
		{"a file of variables is written", func(t *testing.T, dir string) { put(t, dir, "x.vars", "port = 9002\n") }, 1},
		{"what is none of its files is written", func(t *testing.T, dir string) { put(t, dir, "README", "read me") }, 0},
		{"it is written step by step", func(t *testing.T, dir string) {
			for range 5 {
				text, err := os.ReadFile(filepath.Join(dir, "a.hcl"))
				if err != nil {
					t.Error(err)
				}
				put(t, dir, "a.hcl", string(text)+"# more\n")
				time.Sleep(time.Second)
			}
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := written(t, map[string]string{
				"a.hcl":       "gateway {\n  listen      = \"127.0.0.1:${var.port}\"\n  join_secret = file(\"join.secret\")\n}\n",
				"b.hcl":       "variable \"port\" {\n  type    = number\n  default = 9001\n}\n",
				"join.secret": "correct horse battery", "x.vars": "port = 9003\n",
			})
			in := Input{Paths: []string{dir}, VarFiles: []string{filepath.Join(dir, "x.vars")}}
			if cfg, ds := in.Load(); cfg == nil || cfg.Gateway.Listen != "127.0.0.1:9003" {
				t.Fatal(ds)
			}
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				told, ended := 0, make(chan struct{})
				go func() {
					defer close(ended)
					in.Watch(ctx, time.Second, func() { told++ })
				}()
				time.Sleep(2500 * time.Millisecond)
				c.change(t, dir)
				time.Sleep(5 * time.Second)
				stop()
				<-ended
				if told != c.told {
					t.Errorf("told %d times, want %d", told, c.told)
				}
			})
		})
	}
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Error(err)
	}
}

// What a sensitive variable has a part in is in force, and shown nowhere.
func TestSensitiveVariablesAreNotShown(t *testing.T) {
	text := `
variable "password" {
  sensitive = true
  type      = string
}
locals { command = ["mail", "--password=${var.password}"] }
gateway { tenant_header = upper(var.password) }
process "mail" { command = local.command }
module "books" { adapter = var.password }
`
	load := func(password string) (*config.Config, Diagnostics) {
		dir := written(t, map[string]string{"a.hcl": text, "p.vars": "password = \"" + password + "\"\n"})
		in := Input{Paths: []string{filepath.Join(dir, "a.hcl")}, VarFiles: []string{filepath.Join(dir, "p.vars")}}
		return in.Load()
	}
	before, warned := load("swordfish")
	after, _ := load("tunafish")
	if before == nil || after == nil {
		t.Fatal(warned)
	}
	if got := before.Processes[0].Command[1]; got != "--password=swordfish" || before.Gateway.TenantHeader != "SWORDFISH" {
		t.Errorf("the value is not in force: %q %q", got, before.Gateway.TenantHeader)
	}
	none := config.Default()
	for _, shown := range []string{fmt.Sprint(warned), fmt.Sprintf("%+v", config.Diff(before, after)), fmt.Sprintf("%+v", config.Diff(&none, before))} {
		if strings.Contains(strings.ToLower(shown), "fish") || !strings.Contains(shown, "[secret]") {
			t.Errorf("it is shown, or nothing in its place: %s", shown)
		}
	}
	if _, wrong := load("\" + 1 +"); !wrong.HasErrors() {
		t.Error("a broken file of variables is accepted")
	}
}

func TestVariablesAreGivenFromOutside(t *testing.T) {
	dir := written(t, map[string]string{
		"a.hcl": `
variable "host" { default = "127.0.0.1" }
variable "port" { type = number }
variable "paths" {
  type    = list(string)
  default = []
}
gateway {
  listen = "${var.host}:${var.port}"
}
module "books" {
  paths = var.paths
}
`,
		"low.vars": "port = 9001\npaths = [\"/low\"]\n", "high.vars": "port = 9002\n", "high.json": `{"port": 9004}`,
	})
	at := func(name string) string { return filepath.Join(dir, name) }
	t.Setenv("MODGATE_VAR_port", "9000")
	for _, c := range []struct {
		name   string
		in     *Input
		listen string
		paths  int
	}{
		{"the environment", &Input{}, "127.0.0.1:9000", 0},
		{"a file goes before it", &Input{VarFiles: []string{at("low.vars")}}, "127.0.0.1:9001", 1},
		{"of files the last", &Input{VarFiles: []string{at("low.vars"), at("high.vars")}}, "127.0.0.1:9002", 1},
		{"a file in JSON", &Input{VarFiles: []string{at("high.json")}}, "127.0.0.1:9004", 0},
		{"the command line goes before all", &Input{VarFiles: []string{at("low.vars")}, Vars: []string{"port=9003", "host=localhost", `paths=["/a", "/b"]`}}, "localhost:9003", 2},
	} {
		c.in.Paths = []string{at("a.hcl")}
		cfg, ds := c.in.Load()
		if cfg == nil || cfg.Gateway.Listen != c.listen || len(cfg.Modules[0].Paths) != c.paths {
			t.Errorf("%s: got %+v %v, want %s", c.name, cfg, ds, c.listen)
		}
	}
	for _, c := range []struct {
		in   *Input
		want string
	}{
		{&Input{Vars: []string{"prot=9003"}}, "error: Undeclared variable\n  A value is given for \"prot\", and no variable of that name is declared. Did you mean \"port\"?\n"},
		{&Input{Vars: []string{"port"}}, "error: Wrong value of a variable\n  --var \"port\": want NAME=VALUE.\n"},
		{&Input{Vars: []string{"port=many"}}, at("a.hcl") + ":3:1: error: Wrong type\n    3 | variable \"port\" { type = number }\n      | ^^^^^^^^^^^^^^^\n  --var port is \"many\", which is no expression of type number.\n"},
		{&Input{VarFiles: []string{at("none.vars")}}, "error: Nothing to read\n  Cannot read " + at("none.vars") + ": no such file or directory.\n"},
	} {
		c.in.Paths = []string{at("a.hcl")}
		if cfg, ds := c.in.Load(); cfg != nil || ds.String() != c.want {
			t.Errorf("got\n%s\nwant\n%s", ds, c.want)
		}
	}
}
