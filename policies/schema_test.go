package policies

import (
	"encoding/json"
	"path"
	"testing"
)

// TestSchemasAreClosedAndDocumented: no object in them takes members that are
// not written down, and each member says what it means.
func TestSchemasAreClosedAndDocumented(t *testing.T) {
	files, err := schemas.ReadDir("schemas")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(files), len(entrypoints)+1; got != want {
		t.Errorf("got %d schemas, want one for input and one for each of %d answers", got, want-1)
	}
	for _, f := range files {
		text, err := schemas.ReadFile(path.Join("schemas", f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		var s map[string]any
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatalf("%s: %v", f.Name(), err)
		}
		if s["title"] == nil {
			t.Errorf("%s has no title", f.Name())
		}
		closed(t, f.Name(), s)
	}
}

func closed(t *testing.T, at string, s map[string]any) {
	t.Helper()
	members, _ := s["properties"].(map[string]any)
	if s["type"] == "object" {
		switch rest := s["additionalProperties"].(type) {
		case map[string]any: // names of the author's, of which all values are alike
			if s["maxProperties"] == nil {
				t.Errorf("%s takes any number of members", at)
			}
			closed(t, at+".*", rest)
		case bool:
			if rest || members == nil {
				t.Errorf("%s is open", at)
			}
		default:
			t.Errorf("%s is open", at)
		}
	}
	for name, m := range members {
		member := m.(map[string]any)
		if member["description"] == nil {
			t.Errorf("%s.%s is not documented", at, name)
		}
		closed(t, at+"."+name, member)
	}
	of, _ := s["oneOf"].([]any)
	for _, one := range of {
		closed(t, at, one.(map[string]any))
	}
}
