package suite

import (
	"encoding/xml"
	"fmt"
	"io"
	"path"
	"strings"
)

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string     `xml:"name,attr"`
	Class   string     `xml:"classname,attr"`
	Time    string     `xml:"time,attr"`
	Failure *junitText `xml:"failure,omitempty"`
	Skipped *junitText `xml:"skipped,omitempty"`
}

type junitText struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the results as JUnit XML: a test suite per folder of
// cases.
func (r *Report) WriteJUnit(w io.Writer) error {
	var all junitSuites
	var seconds float64
	for _, res := range r.results {
		folder := path.Dir(res.Case.Name)
		if n := len(all.Suites); n == 0 || all.Suites[n-1].Name != folder {
			all.Suites, seconds = append(all.Suites, junitSuite{Name: folder}), 0
		}
		s := &all.Suites[len(all.Suites)-1]
		c := junitCase{Name: path.Base(res.Case.Name), Class: "conformance." + folder, Time: fmt.Sprintf("%.3f", res.Took.Seconds())}
		s.Tests++
		switch res.Outcome {
		case Failed:
			s.Failures++
			c.Failure = &junitText{strings.Join(res.Case.Rules, " ") + ": " + res.Case.Title, res.Reason}
		case Skipped:
			s.Skipped++
			c.Skipped = &junitText{Message: res.Reason}
		case Passed:
		}
		seconds += res.Took.Seconds()
		s.Time = fmt.Sprintf("%.3f", seconds)
		s.Cases = append(s.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return fmt.Errorf("write junit: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}
