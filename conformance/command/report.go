package command

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/modgate/modgate/conformance/suite"
)

// reportFlags are where the report goes, and who it is about.
type reportFlags struct {
	yaml, json, junit, page             string
	organization, project, url, version string
	contact                             string
	verbose                             bool
}

func (r *reportFlags) register(f *flag.FlagSet) {
	f.StringVar(&r.yaml, "report", "", "write the report as YAML into a file")
	f.StringVar(&r.json, "json", "", "write the report as JSON into a file")
	f.StringVar(&r.junit, "junit", "", "write JUnit XML into a file")
	f.StringVar(&r.page, "page", "", "write a page to look at, HTML, into a file")
	f.StringVar(&r.organization, "organization", "", "of the implementation, for the report")
	f.StringVar(&r.project, "project", "", "")
	f.StringVar(&r.url, "url", "", "")
	f.StringVar(&r.version, "version", "", "")
	f.StringVar(&r.contact, "contact", "", "addresses, with commas")
	f.BoolVar(&r.verbose, "v", false, "a line for each case, not only for those that fail")
}

func (r *reportFlags) implementation() suite.Implementation {
	who := suite.Implementation{Organization: r.organization, Project: r.project, URL: r.url, Version: r.version, Contact: []string{}}
	if r.contact != "" {
		who.Contact = strings.Split(r.contact, ",")
	}
	return who
}

// finish writes the reports and the last line, and returns the exit code.
func (r *reportFlags) finish(p *Program, report *suite.Report) int {
	code := ExitPassed
	for _, out := range []struct {
		path  string
		write func(io.Writer) error
	}{
		{r.yaml, report.WriteYAML}, {r.json, report.WriteJSON}, {r.junit, report.WriteJUnit}, {r.page, report.WritePage},
	} {
		if out.path == "" {
			continue
		}
		if err := writeFile(out.path, out.write); err != nil {
			fmt.Fprintf(p.Stderr, "%s: write report: %v\n", p.Name, err)
			code = ExitFailed
		}
	}
	for _, profile := range report.Profiles {
		fmt.Fprintf(p.Stdout, "%-9s %-8s %s\n", profile.Name, profile.Result, profile.Summary)
	}
	fmt.Fprintf(p.Stdout, "%v in %.1f s\n", report.Total(), report.Seconds)
	if report.Total().Failed > 0 {
		code = ExitFailed
	}
	return code
}

func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	err = write(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
