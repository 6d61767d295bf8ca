package proxy

import (
	"crypto/tls"
	"net/netip"
	"time"
)

// Settings are what of a Proxy may change while it serves.
type Settings struct {
	Limits Limits

	// Origins may read the gateway's own answers with credentials (3.2).
	Origins []string

	// Trusted are the networks of proxies whose word on who asks counts.
	Trusted []netip.Prefix

	// Tenant names the header that tells policies the tenant; empty: none does.
	Tenant string

	ServerTLS *tls.Config // of the listeners, but egresses; nil: clear text
}

// Limits bound what clients and upstreams may make the gateway hold or wait
// for. A zero field is its default.
type Limits struct {
	Head        int   // bytes of a request's line and headers, and of an answer's, 16 KiB; more is 431, or 502
	Body        int64 // bytes of a request's body, 1 GiB; more is 413
	Connections int   // of clients at once, 10,000
	Streams     int   // of one HTTP/2 connection at once, 250
	Upstream    int   // connections to one instance at once, 1,000; more requests wait for one

	Connect   time.Duration // an upstream to accept, 2 s
	FirstByte time.Duration // an upstream to begin its answer, 1 min; then 504
	Idle      time.Duration // a kept connection to be used again, and a body to go on, 75 s
	Stream    time.Duration // an upgraded connection or event stream to go on, 1 h
	ReadHead  time.Duration // a client to send its head, 10 s; then 408
	Wait      time.Duration // a request to be parked where no deadline is known, 30 s
	Request   time.Duration // a request to be answered whole, event streams apart, 1 h; negative: no end

	SlowStart   time.Duration // for an instance to get its whole share, 10 s; negative: at once
	Failures    int           // in a row after which an instance is out, 5; negative: never
	Ejection    time.Duration // for which it is out at first, 5 s
	Retries     int           // of one request that had no answer, where that is safe, 1; negative: none
	RetryBudget int           // retries for a hundred requests to an instance, 20
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.Head, 16<<10)
	setDefault(&l.Body, 1<<30)
	setDefault(&l.Connections, 10_000)
	setDefault(&l.Connect, 2*time.Second)
	setDefault(&l.FirstByte, time.Minute)
	setDefault(&l.Idle, 75*time.Second)
	setDefault(&l.Stream, time.Hour)
	setDefault(&l.ReadHead, 10*time.Second)
	setDefault(&l.Wait, 30*time.Second)
	setDefault(&l.Streams, 250)
	setDefault(&l.Upstream, 1000)
	setDefault(&l.Request, time.Hour)
	setDefault(&l.SlowStart, 10*time.Second)
	setDefault(&l.Failures, 5)
	setDefault(&l.Ejection, 5*time.Second)
	setDefault(&l.Retries, 1)
	setDefault(&l.RetryBudget, 20)
	return l
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// terms are Settings as requests are served on them. They never change: a
// request has those that were in force when its head came, from the first look
// at it to the end of its answer.
type terms struct {
	Limits
	origins map[string]bool
	trusted []netip.Prefix
	tenant  string
	tls     *tls.Config
}

func (s Settings) terms() *terms {
	t := &terms{Limits: s.Limits.withDefaults(), origins: make(map[string]bool), trusted: s.Trusted, tenant: s.Tenant, tls: s.ServerTLS}
	for _, o := range s.Origins {
		t.origins[o] = true
	}
	return t
}

// Configure puts s in force, for requests and connections that come from now
// on. What is under way ends as it began; nothing is cut.
func (p *Proxy) Configure(s Settings) {
	t := s.terms()
	old := p.terms.Swap(t)
	p.h2.renew(p, t)
	p.upstreams.renew(old, t)
}

// renew gives the client's next request the terms of this moment. What was
// read ahead of it keeps room for a whole head.
func (c *client) renew() {
	c.terms = c.p.terms.Load()
	if c.ahead != nil && cap(*c.ahead) < c.terms.Head {
		*c.ahead = append(make([]byte, 0, c.terms.Head), *c.ahead...)
	}
}
