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
	passed, failed, skipped := 0, 0, 0
	_, err = moduletest.Run(ctx, o, func(v moduletest.Verdict) {
		switch {
		case v.Err != nil:
			failed++
			fmt.Fprintf(p.Stdout, "failed   %-17s %s\n\t%v\n", v.Rule, v.Promise, v.Err)
		case v.Skipped != "":
			skipped++
			fmt.Fprintf(p.Stdout, "skipped  %-17s %s\n\t%s\n", v.Rule, v.Promise, v.Skipped)
		default:
			passed++
			fmt.Fprintf(p.Stdout, "passed   %-17s %s\n", v.Rule, v.Promise)
		}
	})
	if err != nil {
		return p.Misused(err)
	}
	fmt.Fprintf(p.Stdout, "%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	if failed > 0 {
		return ExitFailed
	}
	return ExitPassed
}
