package gateway

import (
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/park"
	"github.com/modgate/modgate/core/proxy"
)

// parking are the bounds of the waiting room.
func parking(c *config.Config) park.Limits {
	all := c.Gateway.Parking
	l := park.Limits{
		PerModule: none(all.PerModule), PerCaller: none(all.PerCaller), Bytes: none(int64(all.Bytes)), Modules: map[string]park.Bounds{},
	}
	for i := range c.Modules {
		if m := &c.Modules[i]; m.Parking != all.ModuleParking {
			l.Modules[m.Name] = park.Bounds(m.Parking)
		}
	}
	return l
}

// none turns the configuration's 0, which is none at all, into the parts' word
// for that: their 0 is the default.
func none[T ~int | ~int64](limit T) T {
	if limit == 0 {
		return -1
	}
	return limit
}

// settings are the data plane's.
func settings(c *config.Config, k *keys) proxy.Settings {
	return proxy.Settings{
		Limits: limits(c), Origins: c.Gateway.CORS.Origins, Trusted: c.Gateway.TrustedNetworks(), Tenant: c.Gateway.TenantHeader, ServerTLS: k.dataTLS,
	}
}

// limits are the data plane's.
func limits(c *config.Config) proxy.Limits {
	g := c.Gateway
	return proxy.Limits{
		Head: int(g.Limits.Head), Body: int64(g.Limits.Body), Connections: g.Limits.Connections, Streams: g.Limits.Streams, Upstream: g.Upstreams.Connections,
		Connect: g.Timeouts.Connect, FirstByte: g.Timeouts.FirstByte, Idle: g.Timeouts.Idle, Stream: g.Timeouts.Stream, ReadHead: g.Timeouts.ReadHead,
		Request: none(g.Timeouts.Request), Wait: c.Defaults.TTL,
		SlowStart: none(g.Upstreams.SlowStart), Failures: none(g.Upstreams.Failures), Ejection: g.Upstreams.Ejection,
		Retries: none(g.Upstreams.Retries), RetryBudget: g.Upstreams.RetryBudget,
	}
}
