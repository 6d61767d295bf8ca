package proxy

import "sync/atomic"

// outcome is how a request ended, for the metrics.
type outcome uint8

const (
	relayedAnswer outcome = iota // the upstream's answer
	upgraded                     // another protocol, tunnelled
	delayed
	missing
	unknown
	overflow
	substituted // a static answer of the policy
	preflighted
	adaptedAnswer // by the module's adapter
	rejected      // by its head, its size, or for want of a token
	failed        // 502 or 504
	left          // the client left
	broken        // a fault of ours
	outcomes
)

// counters are the proxy's, each an atomic of its own.
type counters struct {
	requests [outcomes]atomic.Uint64
	parked   atomic.Uint64
	refused  atomic.Uint64
	retried  atomic.Uint64
	ejected  atomic.Uint64
	tunnels  atomic.Int64
}

func (c *counters) count(o outcome) { c.requests[o].Add(1) }

// Stats are the proxy's counts since it was made, for the metrics.
type Stats struct {
	Relayed     uint64 // answered by an upstream
	Upgraded    uint64 // switched to another protocol
	Delayed     uint64 // answered DELAY
	Missing     uint64 // answered MISSING
	Unknown     uint64 // 404
	Overflow    uint64 // no room to park
	Substituted uint64 // answered by the policy's static answer
	Preflighted uint64 // preflights answered for modules that were not ready
	Adapted     uint64 // answered by the module's adapter
	Rejected    uint64 // 400, 401, 408, 413, 417, 431
	Failed      uint64 // 502 and 504
	Left        uint64 // the client left while parked
	Broken      uint64 // 500: panics

	Parked      uint64 // times that a request was parked
	Refused     uint64 // connections that upstreams refused (L6)
	Retried     uint64 // requests sent again on a fresh connection, or to another instance
	Ejected     uint64 // times that an instance got no requests for a while, for giving no proper answers
	Tunnels     int64  // upgraded connections open now
	Connections int64  // of clients open now
}

// Stats returns a snapshot; its fields are read one after another.
func (p *Proxy) Stats() Stats {
	c := &p.stats
	n := func(o outcome) uint64 { return c.requests[o].Load() }
	return Stats{
		Relayed: n(relayedAnswer), Upgraded: n(upgraded), Delayed: n(delayed), Missing: n(missing),
		Unknown: n(unknown), Overflow: n(overflow), Substituted: n(substituted), Preflighted: n(preflighted), Adapted: n(adaptedAnswer),
		Rejected: n(rejected), Failed: n(failed), Left: n(left), Broken: n(broken),
		Parked: c.parked.Load(), Refused: c.refused.Load(), Retried: c.retried.Load(), Ejected: c.ejected.Load(),
		Tunnels: c.tunnels.Load(), Connections: p.clients.open.Load(),
	}
}
