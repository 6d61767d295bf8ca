package api

import (
	"net/http"
	"runtime"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/control"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/proxy"
)

// metrics answers GET /metrics. What is counted is counted by its owner; it
// is read when asked for.
func (s *server) metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), (*collector)(s))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// collector reads what the gateway counts.
type collector server

var (
	built = desc("build_info", "1, by the version that runs.", "version", "goversion")

	requests  = desc("requests_total", "Requests by how they were answered.", "outcome")
	parkings  = desc("parkings_total", "Times that a request was parked.")
	refusals  = desc("upstream_refusals_total", "Connections that upstreams refused.")
	retries   = desc("upstream_retries_total", "Requests sent again, on a fresh connection or to another instance.")
	ejections = desc("upstream_ejections_total", "Times that an instance got no requests for a while, for giving no proper answers.")
	clients   = desc("client_connections", "Connections of clients that are open.")
	tunnels   = desc("upgraded_connections", "Upgraded connections that are open.")
	parked    = desc("parked_requests", "Requests parked now, by the module that they wait for.", "module")
	longest   = desc("parked_longest_seconds", "How long the oldest of the parked requests has waited.", "module")
	states    = desc("module_state", "1 for the state that the module is in, 0 for the others.", "module", "state")
	epochs    = desc("module_epoch", "The module's epoch, the fencing token of its data.", "module")
	runs      = desc("runs_in_flight", "Runs in flight, by module and version.", "module", "version")
	unmet     = desc("unmet_requirements", "Requirements that are delayed or missing, of all versions.", "module", "version")
	incidents = desc("open_incidents", "Incidents that are open.")
	calls     = desc("plugin_calls_total", "Calls into the present generation of an adapter.", "adapter")
	faults    = desc("plugin_faults_total", "Faults of an adapter.", "adapter")
	adapters  = desc("plugin_state", "1 for the state that the adapter is in, 0 for the others.", "adapter", "state")
	guests    = desc("plugin_instances", "Instances of an adapter.", "adapter")
	guestMem  = desc("plugin_memory_bytes", "Memory of an adapter's instances.", "adapter")
	lost      = desc("lost_alerts_total", "Alerts that there was no room for.")
)

// desc names a metric of ours.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("modgate_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	gauge(ch, built, 1, c.Version, runtime.Version())
	stats := c.Stats()
	for outcome, n := range outcomes(stats) {
		count(ch, requests, n, outcome)
	}
	count(ch, parkings, stats.Parked)
	count(ch, refusals, stats.Refused)
	count(ch, retries, stats.Retried)
	count(ch, ejections, stats.Ejected)
	gauge(ch, clients, float64(stats.Connections))
	gauge(ch, tunnels, float64(stats.Tunnels))
	gauge(ch, incidents, float64(len(c.Alerts.Open())))
	count(ch, lost, c.Alerts.Lost())
	c.plugins(ch)
	c.policies(ch)
	for _, o := range c.Control.Overviews() {
		c.module(ch, o)
	}
}

// plugins collects what is known of adapters. What modules have of one file
// with different settings is added up; the worst state counts.
func (c *collector) plugins(ch chan<- prometheus.Metric) {
	sums := map[string]adapter.View{}
	for _, v := range c.Plugins() {
		sum, ok := sums[v.Adapter]
		if !ok || slices.Index(adapter.States, v.State) > slices.Index(adapter.States, sum.State) {
			sum.State = v.State
		}
		sum.Calls, sum.Faults, sum.Instances, sum.Memory = sum.Calls+v.Calls, sum.Faults+v.Faults, sum.Instances+v.Instances, sum.Memory+v.Memory
		sums[v.Adapter] = sum
	}
	for name, v := range sums {
		count(ch, calls, v.Calls, name)
		count(ch, faults, v.Faults, name)
		gauge(ch, guests, float64(v.Instances), name)
		gauge(ch, guestMem, float64(v.Memory), name)
		for _, state := range adapter.States {
			gauge(ch, adapters, one(v.State == state), name, string(state))
		}
	}
}

// module collects what is known of one module.
func (c *collector) module(ch chan<- prometheus.Metric, o control.Overview) {
	n, wait := c.Parked(o.Module)
	gauge(ch, parked, float64(n), o.Module)
	gauge(ch, longest, wait.Seconds(), o.Module)
	gauge(ch, epochs, float64(o.Epoch), o.Module)
	for _, state := range []message.Availability{message.Ready, message.Delayed, message.Missing} {
		gauge(ch, states, one(o.State.State == state), o.Module, state.String())
	}
	for _, v := range o.Versions {
		var inFlight int64
		for _, i := range v.Instances {
			inFlight += i.Runs
		}
		var lacking float64
		for _, r := range v.Requirements {
			lacking += one(r.State != message.Met)
		}
		gauge(ch, runs, float64(inFlight), o.Module, v.Version.String())
		gauge(ch, unmet, lacking, o.Module, v.Version.String())
	}
}

// outcomes names the ways in which requests end.
func outcomes(s proxy.Stats) map[string]uint64 {
	return map[string]uint64{
		"relayed": s.Relayed, "upgraded": s.Upgraded, "delay": s.Delayed, "missing": s.Missing, "unknown": s.Unknown,
		"overflow": s.Overflow, "substituted": s.Substituted, "preflight": s.Preflighted, "rejected": s.Rejected,
		"adapted": s.Adapted, "failed": s.Failed, "left": s.Left, "broken": s.Broken,
	}
}

func count(ch chan<- prometheus.Metric, d *prometheus.Desc, n uint64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
