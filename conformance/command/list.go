package command

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/modgate/modgate/conformance/cases"
)

// list prints the cases.
func (p *Program) list(args []string) int {
	f := p.Flags("list")
	match := f.String("run", "", "those whose name, title or rule fits the regular expression")
	if f.Parse(args) != nil {
		return ExitUsage
	}
	like, err := regexp.Compile(*match)
	if err != nil {
		return p.Misused(fmt.Errorf("-run: %w", err))
	}
	all, err := cases.All()
	if err != nil {
		return p.Misused(err)
	}
	out := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	n := 0
	for _, c := range all {
		if !like.MatchString(c.Name) && !like.MatchString(c.Title) && !slices.ContainsFunc(c.Rules, like.MatchString) {
			continue
		}
		n++
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", c.Name, strings.Join(c.Rules, " "), strings.Join(c.Features, " "), c.Title)
	}
	if err := out.Flush(); err != nil {
		return ExitFailed
	}
	fmt.Fprintf(p.Stdout, "%d cases\n", n)
	return ExitPassed
}
