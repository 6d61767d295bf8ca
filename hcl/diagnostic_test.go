package hcl

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestDiagnosticsAreData(t *testing.T) {
	_, ds := Load("testdata/wrong/control_without_tls.hcl")
	b, err := json.Marshal(ds)
	if err != nil {
		t.Fatal(err)
	}
	var got []map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"severity": "error", "summary": "Control listener without TLS", "detail": ds[0].Detail,
		"file": "testdata/wrong/control_without_tls.hcl", "line": 3.0, "column": 5.0, "end_column": 28.0,
		"source": `    listen = "0.0.0.0:9131"`,
	}
	if len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("got %v, want %v", got, want)
	}
	var back Diagnostics
	if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back, ds) {
		t.Errorf("read back %v, %v; want %v", back, err, ds)
	}
}

func TestSecretsAreNotShown(t *testing.T) { // I2
	for name, text := range map[string]string{
		"bound.hcl":     `gateway { join_secret = "swordfish" }`,
		"syntax.hcl":    `gateway { join_secret = "swordfish }`,
		"mail.hcl":      "alert \"a\" {\n  mail {\n    password = \"swordfish\n  }\n}\n",
		"mail.hcl.json": `{ "alert": { "a": { "mail": { "password": "swordfish" "from": "a@b.c" } } } }`,
		"variable.hcl":  "variable \"word\" {\n  default = \"swordfish\n  sensitive = true\n}\n",
		"cut.hcl":       "locals {}\nvariable \"word\" {\n  default = \"swordfish\n  sensitive = true\n}\nlocals {}\n",
		"type.hcl":      `gateway { join_secret = ["swordfish"] }`,
	} {
		dir := written(t, map[string]string{name: text})
		_, ds := Load(dir)
		b, err := json.Marshal(ds)
		if err != nil {
			t.Fatal(err)
		}
		if shown := ds.String() + string(b); !ds.HasErrors() || strings.Contains(shown, "swordfish") {
			t.Errorf("%s: %s", name, shown)
		}
	}
}
