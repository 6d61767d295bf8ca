package gateway

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/api"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/route"
	"github.com/modgate/modgate/hcl"
	"github.com/modgate/modgate/policies"
)

// policiesEvery is how often the folder of policies is looked at. What is
// found changed must be found the same at the next look: an editor may write
// several files.
const policiesEvery = 500 * time.Millisecond

// openPolicies opens the policies. A unit that is broken is left out, and the
// administrator is told: without a policy the gateway knows what to do, too.
func (g *Gateway) openPolicies() (err error) {
	g.policies, err = policies.Open(policies.Options{
		Dir: g.config.Gateway.Policies, Units: unitsOf(g.config), Zone: time.Local, Report: g.policyFault, Clear: g.policyMended,
	})
	if err != nil {
		return err
	}
	if wrong := g.policies.Diagnostics(); wrong != nil {
		g.log.Warn("a policy is not in force", "wrong", wrong)
	}
	g.policyFiles, err = g.policies.Fingerprint()
	return err
}

// openFollower follows the folder of policies until Close.
func (g *Gateway) openFollower() error {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.followPolicies(ctx)
	}()
	g.onClose(func() {
		stop()
		<-done
	})
	return nil
}

// followPolicies reads the policies again when their files change, until ctx
// ends.
func (g *Gateway) followPolicies(ctx context.Context) {
	tick := time.NewTicker(policiesEvery)
	defer tick.Stop()
	var before uint64
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, err := g.policies.Fingerprint()
		settled := now == before
		before = now
		if err == nil && settled {
			g.rereadPolicies(now)
		}
	}
}

// rereadPolicies reads the policies again unless it was done since their files
// became what now tells.
func (g *Gateway) rereadPolicies(now uint64) {
	g.reload.Lock()
	defer g.reload.Unlock()
	if now == g.policyFiles {
		return
	}
	if _, err := g.readPolicies(); err != nil {
		g.log.Warn("policies were read anew, not all are in force", "wrong", err)
	} else {
		g.log.Info("policies were read anew")
	}
}

// readPolicies puts the policies in force as they stand in their folder, has
// asked again what they decide of requests, and reports whether their files
// are others than they were. The error says what is not in force. The caller
// holds reload.
func (g *Gateway) readPolicies() (changed bool, err error) {
	files, err := g.policies.Fingerprint() // before they are read: what changes meanwhile is noticed later
	if err != nil {
		return false, err
	}
	changed = files != g.policyFiles
	g.policyFiles = files
	err = g.policies.Reload()
	g.control.Reconsider()
	return changed, err
}

// unitsOf returns the units that modules are to be asked about first, by
// module, where they are not under the module's name.
func unitsOf(cfg *config.Config) map[string]string {
	units := map[string]string{}
	for _, m := range cfg.Modules {
		if m.Policy != "" {
			units[m.Name] = m.Policy
		}
	}
	return units
}

func (g *Gateway) plan(t fallback.Target) fallback.Plan { return g.policies.Plan(t) }

// waiting tells policies who is parked.
func (g *Gateway) waiting(m *route.Module) fallback.Parked {
	c := g.room.Parked(m.Name)
	_, limit := g.room.Waiting(m.Name)
	return fallback.Parked{Count: c.Parked, Limit: limit, Oldest: c.Longest}
}

// astray is told that a policy sends requests where they may not go.
func (g *Gateway) astray(module string, d *fallback.Decision, why string) {
	g.policies.Forbid(module, d, fmt.Sprintf("a fallback to %s: %s", d.Fallback.Module, why))
}

// called opens an incident that a policy calls for.
func (g *Gateway) called(module, key string, i fallback.Incident) {
	var s alert.Severity
	if err := s.UnmarshalText([]byte(i.Severity)); err != nil {
		s = alert.Warning // policies let no other word pass
	}
	g.alerts.Raise(alert.Alert{Key: key, Severity: s, Module: module, Summary: i.Summary, Detail: i.Detail})
}

// policyStats returns what policies decided and did wrong, for the metrics.
func (g *Gateway) policyStats() (s api.PolicyStats) {
	for r, n := range g.policies.Decisions() {
		s.Decisions = append(s.Decisions, api.PolicyDecisions{Entrypoint: string(r.Entrypoint), Unit: r.Unit, Rule: r.Name, Count: n})
	}
	for unit, classes := range g.policies.Faults() {
		for class, n := range classes {
			s.Faults = append(s.Faults, api.PolicyFaults{Unit: unit, Class: class.String(), Count: n})
		}
	}
	c := g.policies.Counts()
	s.Evaluated, s.Spared, s.Broken = c.Evaluated, c.Spared, g.policies.Broken()
	return s
}

func (g *Gateway) policyMended(unit string) { g.alerts.Clear("policy/" + unit) }

func (g *Gateway) policyFault(f policies.Fault) {
	g.alerts.Raise(alert.Alert{Key: "policy/" + f.Unit, Severity: alert.Warning, Module: f.Module, Summary: f.String(), Detail: f.Detail})
}

// diagnostics puts what is wrong with policies into the form of what is wrong
// with a configuration.
func diagnostics(wrong policies.Diagnostics) hcl.Diagnostics {
	out := make(hcl.Diagnostics, len(wrong))
	for i, d := range wrong {
		out[i] = hcl.Diagnostic{
			Severity: hcl.Error, Summary: "Policy not in force", Detail: strings.TrimSuffix(d.Text, ".") + ". Its last good text holds.",
			File: d.File, Line: max(d.Line, 1), Column: 1,
		}
	}
	return out
}
