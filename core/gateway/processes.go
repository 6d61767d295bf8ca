package gateway

import (
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/probe"
)

// openProcesses declares the supervised processes. None runs before
// startProcesses: a module must find somebody who listens.
func (g *Gateway) openProcesses() (*probe.Supervisor, error) {
	voices := g.voices.Load()
	declared := make([]probe.Process, 0, len(g.config.Processes))
	for _, p := range g.config.Processes {
		declared = append(declared, g.process(p))
	}
	return probe.OpenSupervisor(probe.SupervisorOptions{
		Processes: declared, Log: g.log, Started: voices.Started, Ended: voices.Ended, Leave: voices.Leave,
	})
}

// process tells a process where it is and how it may join.
func (g *Gateway) process(p config.Process) probe.Process {
	secret := g.config.Gateway.JoinSecret
	if m := g.config.Module(p.Module); m.JoinSecret != "" {
		secret = m.JoinSecret
	}
	data := origin(g.data, g.keys.data != nil)
	for _, d := range g.config.Declared() {
		if d.Process == p.Name && d.Egress != "" {
			data = "http://" + d.Egress // what it sends there is known as its own (L4)
		}
	}
	env := []string{
		"MODGATE_CONTROL=" + origin(g.ctrl, g.keys.control != nil),
		"MODGATE_DATA=" + data,
		"MODGATE_JOIN_SECRET=" + string(secret),
	}
	if p.Port != 0 {
		env = append(env, "PORT="+strconv.Itoa(p.Port))
	}
	for _, name := range slices.Sorted(maps.Keys(p.Environment)) {
		env = append(env, name+"="+p.Environment[name])
	}
	return probe.Process{
		Name: p.Name, Command: p.Command, Env: env, Dir: p.Dir, Restart: p.Restart, Backoff: p.Backoff, StopTimeout: p.StopTimeout,
		LogFile: filepath.Join(g.config.Gateway.DataDir, p.Log()),
	}
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
