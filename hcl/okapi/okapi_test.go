package okapi

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
	"github.com/modgate/modgate/hcl"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// golden compares got with the file, or rewrites it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -rewrite writes it anew, read the diff)\ngot:\n%s\nwant:\n%s", file, got, want)
	}
}

// imported returns the configuration that the descriptors become, and what
// was omitted.
func imported(t *testing.T, install string, paths ...string) (*config.Config, string, []Omission) {
	t.Helper()
	return importedAs(t, Options{}, install, paths...)
}

func importedAs(t *testing.T, o Options, install string, paths ...string) (*config.Config, string, []Omission) {
	t.Helper()
	ds, err := Read(paths, install)
	if err != nil {
		t.Fatal(err)
	}
	text, omitted, err := Write(ds, o)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "platform.hcl")
	loaded := text
	if o.Adapter {
		loaded = append(slices.Clone(text), "gateway {\n  plugins = \"plugins\"\n}\n"...)
		loaded = bytes.Replace(loaded, []byte("type        = list(string)\n"), []byte("type        = list(string)\n  default     = [\"diku\"]\n"), 1)
	}
	if err := os.WriteFile(file, loaded, 0o644); err != nil {
		t.Fatal(err)
	}
	c, found := hcl.Load(file)
	if c == nil {
		t.Fatalf("it does not load:\n%s", found)
	}
	return c, string(text), omitted
}

func TestDescriptorsBecomeModules(t *testing.T) {
	for golds, install := range map[string]string{"all": "", "installed": "testdata/install.json"} {
		t.Run(golds, func(t *testing.T) {
			_, text, omitted := imported(t, install, "testdata/small")
			golden(t, "testdata/"+golds+".hcl", text)
			var b strings.Builder
			for _, o := range omitted {
				b.WriteString(o.String() + "\n")
			}
			golden(t, "testdata/"+golds+".omitted", b.String())
			if strings.Contains(text+b.String(), "swordfish") {
				t.Error("the value of a variable shows")
			}
			if string(hcl.Format([]byte(text))) != text {
				t.Error("it is not formatted")
			}
		})
	}
}

// Modules that stay as they are get what the adapter needs, and share it.
func TestDescriptorsBecomeModulesBehindTheAdapter(t *testing.T) {
	c, text, omitted := importedAs(t, Options{Adapter: true}, "", "testdata/small")
	golden(t, "testdata/adapter.hcl", text)
	for _, o := range omitted {
		if strings.Contains(o.Text, "_tenant") {
			t.Errorf("omitted, although the adapter has it: %s", o)
		}
	}
	loans := c.Module("mod-loans")
	want := `{"modules":{"mod-users-1.0.0":{"interface":"none"},"mod-users-1.1.0-SNAPSHOT.7":{"interface":"none"}},"tenants":["diku"]}`
	if loans.Update != config.OnTakeover || loans.Adapter != "okapi" || loans.RunHeader != "X-Okapi-Request-Id" || loans.Plugin.Config != want {
		t.Errorf("mod-loans is %+v, with the settings %s, want %s", loans, loans.Plugin.Config, want)
	}
	if users := c.Module("mod-users"); users.Plugin != loans.Plugin {
		t.Error("modules do not share the adapter's instances")
	}
	egress := map[string]bool{}
	for _, d := range c.Declared() {
		if d.Egress != "" {
			egress[d.Egress] = true
		}
	}
	if len(egress) != 3 {
		t.Errorf("egress %v, want one for each process", egress)
	}
}

func TestWrongDescriptorsAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"id": "mod-users"}`:                    "has no version",
		`{"id": "mod-3d-1.0"}`:                   "MAJOR.MINOR.PATCH",
		`{"id": "-1.0.0"}`:                       "module name",
		`{"id": 7}`:                              "cannot unmarshal",
		`[{"id": "a-1.0.0"}, {"id": "a-1.0.0"}]`: "two descriptors of one version",
		`{"id": "a-1.0.0", "requires": [{"id": "b", "version": "new"}]}`:   "a-1.0.0 requires b",
		`{"id": "a-1.0.0", "provides": [{"id": "b c", "version": "1.0"}]}`: "a-1.0.0 provides b c",
		`{"id": "a-1.0.0", "replaces": ["b c"]}`:                           "a-1.0.0 replaces \"b c\"",
	} {
		file := filepath.Join(t.TempDir(), "descriptor.json")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		ds, err := Read([]string{file}, "")
		if err == nil {
			_, _, err = Write(ds, Options{})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{broken, "testdata/nowhere.json"} {
		if _, err := Read([]string{file}, ""); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one error, said once", file, err)
		}
	}
	if _, err := Read([]string{"testdata/small/ui.json"}, "testdata/install.json"); err == nil || !strings.Contains(err.Error(), "mod-users") {
		t.Errorf("a descriptor that the list names is missing: %v", err)
	}
}

// Whatever is wrong is said at once, with its place.
func TestWrongFilesAreLocated(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	broken := write("broken.json", "{\n  \"id\": \"a-1.0.0\",\n  \"name\": }\n")
	several := write("several.json", "[\n  {\"id\": \"mod-users\"},\n  {\"id\": \"b-1.0.0\"},\n  {\"id\": \"c-1.0.0\",\n   \"requires\": \"users\"}\n]\n")
	cut := write("cut.json", "[{\"id\": \"a-1.0.0\"},\n")
	good := write("good.json", `{"id": "a-1.0.0"}`)
	install := write("install.json", "[\n  {\"id\": \"b-1.0.0\", \"action\": \"enable\"},\n  {\"id\": \"b\", \"action\": \"disable\"},\n  {\"id\": 7}\n]\n")
	for _, c := range []struct {
		paths   []string
		install string
		want    []string // beginnings of lines
	}{
		{[]string{broken, several, cut}, "", []string{
			"read " + broken + ":3:11: invalid character '}'",
			"read " + several + ":2:3: module id \"mod-users\" has no version",
			"read " + several + ":5:22: json: cannot unmarshal string",
			"read " + cut + ":1:20: unexpected end of JSON input",
		}},
		{[]string{good}, install, []string{
			"read " + install + ":2:3: there is no descriptor of b-1.0.0",
			"read " + install + ":4:10: json: cannot unmarshal number",
		}},
	} {
		_, err := Read(c.paths, c.install)
		lines := strings.Split(fmt.Sprint(err), "\n")
		for i, want := range c.want {
			if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
				t.Errorf("got\n%v\nwant %s", err, want)
			}
		}
		if len(lines) != len(c.want) {
			t.Errorf("got\n%v\nwant %d lines", err, len(c.want))
		}
	}
}

// What Okapi matches and what the language does, in pairs (okapi.md 1.7).
func TestPatterns(t *testing.T) {
	for folio, want := range map[string]string{
		"/users":        "/users",
		"/users/{id}":   "/users/{id}",
		"/users/{}":     "/users/{any}",
		"/users/*":      "/users/*",
		"/users*":       "/users /users/*",
		"/groups/{id}*": "/groups/{id} /groups/{id}/*",
		"/*":            "/*",
		"/a/*/b":        "",
		"/a/{id}.json":  "",
		"/a/x{id}":      "",
		"users":         "",
	} {
		got, note := patterns(folio)
		lossy := folio == "/users*" || want == ""
		if strings.Join(got, " ") != want || (note != "") != lossy {
			t.Errorf("%s: got %q (%s), want %q", folio, got, note, want)
		}
	}
}

func TestAlternativesAreOkapis(t *testing.T) { // okapi.md 1.5
	for folio, want := range map[string]string{
		"1.0": "1.0", "1.0 2.0": "1.0 2.0", "16.0 16.1": "16.0 16.1", "1.3 1.0": "1.3", "1.0  2.0": "1.0",
	} {
		if got := alternatives(folio); got != want {
			t.Errorf("%q: got %q, want %q", folio, got, want)
		}
	}
}

// Two whole releases load, and whatever a descriptor routes or requires is
// either in the configuration or in the list of what is not.
func TestReleasesAreExpressed(t *testing.T) {
	folder := releases(t)
	for release, modules := range map[string]int{"R1-2024-GA": 148, "R2-2024-GA": 152} {
		t.Run(release, func(t *testing.T) {
			install := filepath.Join(folder, "install-"+release+".json")
			c, text, omitted := imported(t, install, filepath.Join(folder, "descriptors"))
			if len(c.Modules) != modules {
				t.Errorf("%d modules, want %d", len(c.Modules), modules)
			}
			if _, again, _ := imported(t, install, filepath.Join(folder, "descriptors")); again != text {
				t.Error("a second import differs")
			}
			ds, err := Read([]string{filepath.Join(folder, "descriptors")}, install)
			if err != nil {
				t.Fatal(err)
			}
			said := map[string]string{} // all omissions of a module
			for _, o := range omitted {
				said[o.Module] += o.Text + "\n"
			}
			registrations := map[string]message.Registration{}
			for _, r := range c.Declared() {
				registrations[r.Module] = r.Registration
			}
			for _, d := range ds {
				expressed(t, d, registrations[d.name], said[d.ID])
			}
			t.Logf("%d bytes, %d omissions", len(text), len(omitted))
		})
	}
}

// expressed holds a registration against the descriptor that it was made of.
func expressed(t *testing.T, d Descriptor, r message.Registration, said string) {
	t.Helper()
	has := map[string]bool{}
	for _, route := range r.Routes {
		p, err := message.ParsePattern(route.Path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range route.Methods {
			has[route.Interface+" "+m+" "+p.Shape()] = true
		}
	}
	for _, p := range d.Provides {
		inFull := p.Type == "" && !strings.HasPrefix(p.ID, "_") || p.Type == "internal"
		if !inFull && !strings.Contains(said, "interface "+p.ID+" "+p.Version) {
			t.Errorf("%s: interface %s is neither expressed nor listed", d.ID, p.ID)
		}
		for _, h := range p.Handlers {
			shape, err := message.ParsePattern(h.Pattern)
			for _, m := range h.Methods {
				if inFull && !strings.Contains(said, h.Pattern+":") && !strings.HasSuffix(h.Pattern, "}*") && (err != nil || !has[p.ID+" "+m+" "+shape.Shape()]) {
					t.Errorf("%s: %s %s is neither expressed nor listed", d.ID, m, h.Pattern)
				}
			}
		}
	}
	for i, list := range [][]reference{d.Requires, d.Optional} {
		for _, want := range list {
			ok := slices.ContainsFunc(r.Requires, func(q module.Requirement) bool {
				return q.ID == want.ID && q.Range == want.Version && q.Optional == (i == 1)
			})
			if !ok && !strings.Contains(said, "requirement "+want.ID+" ") {
				t.Errorf("%s: requirement %s %s is neither expressed nor listed", d.ID, want.ID, want.Version)
			}
		}
	}
}

// releases returns the folder of FOLIO's releases, which lies beside the
// checkout where there is one.
func releases(t testing.TB) string {
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

func BenchmarkLoadRelease(b *testing.B) {
	folder := releases(b)
	ds, err := Read([]string{filepath.Join(folder, "descriptors")}, filepath.Join(folder, "install-R2-2024-GA.json"))
	if err != nil {
		b.Fatal(err)
	}
	text, _, err := Write(ds, Options{})
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(b.TempDir(), "platform.hcl")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if c, found := hcl.Load(file); c == nil {
			b.Fatal(found)
		}
	}
}
