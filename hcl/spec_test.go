package hcl

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// spec.md names every block and attribute with type, default and bounds, and
// every function; its tables follow from the settings.
func TestSpecSaysWhatTheReaderKnows(t *testing.T) {
	text, err := os.ReadFile("spec.md")
	if err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	m, p := c.Undeclared(""), config.DefaultProcess("")
	got := string(text)
	v, provided, q := config.Version{}, config.Provided{}, module.Requirement{}
	for name, table := range map[string]string{
		"gateway":   reference(c.Gateway.Settings()),
		"defaults":  reference(c.Defaults.Settings()),
		"module":    reference(m.Settings()[len(c.Defaults.Settings()):]),
		"version":   reference(v.Settings()),
		"provides":  reference(provided.Settings()),
		"requires":  reference(config.RequirementSettings(&q)),
		"process":   reference(p.Settings()),
		"alert":     reference(new(config.DefaultSink("")).Settings()),
		"functions": "`" + strings.Join(slices.Sorted(maps.Keys(functions("", surroundings{}))), "` `") + "`\n",
	} {
		begin, end := "<!-- "+name+" -->\n", "<!-- end -->"
		before, rest, ok := strings.Cut(got, begin)
		_, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Fatalf("spec.md has no place for %s", name)
		}
		got = before + begin + table + end + after
	}
	golden(t, "spec.md", got)
}

// The examples of spec.md are right configurations.
func TestSpecExamplesAreRight(t *testing.T) {
	text, err := os.ReadFile("spec.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := 0
	for rest := string(text); ; examples++ {
		_, after, ok := strings.Cut(rest, "```hcl\n")
		if !ok {
			break
		}
		example, next, _ := strings.Cut(after, "```")
		rest = next
		dir := written(t, map[string]string{"example.hcl": example, "join.secret": "correct horse battery\n", "plugins/okapi.wasm": ""})
		if c, ds := Load(dir); c == nil || len(ds) > 0 {
			t.Errorf("%s\nof\n%s", ds, example)
		}
		if f := string(Format([]byte(example))); f != example {
			t.Errorf("not formatted:\n%s", example)
		}
	}
	if examples == 0 {
		t.Error("spec.md has no example")
	}
}

// marks are what spec.md says of settings that a reload does not put in force
// just so.
var marks = map[config.Effect]string{
	config.AtStart: "next start", config.ProcessAgain: "starts the process again", config.ProcessNext: "next start of the process",
	config.Registering: "next registration",
}

// reference writes settings as a table.
func reference(settings []config.Setting) string {
	var b strings.Builder
	b.WriteString("| attribute | type | default | bounds | meaning |\n|---|---|---|---|---|\n")
	for _, s := range settings {
		doc := s.Doc
		if mark := marks[s.Effect]; mark != "" {
			doc += "; *" + mark + "*"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", s.Name, typeOf(s), defaultOf(s), boundsOf(s), doc)
	}
	return b.String()
}

func typeOf(s config.Setting) string {
	switch s.Value.(type) {
	case *bool:
		return "bool"
	case *int:
		return "number"
	case *config.Bytes:
		return "size"
	case *config.Secret:
		return "secret"
	case *time.Duration:
		return "length"
	case *fallback.Bounds:
		return "[least, most]"
	case *[]string:
		if s.Form == config.Path {
			return "list of paths"
		}
		return "list of texts"
	case *[]message.Route:
		return "list of routes"
	case *map[string]string:
		return "object of texts"
	case *string:
		return [...]string{config.Text: "text", config.Path: "path", config.Program: "text", config.Address: "address"}[s.Form]
	default:
		return "`\"" + strings.Join(s.Words, "\"` `\"") + "\"`"
	}
}

func defaultOf(s config.Setting) string {
	text := s.Text()
	switch {
	case s.Required:
		return "required"
	case text == `""`, text == "[]", text == "{}", text == config.Secret("").String():
		return ""
	default:
		return "`" + text + "`"
	}
}

func boundsOf(s config.Setting) string {
	if s.Min == 0 && s.Max == 0 {
		return ""
	}
	return s.Bound(s.Min) + " to " + s.Bound(s.Max)
}
