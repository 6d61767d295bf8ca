package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
)

// list prints the cases.
func list(args []string) int {
	f := flag.NewFlagSet("list", flag.ContinueOnError)
	match := f.String("run", "", "those whose name, title or rule fits the regular expression")
	if f.Parse(args) != nil {
		return exitUsage
	}
	like, err := regexp.Compile(*match)
	if err != nil {
		fmt.Fprintln(os.Stderr, "modgate-conformance: -run:", err)
		return exitUsage
	}
	all, ok := load()
	if !ok {
		return exitUsage
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	n := 0
	for _, c := range all {
		if !like.MatchString(c.Name) && !like.MatchString(c.Title) && !slices.ContainsFunc(c.Rules, like.MatchString) {
			continue
		}
		n++
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", c.Name, strings.Join(c.Rules, " "), strings.Join(c.Features, " "), c.Title)
	}
	if err := out.Flush(); err != nil {
		return exitFailed
	}
	fmt.Printf("%d cases\n", n)
	return exitPassed
}
