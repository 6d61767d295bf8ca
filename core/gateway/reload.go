package gateway

import (
	"context"

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
	g.mu.Lock()
	defer g.mu.Unlock()
	if next.Gateway.JoinSecret == "" {
		next.Gateway.JoinSecret = g.config.Gateway.JoinSecret
	}
	if err := g.policies.Reload(); err != nil {
		if wrong := g.policies.Diagnostics(); wrong != nil {
			return diagnostics(wrong), false, nil
		}
		return nil, false, err
	}
	if same(next, g.config) {
		return nil, false, nil
	}
	if err := g.control.Reconfigure(next); err != nil {
		return nil, false, err
	}
	g.config = next
	return nil, true, g.declared.put(next)
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
