package command

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/modgate/modgate/conformance/adaptertest"
	"github.com/modgate/modgate/conformance/driver"
)

// playAdapter plays a mute module's life through its adapter and a core.
func (p *Program) playAdapter(ctx context.Context, args []string) int {
	f := p.Flags("adapter")
	command := f.String("command", "", "how the core is started; {config}, {dir}, {data} and {control} are filled in")
	admin := f.String("admin-token-file", "{dir}/admin-token", "where the core leaves the administrator's token")
	module := f.String("module", "", "how the module is started; {port}, at which it is to listen, {egress}, where its own requests go, and {version}, which it is to be, are filled in")
	o := adaptertest.Options{Core: driver.Options{Ready: time.Minute, Ports: &driver.Ports{}}, Header: http.Header{}}
	f.StringVar(&o.Adapter, "adapter", "", "file of the adapter, WebAssembly")
	f.StringVar(&o.Config, "config", "", "a text for the adapter")
	f.StringVar(&o.Probe, "probe", "", "path that says whether the module can serve; without one its socket does")
	f.DurationVar(&o.Limit, "limit", 15*time.Second, "for each thing that must happen")
	request := f.String("request", "GET /", "a request that the module serves, such as 'GET /things' or 'POST /things {\"name\":\"x\"}'")
	f.Func("header", "a field of that request, such as 'X-Tenant: diku'; may be said again", func(field string) error {
		name, value, ok := strings.Cut(field, ":")
		if !ok {
			return errors.New("want NAME: VALUE")
		}
		o.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
		return nil
	})
	f.StringVar(&o.Run, "run-header", "", "header that carries a run through the module, if it passes one on")
	verbose := f.Bool("v", false, "show what core and module print")
	if f.Parse(args) != nil {
		return ExitUsage
	}
	if o.Adapter == "" {
		return p.Misused(errors.New("-adapter: want the file of an adapter"))
	}
	o.Core.AdminToken = *admin
	for flag, to := range map[string]*driver.Command{"-command": &o.Core.Command, "-module": &o.Module} {
		line := map[string]string{"-command": *command, "-module": *module}[flag]
		var err error
		if *to, err = driver.ParseCommand(line); err != nil {
			return p.Misused(fmt.Errorf("%s: %w", flag, err))
		}
	}
	var rest string
	if o.Method, rest, _ = strings.Cut(*request, " "); rest != "" {
		o.Path, o.Body, _ = strings.Cut(rest, " ")
	}
	if *verbose {
		o.Log = p.Stderr
	}
	t := p.tally()
	if err := adaptertest.Run(ctx, o, t.say); err != nil {
		return p.Misused(err)
	}
	return t.end()
}
