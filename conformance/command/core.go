package command

import (
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/modgate/modgate/conformance/cases"
	"github.com/modgate/modgate/conformance/driver"
	"github.com/modgate/modgate/conformance/play"
	"github.com/modgate/modgate/conformance/script"
	"github.com/modgate/modgate/conformance/suite"
)

// Core is how a core is reached, and which cases are played: the flags of
// the command core.
type Core struct {
	command, adminFile            string
	data, control, join, adminTok string
	features, match, cases        string
	parallel                      int
	scale                         float64
	limit                         time.Duration
}

// Register makes f read c.
func (c *Core) Register(f *flag.FlagSet) {
	f.StringVar(&c.command, "command", "", "how the core is started; {config}, {dir}, {data} and {control} are filled in")
	f.StringVar(&c.adminFile, "admin-token-file", "{dir}/admin-token", "where a core that was started leaves the administrator's token")
	f.StringVar(&c.data, "data", "", "data listener of a core that runs already, instead of -command")
	f.StringVar(&c.control, "control", "", "its control listener")
	f.StringVar(&c.join, "join-secret", os.Getenv("MODGATE_JOIN_SECRET"), "its join secret (MODGATE_JOIN_SECRET)")
	f.StringVar(&c.adminTok, "admin-token", os.Getenv("MODGATE_ADMIN_TOKEN"), "its administrator's token (MODGATE_ADMIN_TOKEN)")
	f.StringVar(&c.features, "features", "all", "claimed features, with commas; all, none, or all,-NAME...")
	f.StringVar(&c.match, "run", "", "play the cases whose name, title or rule fits the regular expression")
	f.StringVar(&c.cases, "cases", "", "a folder of cases of your own, CHAPTER/NAME.case, instead of the suite's")
	f.IntVar(&c.parallel, "parallel", 8*runtime.NumCPU(), "cases at once: most of a case is waiting")
	f.Float64Var(&c.scale, "scale", 1, "multiply every length of time, for a machine that is slow")
	f.DurationVar(&c.limit, "limit", time.Minute, "how long one case may take")
}

// Options turns the flags into what the suite wants. An error names the flag
// that is wrong.
func (c *Core) Options() (suite.Options, error) {
	o := suite.Options{Parallel: c.parallel, Scale: c.scale, Limit: c.limit}
	o.Core = driver.Options{AdminToken: c.adminFile, Ready: time.Duration(20 * float64(time.Second) * c.scale), Ports: &driver.Ports{}}
	var err error
	if o.Features, err = claimed(c.features); err != nil {
		return o, err
	}
	if c.scale < 1 {
		return o, fmt.Errorf("-scale %v: a core's own bounds do not shrink; want 1 or more", c.scale)
	}
	if c.match != "" {
		if o.Match, err = regexp.Compile(c.match); err != nil {
			return o, fmt.Errorf("-run: %w", err)
		}
	}
	if c.command != "" {
		o.Core.Command, err = driver.ParseCommand(c.command)
		return o, err
	}
	if c.data == "" || c.control == "" || c.join == "" || c.adminTok == "" {
		return o, fmt.Errorf("want -command, or -data, -control, -join-secret and -admin-token of a core that runs")
	}
	o.Running = &play.Target{Data: c.data, Control: c.control, Join: c.join, Admin: c.adminTok}
	return o, nil
}

// Cases returns what there is to play. The error says what is wrong with each
// case, and where.
func (c *Core) Cases() ([]*script.Case, error) {
	if c.cases == "" {
		return cases.All()
	}
	all, err := script.Load(os.DirFS(c.cases))
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("-cases %s: no CHAPTER/NAME%s in it", c.cases, script.Extension)
	}
	return all, err
}

// claimed reads a list of features.
func claimed(list string) ([]string, error) {
	set := map[string]bool{}
	for name := range strings.SplitSeq(list, ",") {
		name, without := strings.CutPrefix(strings.TrimSpace(name), "-")
		switch {
		case name == "all":
			for _, f := range suite.Features {
				set[f.Name] = !without
			}
		case name == "none" || name == "":
		case suite.IsFeature(name):
			set[name] = !without
		default:
			return nil, fmt.Errorf("-features: no feature %q", name)
		}
	}
	var out []string
	for _, f := range suite.Features {
		if set[f.Name] {
			out = append(out, f.Name)
		}
	}
	return out, nil
}

// playCore plays the cases against a core.
func (p *Program) playCore(ctx context.Context, args []string) int {
	f := p.Flags("core")
	var c Core
	c.Register(f)
	var out reportFlags
	out.register(f)
	if f.Parse(args) != nil {
		return ExitUsage
	}
	o, err := c.Options()
	if err != nil {
		return p.Misused(err)
	}
	all, err := c.Cases()
	if err != nil {
		return p.Misused(err)
	}
	bar := progress{out: p.Stdout, verbose: out.verbose, terminal: isTerminal(p.Stdout)}
	o.Progress = bar.show
	begun := time.Now()
	results, err := suite.Run(ctx, all, o)
	bar.clear()
	if err != nil {
		return p.Misused(err)
	}
	return out.finish(p, suite.NewReport(results, out.implementation(), o, begun, slices.Concat(strings.Fields(p.Name), []string{"core"}, args)))
}
