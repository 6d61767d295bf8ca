package config

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// A Problem is one thing that an operator declared wrong.
type Problem struct {
	// At names the settings that together are wrong, the likeliest to be
	// changed first, in the language's words: "gateway.limits.head",
	// "module.inventory.grace".
	At      []string
	Warning bool     // the configuration may be used all the same
	Rests   []string // what else it is about; "providers" are all that provide something, "provides.ID" those of that interface
	Summary string   // terse
	Detail  string   // what is wrong, and what to do

	Word  string   // that may be misspelt, if one is
	Words []string // that may be meant
}

func (p Problem) Error() string { return p.At[0] + ": " + p.Summary + ": " + p.Detail }

// Check returns everything that is wrong with c, or nil.
func (c *Config) Check() []Problem {
	var ps problems
	c.Gateway.check(&ps)
	c.Defaults.check(scope{"defaults", &ps})
	for i := range c.Modules {
		m := &c.Modules[i]
		m.check(scope{"module." + m.Name, &ps}, c.Defaults)
		m.checkParking(scope{"module." + m.Name, &ps}, c.Gateway.Parking)
		if i > 0 && c.Modules[i-1].Name >= m.Name {
			ps.add([]string{"module." + m.Name}, "Modules out of order", "Modules are sorted by name, and no two have one name.")
		}
	}
	for i := range c.Processes {
		p := &c.Processes[i]
		p.check(scope{"process." + p.Name, &ps})
		if i > 0 && c.Processes[i-1].Name >= p.Name {
			ps.add([]string{"process." + p.Name}, "Processes out of order", "Processes are sorted by name, and no two have one name.")
		}
	}
	c.checkAdapters(&ps)
	for i := range c.Sinks {
		c.Sinks[i].check(scope{"alert." + c.Sinks[i].Name, &ps})
	}
	c.checkPorts(&ps)
	c.checkEgress(&ps)
	c.checkSupervised(&ps)
	c.checkReplaces(&ps)
	c.checkRoutes(&ps)
	c.checkRequirements(&ps)
	return ps
}

type problems []Problem

func (ps *problems) add(at []string, summary, format string, args ...any) {
	*ps = append(*ps, Problem{At: at, Summary: summary, Detail: fmt.Sprintf(format, args...)})
}

// scope is one block whose settings are checked.
type scope struct {
	path string
	ps   *problems
}

// add reports the settings of those names, or the block when there is none.
func (s scope) add(names, summary, format string, args ...any) {
	var at []string
	for n := range strings.FieldsSeq(names) {
		at = append(at, s.path+"."+n)
	}
	if at == nil {
		at = []string{s.path}
	}
	s.ps.add(at, summary, format, args...)
}

// conflict is add for settings that do not fit together, unless one of them has
// a problem already: this one would only follow from it.
func (s scope) conflict(names, summary, format string, args ...any) {
	for n := range strings.FieldsSeq(names) {
		if s.reported(n) {
			return
		}
	}
	s.add(names, summary, format, args...)
}

// warn is add for what does not keep the configuration from being used.
func (s scope) warn(names, summary, format string, args ...any) {
	s.add(names, summary, format, args...)
	(*s.ps)[len(*s.ps)-1].Warning = true
}

// rests says what else the last problem is about.
func (s scope) rests(paths ...string) { (*s.ps)[len(*s.ps)-1].Rests = paths }

// reported reports whether the setting of that name has a problem already.
func (s scope) reported(name string) bool {
	return slices.ContainsFunc(*s.ps, func(p Problem) bool { return p.At[0] == s.path+"."+name })
}

// bounds reports every setting that is outside its own bounds.
func (s scope) bounds(settings []Setting) {
	for _, v := range settings {
		for _, n := range v.numbers() {
			if n < v.Min || n > v.Max {
				if _, secret := v.Value.(*Secret); secret {
					s.add(v.Name, "Value out of bounds", "%s has %s; it must have from %d to %d.", v.Name, count(int(n), "byte"), v.Min, v.Max)
					break
				}
				s.add(v.Name, "Value out of bounds", "%s is %s; it must be from %s to %s.", v.Name, v.Text(), v.Bound(v.Min), v.Bound(v.Max))
				break
			}
		}
		if text, ok := v.Value.(*string); ok && v.Form == Address {
			if _, _, err := splitAddress(*text); err != nil {
				s.add(v.Name, "Not an address", "%s is %q: %v.", v.Name, *text, err)
			}
		}
	}
}

func (g *Gateway) check(ps *problems) {
	s := scope{"gateway", ps}
	s.bounds(g.Settings())
	g.TLS.check(s.in("https"))
	g.Upstreams.check(s.in("upstream"))
	if _, port, _ := splitAddress(g.Listen); g.Listen == g.Control.Listen && port != 0 {
		s.add("control.listen listen", "One address for two listeners", "Both listeners are at %s; give control.listen a port of its own.", g.Listen)
	}
	if (g.Control.Certificate == "") != (g.Control.Key == "") {
		s.add("control.certificate control.key", "Half a key pair", "TLS needs both control.certificate and control.key.")
	} else if host, _, err := splitAddress(g.Control.Listen); err == nil && !loopback(host) && g.Control.Certificate == "" {
		s.add("control.listen", "Control listener without TLS",
			"%s can be reached from other machines, and tokens would pass in clear text. Bind it to 127.0.0.1, or give control.certificate and control.key.", g.Control.Listen)
	}
	g.Parking.check(s)
	if g.DataDir == "" {
		s.add("data_dir", "No data directory", "data_dir is empty; without a folder no state survives a restart.")
	}
	g.checkProxies(s)
	for _, o := range g.CORS.Origins {
		if !isOrigin(o) {
			s.add("cors.origins", "Not an origin", "%q is not an origin: want scheme://host or scheme://host:port, without a path, such as \"https://library.example\".", o)
		}
	}
}

func (l *Lifecycle) check(s scope) {
	s.bounds(l.Settings())
	if l.AbsenceMax < l.Grace+l.UpdateTTL {
		s.conflict("absence_max grace update_ttl", "Absence shorter than an UPDATE",
			"absence_max (%s) is below grace (%s) + update_ttl (%s), so that an UPDATE could expire before it is granted. Raise absence_max, or lower the others.",
			text(l.AbsenceMax), text(l.Grace), text(l.UpdateTTL))
	}
	if l.TTL > l.AbsenceMax {
		s.conflict("ttl absence_max", "Bounds that contradict each other", "ttl (%s) is above absence_max (%s).", text(l.TTL), text(l.AbsenceMax))
	}
	if l.GraceMin > l.Grace {
		s.conflict("grace_min grace", "Bounds that contradict each other",
			"grace_min (%s) is above grace (%s): the grace would be over before an UPDATE may be granted.", text(l.GraceMin), text(l.Grace))
	}
	if l.Release.Rate > l.Release.MaxRate {
		s.conflict("release.rate release.max_rate", "Bounds that contradict each other", "release.rate (%d) is above release.max_rate (%d).", l.Release.Rate, l.Release.MaxRate)
	}
	for _, b := range []struct {
		name   string
		length time.Duration
		bounds fallback.Bounds
	}{
		{"ttl", l.TTL, l.TTLBounds},
		{"grace", l.Grace, l.GraceBounds},
		{"lease", l.Lease, l.LeaseBounds},
	} {
		switch {
		case b.bounds.Min > b.bounds.Max:
			s.add("bounds."+b.name, "Bounds that contradict each other", "The least (%s) is above the most (%s).", text(b.bounds.Min), text(b.bounds.Max))
		case b.length != b.bounds.Clamp(b.length):
			s.conflict(b.name+" bounds."+b.name, "Value outside its own bounds",
				"%s (%s) is not within bounds.%[1]s, from %[3]s to %[4]s.", b.name, text(b.length), text(b.bounds.Min), text(b.bounds.Max))
		}
	}
}

func (m *Module) check(s scope, defaults Defaults) {
	if err := module.CheckName(m.Name); err != nil {
		s.add("", "Not a module name", "%q cannot name a module: %v.", m.Name, err)
	}
	s.bounds(m.own())
	m.checkDefaults(s, defaults)
	m.checkMute(s)
	if m.Routing == Compatible {
		s.add("routing", "Not there yet", "with \"compatible\" several versions of a module would serve at once, each to the callers that require it; this version routes new requests to the highest that serves, only (V1). Leave routing out, or set it to \"highest\"; a caller whose requirement that version does not meet is answered DELAY or MISSING (D3).")
	}
	for i, p := range m.Paths {
		if _, err := message.ParsePattern(p); err != nil {
			s.in(element("paths", i)).add("", "Not a path", "%v.", err)
		}
	}
	m.checkVersions(s)
	m.checkPlugin(s)
	for i, h := range m.WebhookHosts {
		if h == "" || strings.ContainsAny(h, "/@? ") {
			s.in(element("webhook_hosts", i)).add("", "Not a host", "%q is not a host: want a name or an address, with or without a port, but without a scheme.", h)
		}
	}
}

// checkParking leaves out what the module has of the gateway.
func (m *Module) checkParking(s scope, gateway Parking) {
	if m.Parking.PerCaller != gateway.PerCaller {
		m.Parking.check(s)
	}
	for _, b := range []struct {
		name     string
		own, all int
	}{
		{"parking.per_module", m.Parking.PerModule, gateway.PerModule},
		{"parking.per_caller", m.Parking.PerCaller, gateway.PerCaller},
	} {
		if b.own > b.all && !s.reported(b.name) {
			s.add(b.name, "Value above the gateway's bound", "%s is %d, and gateway.%[1]s %[3]d, which bounds it: lower the module's, or raise the gateway's.", b.name, b.own, b.all)
			s.rests("gateway." + b.name)
		}
	}
}

// checkDefaults leaves out what is wrong with the defaults already.
func (m *Module) checkDefaults(s scope, defaults Defaults) {
	if m.Defaults != defaults {
		s.differing(m.Defaults.check, defaults.check)
	}
}

// differing adds what own finds and inherited does not.
func (s scope) differing(own, inherited func(scope)) {
	var mine, theirs problems
	own(scope{s.path, &mine})
	inherited(scope{s.path, &theirs})
	for _, p := range mine {
		if !slices.ContainsFunc(theirs, func(q Problem) bool { return p.Detail == q.Detail }) {
			*s.ps = append(*s.ps, p)
		}
	}
}

func (p *Process) check(s scope) {
	if err := module.CheckName(p.Name); err != nil {
		s.add("", "Not a process name", "%q cannot name a process, since its log is a file of that name: %v.", p.Name, err)
	}
	s.bounds(p.Settings())
	if len(p.Command) == 0 || p.Command[0] == "" {
		s.add("command", "No command", "The process has nothing to run: want a list of the program and its arguments.")
	}
	if p.Backoff.Min > p.Backoff.Max {
		s.conflict("backoff.min backoff.max", "Bounds that contradict each other", "backoff.min (%s) is above backoff.max (%s).", text(p.Backoff.Min), text(p.Backoff.Max))
	}
	for _, k := range slices.Sorted(maps.Keys(p.Environment)) {
		switch v := p.Environment[k]; {
		case k == "" || strings.ContainsAny(k, "=\x00") || strings.Contains(v, "\x00"):
			s.add("environment", "Not an environment variable", "%q cannot be set: a name is not empty and has no \"=\", and neither name nor value has a zero byte.", k)
		case k == "PORT" && p.Port != 0:
			s.add("environment port", "PORT given twice", "The environment sets PORT to %q, and port to %d; drop one.", v, p.Port)
		}
	}
}

// checkPorts reports processes that want one port, or a listener's.
func (c *Config) checkPorts(ps *problems) {
	owner := map[int]string{}
	for _, l := range []struct{ name, address string }{
		{"gateway.listen", c.Gateway.Listen}, {"gateway.control.listen", c.Gateway.Control.Listen},
	} {
		if _, port, err := splitAddress(l.address); err == nil && port != 0 {
			owner[port] = l.name
		}
	}
	for _, p := range c.Processes {
		at := "process." + p.Name + ".port"
		if p.Port == 0 {
			continue
		}
		if o, taken := owner[p.Port]; taken {
			ps.add([]string{at}, "Port given twice", "Port %d is taken by %s.", p.Port, o)
			scope{at, ps}.rests(o)
			continue
		}
		owner[p.Port] = at
	}
}

// splitAddress reads host:port. The host may be empty: every interface.
func splitAddress(s string) (host string, port int, err error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "", 0, fmt.Errorf("it has no port; write it as host:port, such as \"127.0.0.1:9130\"")
	}
	n, err := strconv.ParseUint(s[i+1:], 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("its port is not a number from 0 to 65535")
	}
	host = s[:i]
	if inner, ok := strings.CutPrefix(host, "["); ok {
		host, ok = strings.CutSuffix(inner, "]")
		if !ok {
			return "", 0, fmt.Errorf("its bracket is not closed")
		}
	} else if strings.ContainsAny(host, ":/ ") {
		return "", 0, fmt.Errorf("its host is not a name or an address; an IPv6 address stands in brackets, such as \"[::1]:9130\"")
	}
	return host, int(n), nil
}

// loopback reports whether only this machine reaches host.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func isOrigin(s string) bool {
	scheme, host, ok := strings.Cut(s, "://")
	return ok && (scheme == "http" || scheme == "https") && host != "" && !strings.ContainsAny(host, "/@?#* ")
}
