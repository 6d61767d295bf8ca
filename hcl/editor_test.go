package hcl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// editorSchema reads what editors are given.
func editorSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile("modgate.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != string(EditorSchema()) {
		t.Error("modgate.schema.json is stale: run go generate ./hcl")
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("modgate.schema.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("modgate.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEditorsTakeWhatTheReaderTakes(t *testing.T) {
	s := editorSchema(t)
	files, err := filepath.Glob("testdata/right/*.hcl.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := held(s, string(text)); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
}

func TestEditorsMarkWhatTheReaderRefuses(t *testing.T) {
	s := editorSchema(t)
	for _, text := range []string{
		`{"gatway": {}}`,
		`{"gateway": {"lissen": "127.0.0.1:9130"}}`,
		`{"gateway": {"listen": 9130}}`,
		`{"gateway": {"listen": "127.0.0.1"}}`,
		`{"gateway": {"limits": {"connections": 0}}}`,
		`{"gateway": {"limits": {"head": "16 kB"}}}`,
		`{"defaults": {"ttl": "soon"}}`,
		`{"defaults": {"bounds": {"ttl": ["1s"]}}}`,
		`{"module": {"books": {"callers": "nobody"}}}`,
		`{"module": {"books": {"version": {"1.0.0": {}}}}}`,
		`{"process": {"books": {"autostart": "no"}}}`,
	} {
		if held(s, text) == nil {
			t.Errorf("%s is not marked", text)
		}
		file := filepath.Join(written(t, map[string]string{"a.hcl.json": text}), "a.hcl.json")
		if c, _ := Load(file); c != nil {
			t.Errorf("%s is read", text)
		}
	}
	for _, text := range []string{`{"gateway": {"limits": {"connections": "${1 + 1}"}}}`, `{"//": "nothing"}`, `{"module": [{"books": {}}, {"films": [{"grace": null}]}]}`} {
		if err := held(s, text); err != nil {
			t.Errorf("%s is marked: %v", text, err)
		}
	}
}

func held(s *jsonschema.Schema, text string) error {
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(v)
}
