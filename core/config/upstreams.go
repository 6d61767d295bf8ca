package config

import "time"

// Upstreams is how the gateway meets instances.
type Upstreams struct {
	Authorities string // PEM file that replaces the system's roots, of https upstreams
	Certificate string // PEM file that is shown to those that ask; empty: none
	Key         string // PEM file; empty: in the certificate's file

	Connections int           // to one instance, at once
	SlowStart   time.Duration // for an instance to get its whole share
	Failures    int           // in a row, after which it gets none; 0: never
	Ejection    time.Duration // for which it gets none at first
	Retries     int           // of one request
	RetryBudget int           // retries for a hundred requests to an instance
}

// defaultUpstreams returns the defaults.
func defaultUpstreams() Upstreams {
	return Upstreams{
		Connections: 1000, SlowStart: 10 * time.Second, Failures: 5, Ejection: 5 * time.Second, Retries: 1, RetryBudget: 20,
	}
}

// settings lists what the language sets of u, by name below "gateway".
func (u *Upstreams) settings() []Setting {
	return []Setting{
		{Name: "upstream.authorities", Value: &u.Authorities, Form: Path, Doc: "PEM file of the authorities that sign the certificates of https upstreams; unset: the system's"},
		{Name: "upstream.certificate", Value: &u.Certificate, Form: Path, Doc: "PEM file of the certificate that is shown to https upstreams that ask for one"},
		{Name: "upstream.key", Value: &u.Key, Form: Path, Doc: "PEM file of its private key; unset: it stands in the certificate's file"},
		{Name: "upstream.connections", Value: &u.Connections, Min: 1, Max: 100_000, Doc: "connections to one instance at once; more requests wait for one, for timeouts.first_byte at most, then 503"},
		{Name: "upstream.slow_start", Value: &u.SlowStart, Max: 10 * minute, Doc: "how long an instance that begins to serve, or was out, takes to its whole share of the requests; it begins with a tenth"},
		{Name: "upstream.failures", Value: &u.Failures, Max: 1000, Doc: "requests in a row without a proper answer after which an instance gets none for a while, if another can take them; 0: never"},
		{Name: "upstream.ejection", Value: &u.Ejection, Min: 100 * ms, Max: 5 * minute, Doc: "how long it gets none at first; twice as long each time, up to 5m"},
		{Name: "upstream.retries", Value: &u.Retries, Max: 5, Doc: "how often a request that had no answer is sent again, where that is safe"},
		{Name: "upstream.retry_budget", Value: &u.RetryBudget, Max: 100, Doc: "such retries for a hundred requests to an instance"},
	}
}

func (u *Upstreams) check(s scope) {
	if u.Key != "" && u.Certificate == "" {
		s.add("key certificate", "Half a key pair", "A key is of no use without its upstream.certificate.")
	}
}
