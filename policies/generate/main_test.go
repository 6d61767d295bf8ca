package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLeavesInOrderOfTheFile(t *testing.T) {
	var s schema
	err := json.Unmarshal([]byte(`{"properties": {
		"zone": {"type": "string", "description": "where", "x-modgate": "known", "enum": ["a", "b"]},
		"caller": {"type": "object", "additionalProperties": false, "x-modgate-entrypoints": ["request"], "properties": {
			"on_delay": {"type": "boolean", "description": "what", "x-modgate": "asked"},
			"age_s": {"type": "integer", "description": "how old", "x-modgate": "volatile", "x-modgate-entrypoints": ["alert"]}
		}}
	}}`), &s)
	if err != nil {
		t.Fatal(err)
	}
	list, groups, err := fieldsOf(&s)
	if err != nil {
		t.Fatal(err)
	}
	got := string(write(list, groups))
	at := 0
	for _, want := range []string{
		"fieldZone field = iota // where", "fieldCallerOnDelay // what", "fieldCallerAge // how old",
		`fieldZone: {group: "", name: "zone", kind: textual, class: known, words: []string{"a", "b"}}`,
		`fieldCallerOnDelay: {group: "caller", name: "on_delay", kind: boolean, class: asked, entrypoints: []fallback.Entrypoint{"request"}}`,
		`fieldCallerAge: {group: "caller", name: "age_s", kind: numeric, class: volatile, entrypoints: []fallback.Entrypoint{"alert"}}`,
		`groupNames = [...]string{"caller"}`,
	} {
		i := strings.Index(got[at:], want)
		if i < 0 {
			t.Fatalf("got\n%s\nwant %q after what stands before it", got, want)
		}
		at += i
	}
}

func TestMembersOfDecisions(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"update.json": `{"additionalProperties": false, "properties": {"rule": {}, "action": {}}}`,
		"alert.json":  `{"additionalProperties": {"type": "object"}}`,
		"open.json":   `{"properties": {"rule": {}}}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := decisionsOf(dir, []string{"update", "alert"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(writeMembers(list)), "{\n\"update\": {\"action\", \"rule\"},\n}\n"; !strings.HasSuffix(got, want) {
		t.Errorf("got\n%s\nwant it to end in\n%s", got, want)
	}
	if _, err := decisionsOf(dir, []string{"open"}); err == nil || !strings.Contains(err.Error(), "open.json is open") {
		t.Errorf("got %v", err)
	}
	if _, err := decisionsOf(dir, []string{"nowhere"}); err == nil {
		t.Error("want an error: there is no such schema")
	}
}

func TestSchemaThatIsNotOneIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": {"type": "object", "properties": {}}}`:                                                    "a is open",
		`{"a": {"type": "number", "description": "d", "x-modgate": "known"}}`:                            "want one of the types",
		`{"a": {"type": "string", "description": "d"}}`:                                                  `x-modgate is ""`,
		`{"a": {"type": "string", "x-modgate": "known"}}`:                                                "has no description",
		`{"a": {"type": "string", "description": "d", "x-modgate": "known"}, "a_s": {"type": "string"}}`: "two fields are called fieldA",
	} {
		var s schema
		if err := json.Unmarshal([]byte(`{"properties": `+text+`}`), &s); err != nil {
			t.Fatal(err)
		}
		if _, _, err := fieldsOf(&s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
