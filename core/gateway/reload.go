package gateway

import (
	"context"
	"errors"
	"fmt"

	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/api"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/policies"
)

// Reload reads the configuration and the policies again and puts them in
// force, or returns what is wrong with them: then the former configuration
// stays (C1), and of a wrong policy its last good text.
func (g *Gateway) Reload(context.Context) (wrong any, changed bool, err error) {
	g.reload.Lock()
	defer g.reload.Unlock()
	defer func() { g.reportReload(wrong, err) }()
	next, wrong := g.read()
	if next == nil {
		return wrong, false, nil
	}
	renewed, err := g.refreshKeys()
	if err != nil {
		return nil, false, err
	}
	reread, err := g.readPolicies()
	broken := policies.Diagnostics(nil)
	if err != nil && !errors.As(err, &broken) {
		return nil, false, err
	}
	if broken = append(broken, g.policies.Lacks(unitsOf(next))...); broken != nil {
		return diagnostics(broken.Within(g.config.Gateway.Policies)), false, nil
	}
	changes := config.Diff(g.present, next)
	if len(changes) == 0 {
		g.configurePlugins(next)
		return nil, renewed || reread, nil
	}
	for _, c := range config.Diff(g.config, next) {
		if c.AtStart() {
			g.log.Warn("this takes effect with the gateway's next start", "setting", c.At, "was", c.Was, "is", c.Is)
		}
	}
	voices := g.voices.Load()
	if err := voices.Prepare(next); err != nil {
		return nil, false, err
	}
	if err := g.control.Reconfigure(next); err != nil {
		return nil, false, err
	}
	g.present = next
	g.room.Limit(parking(next))
	g.configurePlugins(next)
	g.policies.Assign(unitsOf(next))
	g.control.Reconsider()
	return nil, true, voices.Declare(next)
}

// Plan says what Reload would change, or what is wrong with the configuration
// as it is written now.
func (g *Gateway) Plan(context.Context) (api.Plan, any) {
	g.reload.Lock()
	defer g.reload.Unlock()
	next, found := g.read()
	if next == nil {
		return api.Plan{}, found
	}
	return api.Plan{
		Changes:      config.Diff(g.present, next),
		Requirements: g.control.Plan(next),
		Warnings:     found,
	}, nil
}

// read reads the configuration again; it is nil when there is an error among
// what is found. The caller holds reload.
func (g *Gateway) read() (next *config.Config, found any) {
	next, found = g.o.Reload()
	if next != nil && next.Gateway.JoinSecret == "" {
		with := *next
		with.Gateway.JoinSecret = g.config.Gateway.JoinSecret
		next = &with
	}
	return next, found
}

// reportReload tells the administrator of a configuration that is not in
// force although it is written, until one is.
func (g *Gateway) reportReload(wrong any, err error) {
	a := alert.Alert{Key: "configuration", Severity: alert.Warning, Summary: "the configuration as it is written is not in force"}
	switch {
	case wrong != nil:
		a.Detail = fmt.Sprint(wrong)
	case err != nil:
		a.Detail = err.Error()
	default:
		g.alerts.Clear(a.Key)
		return
	}
	g.alerts.Raise(a)
}
