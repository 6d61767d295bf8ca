package policies

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
)

func TestTestRunsAsOpaTestDoes(t *testing.T) {
	tree := fstest.MapFS{
		"site/a.rego": {Data: []byte(`package modgate.site

grace := {"grace_s": data.config.s} if input.target.module == "loans"

update := {"action": "deny"} if input.target.module == "loans"
`)},
		"site/a_test.rego": {Data: []byte(`package modgate.site_test

import data.modgate.site

test_grace if {
	print("asked about", input)
	site.grace.grace_s == 7 with input.target.module as "loans"
}

test_wrong if site.grace.grace_s == 8 with input.target.module as "loans"

todo_test_later if false

test_base if data.modgate.base.update.action == "grant"
`)},
		"data/config.json": {Data: []byte(`{"s": 7}`)},
	}
	got, err := try(context.Background(), tree, TestOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		name   string
		line   int
		failed bool
	}{
		{"modgate.site_test.test_grace", 5, false}, {"modgate.site_test.test_wrong", 10, true}, {"modgate.site_test.todo_test_later", 12, false}, {"modgate.site_test.test_base", 14, false},
	}
	if len(got.List) != len(want) || !got.Failed() {
		t.Fatalf("got %+v", got.List)
	}
	for i, w := range want {
		if r := got.List[i]; r.Name != w.name || r.Line != w.line || r.Failed != w.failed || r.File != "site/a_test.rego" {
			t.Errorf("got %+v, want %+v", r, w)
		}
	}
	if p := got.Coverage["site/a.rego"]; p <= 0 || p >= 100 {
		t.Errorf("covered %v %%, want some and not all", p)
	}

	some, err := try(context.Background(), tree, TestOptions{Run: "grace|base"})
	if err != nil || len(some.List) != 2 || some.Failed() {
		t.Errorf("of those that match: got %+v, %v", some, err)
	}
}

func TestTestOfABrokenPolicyIsDiagnostics(t *testing.T) {
	for file, text := range map[string]string{
		"site/a.rego": "package modgate.site\n\np if {\n", "site/a_test.rego": "package modgate.site_test\n\ntest_p if {\n",
	} {
		_, err := try(context.Background(), fstest.MapFS{file: {Data: []byte(text)}}, TestOptions{})
		var d Diagnostics
		if !errors.As(err, &d) || d[0].File != file || d[0].Line != 4 {
			t.Errorf("%s: got %v", file, err)
		}
	}
	_, err := try(context.Background(), fstest.MapFS{"site/a_test.rego": {Data: []byte("package modgate.site_test\n\ntest_p if nothing\n")}}, TestOptions{})
	if err == nil || !strings.Contains(err.Error(), "site/a_test.rego:3: ") {
		t.Errorf("got %v", err)
	}
}

func TestFormatIsOpaFmt(t *testing.T) {
	got, err := Format("a.rego", []byte("package modgate.site\nupdate:={\"action\":\"deny\"} if   input.target.losses>3"))
	if want := "package modgate.site\n\nupdate := {\"action\": \"deny\"} if input.target.losses > 3\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if _, err := Format("a.rego", []byte("package")); err == nil {
		t.Error("want diagnostics")
	}
}
