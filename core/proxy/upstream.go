package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// upstreams are the connections to all instances. Finding an instance's takes
// no lock; taking one of its idle connections takes that upstream's own, the
// only lock on the way of a request to a ready module.
type upstreams struct {
	p    *Proxy
	all  sync.Map // *route.Instance -> *upstream
	shut atomic.Bool
	anew chan struct{} // holds one: the terms are others
	stop chan struct{}
	done chan struct{} // closed when sweep returns
}

// open starts the sweep, which ends with close.
func (u *upstreams) open(p *Proxy) {
	u.p, u.anew, u.stop, u.done = p, make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	go u.sweep()
}

// of returns the upstream of i.
func (u *upstreams) of(i *route.Instance) (*upstream, error) {
	if v, ok := u.all.Load(i); ok {
		return v.(*upstream), nil
	}
	up, err := newUpstream(u.p, i.Upstream, i.Protocol)
	if err != nil {
		return nil, err
	}
	v, _ := u.all.LoadOrStore(i, up)
	if u.shut.Load() {
		v.(*upstream).close() // close may have missed it
	}
	return v.(*upstream), nil
}

// sweep closes idle connections, and forgets upstreams that were not used
// between two sweeps: an instance that is gone leaves nothing behind.
func (u *upstreams) sweep() {
	defer close(u.done)
	idle := u.p.terms.Load().Idle
	tick := time.NewTicker(idle / 2)
	defer tick.Stop()
	for {
		select {
		case <-u.stop:
			return
		case <-u.anew:
			if now := u.p.terms.Load().Idle; now != idle {
				idle = now
				tick.Reset(idle / 2)
			}
		case now := <-tick.C:
			u.all.Range(func(i, v any) bool {
				if v.(*upstream).sweep(now.Add(-idle)) {
					u.forget(i.(*route.Instance), v.(*upstream))
				}
				return true
			})
		}
	}
}

// renew lets requests that wait for a connection have one, where there may be
// more now.
func (u *upstreams) renew(old, t *terms) {
	select {
	case u.anew <- struct{}{}:
	default:
	}
	if t.Upstream > old.Upstream {
		u.all.Range(func(_, v any) bool {
			v.(*upstream).widen(t.Upstream)
			return true
		})
	}
}

// close closes every connection, in use or not, and joins the sweep.
func (u *upstreams) close() {
	u.shut.Store(true)
	close(u.stop)
	<-u.done
	u.all.Range(func(_, v any) bool {
		v.(*upstream).close()
		return true
	})
}

// upstream is one instance's address and the connections to it.
type upstream struct {
	p       *Proxy
	address string      // host:port
	host    string      // as Host where the client sent none
	name    string      // that an https upstream's certificate is for; empty: clear text
	used    atomic.Bool // since the last sweep

	protocol message.Protocol

	retries budget
	chains  *chains

	mu      sync.Mutex
	idle    []*conn // guarded by mu, as below; the last used last
	open    map[*conn]struct{}
	slots   int           // that open connections and dials take, of Limits.Upstream
	waiting []chan *conn  // for a connection, or for nil: a slot; first come, first served
	links   []*link       // of an upstream that speaks HTTP/2
	room    queue         // for room on them; has a lock of its own
	linking chan struct{} // closed when the link is made, or not, that is made now; nil: none is
	closed  bool
}

func newUpstream(p *Proxy, origin string, protocol message.Protocol) (*upstream, error) {
	u, err := url.Parse(origin)
	if err != nil {
		return nil, fmt.Errorf("upstream %q: %w", origin, err)
	}
	up := &upstream{p: p, host: u.Host, protocol: protocol, chains: newChains(), open: make(map[*conn]struct{})}
	port := u.Port()
	switch {
	case u.Scheme == "http" && port == "":
		port = "80"
	case u.Scheme == "https":
		up.name = u.Hostname()
		if port == "" {
			port = "443"
		}
	}
	up.address = net.JoinHostPort(u.Hostname(), port)
	return up, nil
}

// widen gives slots to those who wait, while there are fewer than limit.
func (u *upstream) widen(limit int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for u.slots < limit && len(u.waiting) > 0 {
		u.slots++
		u.next() <- nil
	}
}

// dial makes a connection in a slot that the caller has taken, and keeps on
// errors.
func (u *upstream) dial(t *terms, until time.Time) (*conn, error) {
	ctx, cancel := context.WithDeadline(context.Background(), earlier(until, time.Now().Add(t.Connect)))
	defer cancel()
	nc, err := u.p.Dial(ctx, "tcp", u.address)
	if err != nil {
		return nil, err
	}
	c := &conn{up: u, terms: t}
	if u.name == "" {
		c.turn, c.turns = newTurn(nc)
	} else {
		c.health = newHealth(nc)
		if nc, err = u.secure(ctx, nc); err != nil {
			return nil, err
		}
	}
	c.Conn = nc
	c.lender = &u.p.heads // a record of TLS is no longer than a head
	if c.turns {
		c.lender = &u.p.buffers
	}
	c.serve(t)

	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		_ = nc.Close()
		return nil, errForgotten
	}
	u.open[c] = struct{}{}
	return c, nil
}

// secure agrees with the upstream on TLS over nc, which is closed otherwise.
func (u *upstream) secure(ctx context.Context, nc net.Conn) (net.Conn, error) {
	config := u.p.TLS().Clone()
	if config.ServerName == "" {
		config.ServerName = u.name
	}
	secure := tls.Client(nc, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = nc.Close()
		return nil, fmt.Errorf("%w: %w", errHandshake, err)
	}
	return secure, nil
}

// errForgotten is returned by take when the upstream was closed since of
// returned it.
var errForgotten = errors.New("the upstream is closed")

// forget makes of return another one for i than up, which is closed.
func (u *upstreams) forget(i *route.Instance, up *upstream) { u.all.CompareAndDelete(i, up) }

// errHandshake is returned by take when an upstream accepted a connection and
// did not agree to TLS.
var errHandshake = errors.New("TLS handshake")

// sweep closes connections that are idle since before, and reports whether
// the upstream may be forgotten. It is closed then.
func (u *upstream) sweep(before time.Time) (forget bool) {
	u.mu.Lock()
	u.sweepLinks(before)
	old := 0
	for old < len(u.idle) && u.idle[old].since.Before(before) {
		old++
	}
	stale := append([]*conn(nil), u.idle[:old]...)
	u.idle = append(u.idle[:0], u.idle[old:]...)
	forget = !u.used.Swap(false) && u.slots == len(stale)
	u.closed = forget
	u.mu.Unlock()
	for _, c := range stale {
		c.discard()
	}
	return forget
}

// close closes all connections, those in use too.
func (u *upstream) close() {
	u.mu.Lock()
	u.closed = true
	for _, w := range u.waiting {
		w <- nil // who waited finds it closed
		u.slots++
	}
	u.waiting = nil
	links := u.links
	open := make([]*conn, 0, len(u.open))
	for c := range u.open {
		open = append(open, c)
	}
	u.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
	for _, l := range links {
		_ = l.Close()
	}
}

// unreachable reports whether a failed dial means that nobody accepts there
// (L6), and not that this process is out of something.
func unreachable(err error) bool {
	var noName *net.DNSError
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH) ||
		timedOut(err) || errors.As(err, &noName)
}
