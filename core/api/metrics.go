package api

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/modgate/modgate/core/message"
)

// metrics answers GET /metrics. What is counted is counted by its owner; it
// is read when asked for.
func (s *server) metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), (*collector)(s))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

type collector server

var (
	requestsMetric = prometheus.NewDesc("modgate_requests_total", "Requests by how they were answered.", []string{"outcome"}, nil)
	parkedTotal    = prometheus.NewDesc("modgate_parked_total", "Times that a request was parked.", nil, nil)
	refusedTotal   = prometheus.NewDesc("modgate_upstream_refused_total", "Connections that upstreams refused.", nil, nil)
	retriedTotal   = prometheus.NewDesc("modgate_upstream_retries_total", "Requests sent again on a fresh connection.", nil, nil)
	connections    = prometheus.NewDesc("modgate_client_connections", "Connections of clients that are open.", nil, nil)
	tunnels        = prometheus.NewDesc("modgate_upgraded_connections", "Upgraded connections that are open.", nil, nil)
	parkedRequests = prometheus.NewDesc("modgate_parked_requests", "Requests parked now.", []string{"module"}, nil)
	moduleState    = prometheus.NewDesc("modgate_module_state", "1 for the state that the module is in.", []string{"module", "state"}, nil)
	moduleEpoch    = prometheus.NewDesc("modgate_module_epoch", "The module's epoch.", []string{"module"}, nil)
	openAlerts     = prometheus.NewDesc("modgate_open_alerts", "Incidents that are open.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	st := c.Stats()
	for outcome, n := range map[string]uint64{
		"relayed": st.Relayed, "upgraded": st.Upgraded, "delay": st.Delayed, "missing": st.Missing, "unknown": st.Unknown,
		"overflow": st.Overflow, "substituted": st.Substituted, "preflight": st.Preflighted, "rejected": st.Rejected,
		"failed": st.Failed, "left": st.Left, "broken": st.Broken,
	} {
		count(requestsMetric, n, outcome)
	}
	count(parkedTotal, st.Parked)
	count(refusedTotal, st.Refused)
	count(retriedTotal, st.Retried)
	gauge(connections, float64(st.Connections))
	gauge(tunnels, float64(st.Tunnels))
	gauge(openAlerts, float64(len(c.Alerts.Open())))
	for _, o := range c.Control.Overviews() {
		n, _ := c.Parked(o.Module)
		gauge(parkedRequests, float64(n), o.Module)
		gauge(moduleEpoch, float64(o.Epoch), o.Module)
		for _, state := range []message.Availability{message.Ready, message.Delayed, message.Missing} {
			v := 0.0
			if o.State.State == state {
				v = 1
			}
			gauge(moduleState, v, o.Module, state.String())
		}
	}
}
