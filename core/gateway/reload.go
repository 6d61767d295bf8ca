package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/api"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/probe"
	"github.com/modgate/modgate/policies"
)

// Reload reads the configuration and the policies again and puts them in
// force, or returns what is wrong with them: then the former configuration
// stays (C1), and of a wrong policy its last good text. Whatever can fail is
// done first, and is undone, so that all of it is in force or nothing.
func (g *Gateway) Reload(context.Context) (wrong any, changed bool, err error) {
	g.reload.Lock()
	defer g.reload.Unlock()
	defer func() { g.reportReload(wrong, err) }()
	written, wrong, err := g.read()
	switch {
	case err != nil:
		return nil, false, err
	case written == nil:
		return wrong, false, nil
	}
	n := &novelty{config: written.Reloaded(g.config)}
	waits := config.Diff(n.config, written)
	if err := stillRight(n.config, waits); err != nil {
		return nil, false, err
	}
	anew, wrong, err := g.renew(n)
	if wrong != nil || err != nil {
		return wrong, false, err
	}
	g.pending = nil
	for _, c := range waits {
		g.pending = append(g.pending, c.At)
		g.log.Warn("this takes effect with the gateway's next start", "setting", c.At, "was", c.Was, "is", c.Is)
	}
	if config.Diff(g.config, n.config) == nil {
		g.configurePlugins(n.config)
		return nil, anew, nil
	}
	if err := g.prepare(n); err != nil {
		return nil, false, err
	}
	g.enforce(n)
	return nil, true, nil
}

// novelty is what a reload puts in force.
type novelty struct {
	config    *config.Config
	keys      *keys
	policies  *policies.Reading // of another folder; nil: it is the same
	processes []probe.Process
}

// stillRight reports what is wrong with a configuration that was right as it
// was written, and in which some settings wait for the next start.
func stillRight(c *config.Config, waits []config.Change) error {
	if waits == nil {
		return nil
	}
	var errs []error
	for _, p := range c.Check() {
		if !p.Warning {
			errs = append(errs, fmt.Errorf("with what waits for the gateway's next start, %s would be wrong until then: %s; start the gateway again instead", p.At[0], strings.TrimSuffix(p.Detail, ".")))
		}
	}
	return errors.Join(errs...)
}

// renew reads certificates and policies, again or for the first time, and
// reports whether files that are in force are others than they were.
func (g *Gateway) renew(n *novelty) (changed bool, wrong any, err error) {
	if n.keys, err = readKeys(g.keys.Load(), g.config.Gateway, n.config.Gateway); err != nil {
		return false, nil, err
	}
	renewed, err := g.refreshKeys(n.keys)
	if err != nil {
		return false, nil, err
	}
	dir, units, broken := n.config.Gateway.Policies, unitsOf(n.config), policies.Diagnostics(nil)
	reread := false
	if dir == g.config.Gateway.Policies {
		reread, err = g.readPolicies()
	} else {
		n.policies, err = g.policies.Read(dir, units)
	}
	if err != nil && !errors.As(err, &broken) {
		return false, nil, err
	}
	if n.policies == nil && dir == g.config.Gateway.Policies {
		broken = append(broken, g.policies.Lacks(units)...)
	}
	if broken != nil {
		return false, diagnostics(broken.Within(dir)), nil
	}
	return renewed || reread, nil, nil
}

// prepare does what can fail of a reload. After an error nothing has changed.
func (g *Gateway) prepare(n *novelty) error {
	if err := g.preparePlugins(n.config); err != nil {
		return err
	}
	n.processes = g.declaredProcesses(n.config, n.keys)
	if err := g.processes.Check(n.processes); err != nil {
		return err
	}
	voices := g.voices.Load()
	if err := voices.Prepare(n.config); err != nil {
		return err
	}
	err := g.control.Reconfigure(n.config)
	if err == nil {
		if err = voices.Declare(n.config); err == nil {
			return nil
		}
		err = errors.Join(err, g.control.Reconfigure(g.config))
	}
	voices.Abandon()
	return err
}

// enforce puts in force what was prepared.
func (g *Gateway) enforce(n *novelty) {
	g.config = n.config
	g.replaceKeys(n.keys)
	g.proxy.Configure(settings(n.config, n.keys))
	g.calls.bound(n.config.Gateway.Limits.Connections)
	g.room.Limit(parking(n.config))
	g.configurePlugins(n.config)
	if n.policies != nil {
		g.policies.Move(n.policies)
		g.policyFiles, _ = g.policies.Fingerprint() // an error shows again when the folder is looked at
	} else {
		g.policies.Assign(unitsOf(n.config))
	}
	g.alerts.Redirect(g.sinks.configure(n.config.Sinks))
	g.sinks.dismiss()
	g.control.Reconsider()
	g.processes.Configure(n.processes)
}

// Plan says what Reload would change, or what is wrong with the configuration
// as it is written now.
func (g *Gateway) Plan(context.Context) (api.Plan, any, error) {
	g.reload.Lock()
	defer g.reload.Unlock()
	next, found, err := g.read()
	if next == nil || err != nil {
		return api.Plan{}, found, err
	}
	return api.Plan{
		Changes:      config.Diff(g.config, next),
		Requirements: g.control.Plan(next),
		Warnings:     found,
	}, nil, nil
}

// Pending names the settings that the last reload left to the next start.
func (g *Gateway) Pending() []string {
	g.reload.Lock()
	defer g.reload.Unlock()
	return g.pending
}

// read reads the configuration again; it is nil when there is an error among
// what is found. The caller holds reload.
func (g *Gateway) read() (next *config.Config, found any, err error) {
	next, found = g.o.Reload()
	if next == nil {
		return nil, found, nil
	}
	with := *next
	return &with, found, withJoinSecret(&with, g.config.Gateway.DataDir)
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
