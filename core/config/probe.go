package config

import (
	"strings"
	"time"
)

// Probe is how the gateway asks an instance whether it can serve (L2). Bounds
// of each field stand in Settings.
type Probe struct {
	Type     ProbeType
	Path     string        // of HTTP: GET, where 200 to 399 is a success
	Interval time.Duration // from one probe to the next
	Timeout  time.Duration // for the answer
	Jitter   int           // percent of the interval by which it varies
	Rise     int           // successes in a row after which the instance is up
	Fall     int           // failures in a row after which it is not

	// UpdateFailures is after how many probes in a row that nobody answered a
	// mute instance is lost that holds an UPDATE (U6); 0: never.
	UpdateFailures int
}

// DefaultProbe returns the probe of which nothing is declared: none.
func DefaultProbe() Probe {
	return Probe{Path: "/", Interval: 5 * time.Second, Timeout: 2 * time.Second, Jitter: 10, Rise: 1, Fall: 3, UpdateFailures: 12}
}

// Settings lists what the language sets of p, by name below the block around
// it.
func (p *Probe) Settings() []Setting {
	return []Setting{
		{Name: "probe.type", Value: &p.Type, Words: probeTypes[:], Doc: "how instances are asked whether they can serve: not at all, by GET, or by a connection; a failed probe is an involuntary DISCONNECT (L2)"},
		{Name: "probe.path", Value: &p.Path, Doc: "what is asked for by HTTP; a status from 200 to 399 is a success"},
		{Name: "probe.interval", Value: &p.Interval, Min: 100 * ms, Max: hour, Doc: "from one probe to the next; while an instance is not up it is asked sooner, from 250ms on"},
		{Name: "probe.timeout", Value: &p.Timeout, Min: 10 * ms, Max: minute, Doc: "for the answer"},
		{Name: "probe.jitter", Value: &p.Jitter, Max: 50, Doc: "percent by which the interval varies at random, so that not all are asked at once"},
		{Name: "probe.rise", Value: &p.Rise, Min: 1, Max: 100, Doc: "successes in a row after which an instance is up"},
		{Name: "probe.fall", Value: &p.Fall, Min: 1, Max: 100, Doc: "failures in a row after which it is not"},
		{Name: "update_probe_failures", Value: &p.UpdateFailures, Max: 10_000, Doc: "probes in a row that nobody answered after which an instance that holds an UPDATE which the gateway asked for is lost; an answer that it is not ready does not count, it may be restructuring its data; 0: never (U6)"},
	}
}

func (p *Probe) check(s scope) {
	s.bounds(p.Settings())
	if p.Timeout > p.Interval {
		s.conflict("probe.timeout probe.interval", "Bounds that contradict each other", "probe.timeout (%s) is above probe.interval (%s).", text(p.Timeout), text(p.Interval))
	}
	if p.Type == HTTPProbe && !isTarget(p.Path) {
		s.add("probe.path", "Not a path", "%q cannot be asked for: want a path in visible ASCII, such as \"/admin/health\".", p.Path)
	}
	if is := *p; is.Type == NoProbe {
		is.UpdateFailures = DefaultProbe().UpdateFailures
		if is != DefaultProbe() {
			s.warn("probe.type probe", "Probe that never asks", "probe.type is %q, so that the rest of the block has no effect; set it to %q or %q.", NoProbe, HTTPProbe, TCPProbe)
		}
	}
}

// isTarget reports whether s can stand in a request line as it is.
func isTarget(s string) bool {
	return strings.HasPrefix(s, "/") && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '#' })
}

// ProbeType is how an instance is asked. The zero value is NoProbe.
type ProbeType uint8

// The types of probe.
const (
	NoProbe ProbeType = iota
	HTTPProbe
	TCPProbe
)

var probeTypes = [...]string{"none", "http", "tcp"}

func (t ProbeType) String() string { return probeTypes[t] }

// MarshalText writes the language's word.
func (t ProbeType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (t *ProbeType) UnmarshalText(b []byte) error { return parseWord(t, probeTypes[:], b) }
