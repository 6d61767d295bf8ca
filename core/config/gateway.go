package config

import (
	"slices"
	"time"
)

// Gateway is what operators decide about the gateway itself. Default and
// bounds of each field stand in Settings.
type Gateway struct {
	Listen       string  // data listener, host:port (rule 3.2)
	TLS          TLS     // of the data listener
	Control      Control // control listener (I2)
	DataDir      string  // state, tokens, logs of processes; made when it is missing
	Policies     string  // folder of Rego units; empty: the embedded policy only
	TenantHeader string  // whose value policies see as the tenant; empty: they see none
	Plugins      string  // folder of adapters; empty: there are none

	// TrustedProxies are addresses, and networks as address/bits, of proxies
	// whose Forwarded and X-Forwarded-* fields count. See TrustedNetworks.
	TrustedProxies []string

	JoinSecret Secret // general (I1); empty: the gateway makes one and keeps it in DataDir

	Limits    Limits
	Parking   Parking
	Timeouts  Timeouts
	Upstreams Upstreams
	Settle    time.Duration // G6: nothing expires so soon after a start
	CORS      CORS
	Alerts    Alerts
}

// Control is the control listener. It wants TLS as soon as others than this
// machine can reach it (I2).
type Control struct {
	Listen      string // host:port
	Certificate string // PEM file; empty: no TLS
	Key         string // PEM file
}

// Limits bound what one client may make the gateway hold.
type Limits struct {
	Head        Bytes // request line and headers; more is 431
	Body        Bytes // request body; more is 413
	Connections int   // of clients, at once
	Streams     int   // of one HTTP/2 connection, at once
}

// Parking bounds the requests that wait (A6). Overflow is answered at once.
type Parking struct {
	ModuleParking       // of a module that says nothing of its own, and the most that one may say
	Bytes         Bytes // held by all that are parked
}

// ModuleParking bounds the requests that wait for one module.
type ModuleParking struct {
	PerModule int // requests parked at it
	PerCaller int // of these, of one caller
}

const maxParked = 1_000_000

// Settings lists what the language sets of p, by name below a module's block.
func (p *ModuleParking) Settings() []Setting {
	return []Setting{
		{Name: "parking.per_module", Value: &p.PerModule, Max: maxParked, Doc: "requests parked at it, at most what the gateway says; 0 parks none; unset: the gateway's (A6)"},
		{Name: "parking.per_caller", Value: &p.PerCaller, Max: maxParked, Doc: "of these, requests of one caller; unset: the gateway's"},
	}
}

func (p *ModuleParking) check(s scope) {
	if p.PerCaller > p.PerModule {
		s.conflict("parking.per_caller parking.per_module", "Bounds that contradict each other",
			"parking.per_caller (%d) is above parking.per_module (%d).", p.PerCaller, p.PerModule)
	}
}

// Timeouts bound what a peer may make the gateway wait for.
type Timeouts struct {
	Connect   time.Duration // an upstream to accept
	FirstByte time.Duration // an upstream to begin its answer; then 504
	Idle      time.Duration // a kept connection to be used again, and a body to go on
	Stream    time.Duration // an upgraded connection, event stream or gRPC call to go on
	Request   time.Duration // a request to be answered whole; zero: no end
	ReadHead  time.Duration // a client to send its whole head; then 408
	Shutdown  time.Duration // requests in flight to end when the gateway stops
}

// CORS says which browsers' origins may read gateway-made answers with
// credentials (3.2).
type CORS struct {
	Origins []string // scheme://host[:port]
}

// Alerts says when the administrator is told. The log is told always.
type Alerts struct {
	Unresolved time.Duration // how long a requirement may be unmet before (D5)
}

// DefaultGateway returns the defaults.
func DefaultGateway() Gateway {
	return Gateway{
		Listen:  "127.0.0.1:9130",
		Control: Control{Listen: "127.0.0.1:9131"},
		DataDir: "data",
		Limits:  Limits{Head: 16 * KiB, Body: GiB, Connections: 10_000, Streams: 250},
		Parking: Parking{ModuleParking: ModuleParking{PerModule: 10_000, PerCaller: 1_000}, Bytes: 64 * MiB},
		Timeouts: Timeouts{
			Connect: 2 * time.Second, FirstByte: time.Minute, Idle: 75 * time.Second, Stream: time.Hour, Request: time.Hour,
			ReadHead: 10 * time.Second, Shutdown: 30 * time.Second,
		},
		Upstreams: defaultUpstreams(),
		Settle:    10 * time.Second,
		Alerts:    Alerts{Unresolved: 30 * time.Second},
	}
}

// Settings lists what the language sets of g, by name below "gateway".
func (g *Gateway) Settings() []Setting {
	settings := []Setting{
		{Name: "listen", Value: &g.Listen, Effect: AtStart, Form: Address, Doc: "where clients and modules send requests"},
		{Name: "control.listen", Value: &g.Control.Listen, Effect: AtStart, Form: Address, Doc: "where modules register and administrators look; off loopback it wants a certificate and a key"},
		{Name: "control.certificate", Value: &g.Control.Certificate, Form: Path, Doc: "PEM file of the control listener's certificate, and those that vouch for it"},
		{Name: "control.key", Value: &g.Control.Key, Form: Path, Doc: "PEM file of its private key"},
		{Name: "data_dir", Value: &g.DataDir, Effect: AtStart, Form: Path, Doc: "folder of the state, the tokens and the processes' logs; made when it is missing"},
		{Name: "policies", Value: &g.Policies, Form: Path, Doc: "folder of policies in Rego; without it the embedded policy decides alone"},
		{Name: "plugins", Value: &g.Plugins, Form: Path, Doc: "folder of adapters, WebAssembly files that are put in force as they are dropped, replaced and removed; unset: there are none"},
		{Name: "trusted_proxies", Value: &g.TrustedProxies, Doc: "addresses and networks of proxies before the gateway, such as \"10.0.0.0/8\": from them, and no one else, `Forwarded` and `X-Forwarded-*` are believed and continued, and the client is the last address there that is not of these"},
		{Name: "tenant_header", Value: &g.TenantHeader, Max: 64, Doc: "name of the header whose value policies see as `input.request.tenant`, such as \"X-Okapi-Tenant\""},
		{Name: "join_secret", Value: &g.JoinSecret, Min: minSecret, Max: maxSecret, Doc: "lets modules register that have none of their own; unset: the gateway makes one, `join-secret` in the data directory (I1)"},
		{Name: "limits.head", Value: &g.Limits.Head, Min: int64(4 * KiB), Max: int64(MiB), Doc: "size of a request's line and headers, of which there may be 500; more is answered 431, or 414 if the line alone is; and of an answer's, more of which is 502"},
		{Name: "limits.body", Value: &g.Limits.Body, Min: int64(KiB), Max: int64(TiB), Doc: "size of a request's body; more is answered 413"},
		{Name: "limits.connections", Value: &g.Limits.Connections, Min: 1, Max: 1_000_000, Doc: "clients' connections at once"},
		{Name: "limits.streams", Value: &g.Limits.Streams, Min: 1, Max: 10_000, Doc: "requests at once on one HTTP/2 connection"},
		{Name: "parking.per_module", Value: &g.Parking.PerModule, Max: maxParked, Doc: "requests parked at one module; 0 parks none"},
		{Name: "parking.per_caller", Value: &g.Parking.PerCaller, Max: maxParked, Doc: "parked requests of one caller, whatever they wait for"},
		{Name: "parking.bytes", Value: &g.Parking.Bytes, Max: int64(64 * GiB), Doc: "held by all parked requests together"},
		{Name: "timeouts.connect", Value: &g.Timeouts.Connect, Min: ms, Max: minute, Doc: "for an upstream to accept a connection"},
		{Name: "timeouts.first_byte", Value: &g.Timeouts.FirstByte, Min: ms, Max: day, Doc: "for an upstream to begin its answer; then 504"},
		{Name: "timeouts.idle", Value: &g.Timeouts.Idle, Min: second, Max: hour, Doc: "for a kept connection to be used again, and for the next octet of a body, either way: to come, or to be taken"},
		{Name: "timeouts.stream", Value: &g.Timeouts.Stream, Min: second, Max: 7 * day, Doc: "for the next octet of an upgraded connection, an event stream or a gRPC call"},
		{Name: "timeouts.request", Value: &g.Timeouts.Request, Max: 7 * day, Doc: "for a request to be answered whole, event streams and upgraded connections apart; 0s: no end"},
		{Name: "timeouts.read_head", Value: &g.Timeouts.ReadHead, Min: 100 * ms, Max: 10 * minute, Doc: "for a client to send its whole head; then 408"},
		{Name: "timeouts.shutdown", Value: &g.Timeouts.Shutdown, Max: hour, Doc: "for requests in flight to end when the gateway stops"},
		{Name: "settle", Value: &g.Settle, Effect: AtStart, Max: 10 * minute, Doc: "after a start, the time in which no lease and no absence expires (G6)"},
		{Name: "cors.origins", Value: &g.CORS.Origins, Doc: "browsers' origins, such as \"https://library.example\", that may read the gateway's own answers with credentials"},
		{Name: "alerts.unresolved", Value: &g.Alerts.Unresolved, Max: day, Doc: "how long a requirement may be unmet before the administrator is told (D5)"},
	}
	return slices.Concat(settings[:1], g.TLS.settings(), settings[1:], g.Upstreams.settings())
}
