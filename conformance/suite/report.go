package suite

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Report is what came of a run, in the shape of the Kubernetes Gateway API's
// conformance reports.
type Report struct {
	APIVersion     string         `json:"apiVersion"`
	Kind           string         `json:"kind"`
	Date           time.Time      `json:"date"`
	Implementation Implementation `json:"implementation"`
	Specification  string         `json:"specification"`
	Reproduce      string         `json:"reproduce"`
	Seconds        float64        `json:"seconds"`
	Profiles       []Profile      `json:"profiles"`

	results []Result
}

// Implementation is whose core it is.
type Implementation struct {
	Organization string   `json:"organization"`
	Project      string   `json:"project"`
	URL          string   `json:"url"`
	Version      string   `json:"version"`
	Contact      []string `json:"contact"`
}

// Profile is the part of the cases that a core must pass, or the one that it
// claims.
type Profile struct {
	Name                string     `json:"name"`
	Result              string     `json:"result"` // success, partial (some were skipped) or failure
	Statistics          Statistics `json:"statistics"`
	SupportedFeatures   []string   `json:"supportedFeatures,omitempty"`
	UnsupportedFeatures []string   `json:"unsupportedFeatures,omitempty"`
	FailedTests         []Told     `json:"failedTests,omitempty"`
	SkippedTests        []Told     `json:"skippedTests,omitempty"`
	Summary             string     `json:"summary"`
}

// Statistics count cases.
type Statistics struct {
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"`
}

// Told is a case that did not pass, and why.
type Told struct {
	Name   string   `json:"name"`
	Rules  []string `json:"rules"`
	Reason string   `json:"reason"`
}

// NewReport sums results up; args is the command line to reproduce them, the
// program first.
func NewReport(results []Result, who Implementation, o Options, begun time.Time, args []string) *Report {
	r := &Report{
		APIVersion: "conformance.modgate.dev/v1", Kind: "ConformanceReport", Date: begun.UTC().Truncate(time.Second),
		Implementation: who, Specification: "lifecycle.md", Reproduce: commandLine(args),
		Seconds: float64(time.Since(begun).Milliseconds()) / 1000, results: results,
	}
	r.Profiles = []Profile{profile(ProfileCore, results), profile(ProfileExtended, results)}
	extended := &r.Profiles[1]
	extended.SupportedFeatures = o.Features
	for _, f := range Features {
		if !slices.Contains(o.Features, f.Name) {
			extended.UnsupportedFeatures = append(extended.UnsupportedFeatures, f.Name)
		}
	}
	return r
}

func profile(name string, results []Result) Profile {
	p := Profile{Name: name, Result: "success"}
	for _, r := range results {
		if ProfileOf(r.Case) != name {
			continue
		}
		told := Told{r.Case.Name, r.Case.Rules, r.Reason}
		switch r.Outcome {
		case Passed:
			p.Statistics.Passed++
		case Failed:
			p.Statistics.Failed++
			p.FailedTests = append(p.FailedTests, told)
		case Skipped:
			p.Statistics.Skipped++
			p.SkippedTests = append(p.SkippedTests, told)
		}
	}
	switch {
	case p.Statistics.Failed > 0:
		p.Result = "failure"
	case p.Statistics.Skipped > 0:
		p.Result = "partial"
	}
	p.Summary = p.Statistics.String()
	return p
}

func (s Statistics) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", s.Passed, s.Failed, s.Skipped)
}

// Total counts the cases of all profiles.
func (r *Report) Total() (all Statistics) {
	for _, p := range r.Profiles {
		all.Passed += p.Statistics.Passed
		all.Failed += p.Statistics.Failed
		all.Skipped += p.Statistics.Skipped
	}
	return all
}

// commandLine quotes what a shell would split.
func commandLine(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		if a == "" || strings.ContainsAny(a, " \t{}*?$\"|&;<>()") {
			a = "'" + a + "'"
		}
		quoted[i] = a
	}
	return strings.Join(quoted, " ")
}
