package gateway

import (
	"context"
	"reflect"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/hcl"
	"github.com/modgate/modgate/policies"
)

// Reload reads the configuration and the policies again and puts them in
// force, or returns what is wrong with them: then the former configuration
// stays (C1), and of a wrong policy its last good text.
func (g *Gateway) Reload(context.Context) (wrong any, changed bool, err error) {
	next, wrong := g.o.Reload()
	if next == nil {
		return wrong, false, nil
	}
	renewed, err := g.refreshKeys()
	if err != nil {
		return nil, false, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if next.Gateway.JoinSecret == "" {
		next.Gateway.JoinSecret = g.config.Gateway.JoinSecret
	}
	if g.present == nil {
		g.present = g.config
	}
	if err := g.policies.Reload(); err != nil {
		if wrong := g.policies.Diagnostics(); wrong != nil {
			return diagnostics(wrong), false, nil
		}
		return nil, false, err
	}
	if same(next, g.present) {
		return nil, renewed, nil
	}
	if names := bound(next, g.config); len(names) > 0 {
		g.log.Warn("what was bound when the gateway started takes effect with its next start", "settings", names)
	}
	if err := g.control.Reconfigure(next); err != nil {
		return nil, false, err
	}
	g.present = next
	return nil, true, g.declared.put(next)
}

// bound names what of next differs from the configuration with which the
// gateway was opened, and is used then only: addresses, limits, processes.
func bound(next, opened *config.Config) (names []string) {
	a, b := next.Gateway, opened.Gateway
	was := b.Settings()
	for i, s := range a.Settings() {
		if s.Name != "alerts.unresolved" && s.Name != "join_secret" && s.Text() != was[i].Text() {
			names = append(names, "gateway."+s.Name)
		}
	}
	if !reflect.DeepEqual(next.Processes, opened.Processes) {
		names = append(names, "process")
	}
	return names
}

// diagnostics puts what is wrong with policies into the form of what is wrong
// with a configuration.
func diagnostics(wrong policies.Diagnostics) hcl.Diagnostics {
	out := make(hcl.Diagnostics, len(wrong))
	for i, d := range wrong {
		out[i] = hcl.Diagnostic{
			Severity: hcl.Error, Summary: "Policy not in force", Detail: d.Text + " Its last good text holds.",
			File: d.File, Line: max(d.Line, 1), Column: 1,
		}
	}
	return out
}
