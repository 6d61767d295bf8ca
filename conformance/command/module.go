package command

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/modgate/modgate/conformance/driver"
	"github.com/modgate/modgate/conformance/moduletest"
)

// playModule plays the gateway against a module.
func (p *Program) playModule(ctx context.Context, args []string) int {
	f := p.Flags("module")
	command := f.String("command", "", "how the module is started; it finds MODGATE_CONTROL, MODGATE_DATA, MODGATE_JOIN_SECRET and PORT in its environment")
	dir := f.String("dir", "", "its working folder")
	request := f.String("request", "", "a request that it serves, such as 'GET /things' or 'POST /things {\"name\":\"x\"}'; best one that makes it call others")
	limit := f.Duration("limit", 15*time.Second, "for each thing that it must do")
	verbose := f.Bool("v", false, "show what the module prints")
	if f.Parse(args) != nil {
		return ExitUsage
	}
	o := moduletest.Options{Dir: *dir, Limit: *limit}
	var err error
	if o.Command, err = driver.ParseCommand(*command); err != nil {
		return p.Misused(fmt.Errorf("-command: %w", err))
	}
	if *verbose {
		o.Log = p.Stderr
	}
	var rest string
	if o.Method, rest, _ = strings.Cut(*request, " "); rest != "" {
		o.Path, o.Body, _ = strings.Cut(rest, " ")
	}
	t := p.tally()
	if _, err = moduletest.Run(ctx, o, t.say); err != nil {
		return p.Misused(err)
	}
	return t.end()
}

// tally prints verdicts and counts them.
type tally struct {
	p                       *Program
	passed, failed, skipped int
}

func (p *Program) tally() *tally { return &tally{p: p} }

func (t *tally) say(v moduletest.Verdict) {
	switch {
	case v.Err != nil:
		t.failed++
		fmt.Fprintf(t.p.Stdout, "failed   %-17s %s\n\t%v\n", v.Rule, v.Promise, v.Err)
	case v.Skipped != "":
		t.skipped++
		fmt.Fprintf(t.p.Stdout, "skipped  %-17s %s\n\t%s\n", v.Rule, v.Promise, v.Skipped)
	default:
		t.passed++
		fmt.Fprintf(t.p.Stdout, "passed   %-17s %s\n", v.Rule, v.Promise)
	}
}

// end prints the counts, and returns the exit code.
func (t *tally) end() int {
	fmt.Fprintf(t.p.Stdout, "%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped)
	if t.failed > 0 {
		return ExitFailed
	}
	return ExitPassed
}
