package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/conformance/driver"
	"github.com/modgate/modgate/conformance/play"
	"github.com/modgate/modgate/conformance/script"
)

func sample() *Report {
	c := func(name string, rules ...string) *script.Case {
		return &script.Case{Name: name, Title: "Holds \"that\" <much>.", Rules: rules}
	}
	extended := c("b/three", "A3")
	extended.Features = []string{"parking"}
	results := []Result{
		{c("a/one", "A1"), Passed, "", time.Second},
		{c("a/two", "A2", "U1"), Failed, "a/two.case:7: step\n\twant 200", 2 * time.Second},
		{extended, Skipped, "the feature parking is not claimed", 0},
	}
	who := Implementation{Organization: "o", Project: "p", URL: "https://p.example", Version: "1.2", Contact: []string{"a@p.example"}}
	return NewReport(results, who, Options{Features: []string{"runs"}}, time.Now(), []string{"modgate-conformance", "core", "-command", "core {config}", "-v"})
}

func TestReportSumsUpByProfile(t *testing.T) {
	r := sample()
	if len(r.Profiles) != 2 || r.Profiles[0].Result != "failure" || r.Profiles[1].Result != "partial" {
		t.Fatalf("%+v", r.Profiles)
	}
	if got := r.Total(); got != (Statistics{1, 1, 1}) {
		t.Errorf("total %v", got)
	}
	if f := r.Profiles[0].FailedTests; len(f) != 1 || f[0].Name != "a/two" {
		t.Errorf("failed: %+v", f)
	}
	if s := r.Profiles[1].SupportedFeatures; len(s) != 1 || s[0] != "runs" || len(r.Profiles[1].UnsupportedFeatures) != len(Features)-1 {
		t.Errorf("features: %+v", r.Profiles[1])
	}
	if want := `modgate-conformance core -command 'core {config}' -v`; r.Reproduce != want {
		t.Errorf("reproduce: %s, want %s", r.Reproduce, want)
	}
}

func TestYAMLSaysWhatJSONSays(t *testing.T) {
	r := sample()
	r.Date, r.Seconds = time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC), 3.5
	r.Profiles = r.Profiles[:1]
	var got bytes.Buffer
	if err := r.WriteYAML(&got); err != nil {
		t.Fatal(err)
	}
	const want = `apiVersion: "conformance.modgate.dev/v1"
kind: "ConformanceReport"
date: "2026-11-24T01:02:03Z"
implementation:
  organization: "o"
  project: "p"
  url: "https://p.example"
  version: "1.2"
  contact:
    - "a@p.example"
specification: "lifecycle.md"
reproduce: "modgate-conformance core -command 'core {config}' -v"
seconds: 3.5
profiles:
  - name: "core"
    result: "failure"
    statistics:
      passed: 1
      failed: 1
      skipped: 0
    failedTests:
      - name: "a/two"
        rules:
          - "A2"
          - "U1"
        reason: "a/two.case:7: step\n\twant 200"
    summary: "1 passed, 1 failed, 0 skipped"
`
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
	var back Report
	var plain bytes.Buffer
	if err := r.WriteJSON(&plain); err != nil || json.Unmarshal(plain.Bytes(), &back) != nil || back.Profiles[0].FailedTests[0].Name != "a/two" {
		t.Errorf("json: %v\n%s", err, plain.String())
	}
}

func TestJUnitHasASuitePerFolder(t *testing.T) {
	var out bytes.Buffer
	if err := sample().WriteJUnit(&out); err != nil {
		t.Fatal(err)
	}
	var got junitSuites
	if err := xml.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Suites) != 2 || got.Suites[0].Tests != 2 || got.Suites[0].Failures != 1 || got.Suites[1].Skipped != 1 {
		t.Errorf("%+v", got)
	}
	if f := got.Suites[0].Cases[1].Failure; f == nil || !strings.Contains(f.Text, "a/two.case:7") || !strings.Contains(f.Message, "A2 U1") {
		t.Errorf("the failure: %+v", f)
	}
}

func TestPageEscapesWhatItShows(t *testing.T) {
	var out bytes.Buffer
	if err := sample().WritePage(&out); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); strings.Contains(s, "<much>") || !strings.Contains(s, "a/two.case:7") {
		t.Errorf("%s", s)
	}
}

func TestTimesInAConfigurationScale(t *testing.T) {
	const text = `ttl = "1s" grace = "1m30s" size = "1KiB" name = "5" path = "/1s/x"`
	const want = `ttl = "2.5s" grace = "3m45s" size = "1KiB" name = "5" path = "/1s/x"`
	if got := scaled(text, 2.5); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if scaled(text, 1) != text {
		t.Error("scale 1 changes something")
	}
}

func TestCasesAreSkippedWithAReason(t *testing.T) {
	parse := func(text string) *script.Case {
		c, wrong := script.Parse("x.case", text)
		if wrong != nil {
			t.Fatal(wrong)
		}
		return c
	}
	shared := Options{Running: &play.Target{}}
	for text, want := range map[string]string{
		"T.\nrules A1\nneeds runs\nsteps\n    a resumes\n":             "the feature runs is not claimed",
		"T.\nrules A1\nconfig\n    x\nsteps\n    a resumes\n":          "it wants a core of its own, with its own configuration",
		"T.\nrules A1\nsteps\n    core dies\n":                         "it wants a core of its own, with its own configuration",
		"T.\nrules A1\nsteps\n    client sends GET /\n    a resumes\n": "",
	} {
		if got := skip(parse(text), shared); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestCoreThatDoesNotStartFailsTheCase(t *testing.T) {
	c, wrong := script.Parse("x.case", "T.\nrules A1\nsteps\n    a resumes\n")
	if wrong != nil {
		t.Fatal(wrong)
	}
	o := Options{Core: driver.Options{Command: driver.Command{"false"}, Ready: 5 * time.Second}, Scale: 1, Limit: time.Minute}
	got, err := Run(context.Background(), []*script.Case{c}, o)
	if err != nil || got[0].Outcome != Failed || !strings.Contains(got[0].Reason, "it ended: exit status 1") {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := Run(context.Background(), nil, o); err == nil {
		t.Error("a run of nothing is no error")
	}
	if _, err := Run(context.Background(), []*script.Case{c}, Options{}); err == nil {
		t.Error("a run against nothing is no error")
	}
}
