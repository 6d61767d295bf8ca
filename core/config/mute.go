package config

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// What is declared of modules that know nothing of the protocol: mute ones
// (L4).

// Updating says who announces a module's UPDATE (L4). The zero value is
// Announced.
type Updating uint8

// Who announces it.
const (
	Announced  Updating = iota // the module itself, if anybody
	OnTakeover                 // the gateway, when a higher version, or the first, turns healthy
)

var updatingNames = [...]string{"announced", "on-takeover"}

func (u Updating) String() string { return updatingNames[u] }

// MarshalText writes the language's word.
func (u Updating) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (u *Updating) UnmarshalText(b []byte) error { return parseWord(u, updatingNames[:], b) }

// Declared is a process of a version that is declared in full: the gateway
// speaks for it.
type Declared struct {
	message.Registration        // what it would say if it registered
	Secret               Secret // with which
	Probe                Probe
	Update               Updating
	RunHeader            string
	Egress               string // address of its own data listener; empty: none
	Process              string // the supervised process that it is; empty: none
}

// Declared returns the processes of versions that are declared in full, by
// module, lower versions first. An instance keeps its id as long as it has its
// version and upstream.
func (c *Config) Declared() []Declared {
	var all []Declared
	for i := range c.Modules {
		m := &c.Modules[i]
		secret := m.JoinSecret
		if secret == "" {
			secret = c.Gateway.JoinSecret
		}
		for j := range m.Versions {
			v := &m.Versions[j]
			d := Declared{Registration: v.registration(m.Name), Secret: secret, Probe: v.Probe, Update: m.Update, RunHeader: m.RunHeader}
			for n, upstream := range v.Upstreams {
				d.Instance, d.Upstream = instanceID(m.Name, v.Version, upstream), upstream
				d.Process, d.Egress = c.processAt(m.Name, upstream), ""
				if n < len(v.Egress) {
					d.Egress = v.Egress[n]
				}
				all = append(all, d)
			}
		}
	}
	return all
}

// SpeaksFor reports whether the instance of that module is one of Declared.
func (c *Config) SpeaksFor(name, instance string) bool {
	m := c.Module(name)
	return slices.ContainsFunc(m.Versions, func(v Version) bool {
		return slices.ContainsFunc(v.Upstreams, func(u string) bool { return instanceID(name, v.Version, u) == instance })
	})
}

// EgressOf returns the origin at which the process of that version and
// upstream finds others, if one is declared, else "".
func (m *Module) EgressOf(version module.Version, upstream string) string {
	for i := range m.Versions {
		v := &m.Versions[i]
		if n := slices.Index(v.Upstreams, upstream); n >= 0 && n < len(v.Egress) && v.Version.Equal(version) {
			return "http://" + v.Egress[n]
		}
	}
	return ""
}

// processAt returns the name of the process of a module whose port is the
// upstream's, on this machine.
func (c *Config) processAt(module, upstream string) string {
	port := localPort(upstream)
	i := slices.IndexFunc(c.Processes, func(p Process) bool { return p.Module == module && p.Port == port })
	if port == 0 || i < 0 {
		return ""
	}
	return c.Processes[i].Name
}

// localPort returns the port of an origin on this machine, else 0.
func localPort(origin string) int {
	u, err := url.Parse(origin)
	if err != nil || !loopback(u.Hostname()) {
		return 0
	}
	n, err := strconv.Atoi(u.Port())
	if err != nil {
		return 0
	}
	return n
}

// checkMute reports what is wrong with how the gateway is to speak for m.
func (m *Module) checkMute(s scope) {
	if m.RunHeader != "" && !canCarry(m.RunHeader) {
		s.add("run_header", "Not a header for runs", "%q cannot carry them: want a header that the module passes on as it is, such as \"X-Okapi-Request-Id\".", m.RunHeader)
	}
	if m.Update != OnTakeover {
		return
	}
	if len(m.Versions) == 0 {
		s.warn("update", "Nobody to speak for", "update = %q is for versions that are declared here in full; of those that register, each says UPDATE itself.", OnTakeover)
		s.rests(s.path + ".version")
		return
	}
	if m.Adapter == "" {
		s.add("update adapter", "UPDATE without an adapter", "update = %q tells the module of the grant and waits for its word that it is done; name the adapter that knows its words: adapter = \"...\".", OnTakeover)
	}
	for i := range m.Versions {
		if v := &m.Versions[i]; v.Probe.Type == NoProbe {
			s.in("version."+v.Version.String()).add("probe.type", "UPDATE without a probe", "update = %q waits until the version turns healthy, and nothing asks whether it is; give it a probe.", OnTakeover)
		}
	}
}

// canCarry reports whether a header of that name reaches a module, and comes
// back, as it is.
func canCarry(name string) bool {
	low := strings.ToLower(name)
	switch {
	case strings.Trim(low, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "",
		strings.HasPrefix(low, "modgate-"), strings.HasPrefix(low, "x-forwarded-"), strings.HasPrefix(low, "content-"):
		return false
	}
	return !slices.Contains([]string{
		"host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect", "via", "forwarded", "x-real-ip",
		"proxy-connection", "proxy-authenticate", "proxy-authorization", "authorization", "cookie", "http2-settings", "prefer", "origin", "accept",
		"access-control-request-method", "access-control-request-headers", "date", "range",
	}, low)
}

// checkEgress reports what is wrong with v's data listeners.
func (v *Version) checkEgress(s scope) {
	if n := len(v.Egress); n > 0 && n != len(v.Upstreams) {
		s.add("egress upstreams", "Not one for each", "There are %d upstreams and %d addresses of egress; the first is for the first, and so on.", len(v.Upstreams), n)
	}
	for n, a := range v.Egress {
		at := s.in(element("egress", n))
		host, port, err := splitAddress(a)
		switch {
		case err != nil:
			at.add("", "Not an address", "%q: %v.", a, err)
		case port == 0:
			at.add("", "No port", "%q has port 0, where the module would not find it.", a)
		case !loopback(host):
			at.warn("", "Egress in the open", "%q can be reached from other machines, and whoever reaches it is taken for the module.", a)
		}
	}
}

// checkEgress reports addresses of egress that are taken.
func (c *Config) checkEgress(ps *problems) {
	owner := map[string]string{c.Gateway.Listen: "gateway.listen", c.Gateway.Control.Listen: "gateway.control.listen"}
	for _, p := range c.Processes {
		if p.Port != 0 {
			owner["127.0.0.1:"+strconv.Itoa(p.Port)] = "process." + p.Name
		}
	}
	for i := range c.Modules {
		m := &c.Modules[i]
		for j := range m.Versions {
			v := &m.Versions[j]
			at := "module." + m.Name + ".version." + v.Version.String()
			for n, a := range v.Egress {
				if o, taken := owner[a]; taken {
					s := scope{at + "." + element("egress", n), ps}
					s.add("", "Address given twice", "%q is taken by %s.", a, o)
					s.rests(o)
				}
				owner[a] = at
			}
		}
	}
}

// checkSupervised warns of processes of a module that is declared in full
// which are none of its upstreams.
func (c *Config) checkSupervised(ps *problems) {
	for _, p := range c.Processes {
		m := c.Module(p.Module)
		if p.Module == "" || len(m.Versions) == 0 || p.Port == 0 {
			continue
		}
		known := slices.ContainsFunc(m.Versions, func(v Version) bool {
			return slices.ContainsFunc(v.Upstreams, func(u string) bool { return localPort(u) == p.Port })
		})
		if !known {
			s := scope{"process." + p.Name, ps}
			s.warn("port module", "Process that is no upstream",
				"No version of %s that is declared has an upstream at port %d of this machine; the gateway does not know that the two belong together.", p.Module, p.Port)
			s.rests("module." + p.Module + ".version")
		}
	}
}
