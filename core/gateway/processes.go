package gateway

import (
	"context"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"time"

	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/probe"
)

// openProcesses declares the supervised processes. None runs before
// startProcesses: a module must find somebody who listens.
func (g *Gateway) openProcesses() (*probe.Supervisor, error) {
	voices := g.voices.Load()
	return probe.OpenSupervisor(probe.SupervisorOptions{
		Processes: g.declaredProcesses(g.config, g.keys.Load()), Log: g.log, Leave: voices.Leave, Ended: voices.Ended,
		Started: func(name string) {
			g.alerts.Clear(processKey(name))
			voices.Started(name)
		},
		Steady: g.steady,
		Failed: func(name string, err error) {
			g.alerts.Raise(alert.Alert{Key: processKey(name), Severity: alert.Critical, Summary: "process " + name + " could not be started", Detail: err.Error()})
		},
	})
}

func processKey(name string) string { return "process/" + name }

// declaredProcesses returns the processes of cfg, in a gateway with keys.
func (g *Gateway) declaredProcesses(cfg *config.Config, k *keys) []probe.Process {
	control, data := origin(g.ctrl, k.control != nil), origin(g.data, k.data != nil)
	all := make([]probe.Process, len(cfg.Processes))
	for i, p := range cfg.Processes {
		all[i] = processOf(p, cfg, control, data)
	}
	return all
}

// processOf tells a process where control and data listener are, and how it
// may join.
func processOf(p config.Process, cfg *config.Config, control, data string) probe.Process {
	secret := cfg.Gateway.JoinSecret
	if m := cfg.Module(p.Module); m.JoinSecret != "" {
		secret = m.JoinSecret
	}
	module := p.Module
	for _, d := range cfg.Declared() {
		if d.Process != p.Name {
			continue
		}
		module = d.Module
		if d.Egress != "" {
			data = "http://" + d.Egress // what it sends there is known as its own (L4)
		}
	}
	env := []string{"MODGATE_CONTROL=" + control, "MODGATE_DATA=" + data}
	for _, name := range slices.Sorted(maps.Keys(p.Environment)) {
		env = append(env, name+"="+p.Environment[name])
	}
	return probe.Process{
		Name: p.Name, Module: module, Command: p.Command, Env: env, Secrets: []string{"MODGATE_JOIN_SECRET=" + string(secret)}, Dir: p.Dir, Port: p.Port,
		Restart: p.Restart, Backoff: p.Backoff, Autostart: p.Autostart, StopTimeout: p.StopTimeout,
		LogFile: filepath.Join(cfg.Gateway.DataDir, p.Log()),
	}
}

// steady notes how many instances of the module serve. What it returns waits
// until there are as many again, for the time that a version may take to its
// first RESUME at most (V6).
func (g *Gateway) steady(module string) func(context.Context) {
	before := g.instances(module)
	return func(ctx context.Context) {
		limited, cancel := context.WithTimeout(ctx, g.control.StartTTL(module))
		defer cancel()
		tick := time.NewTicker(steadyEvery)
		defer tick.Stop()
		for g.instances(module) < before {
			select {
			case <-limited.Done():
				return
			case <-tick.C:
			}
		}
	}
}

// steadyEvery is how often a module is looked at whose processes are started
// again one after the other.
const steadyEvery = 100 * time.Millisecond

// instances counts those of the module that take new requests.
func (g *Gateway) instances(module string) int {
	m := g.live.Load().Modules[module]
	if m == nil || m.State().Serving == nil {
		return 0
	}
	return len(m.State().Serving.Instances)
}

// origin is what a process on this machine calls the listener.
func origin(l net.Listener, secure bool) string {
	scheme := "http"
	if secure {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(l.Addr().String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

func (g *Gateway) startProcesses() error {
	g.reload.Lock()
	defer g.reload.Unlock()
	for _, p := range g.config.Processes {
		if !p.Autostart {
			continue
		}
		if err := g.processes.Start(p.Name); err != nil {
			return err
		}
	}
	return nil
}
