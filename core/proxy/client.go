package proxy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/modgate/modgate/core/route"
)

// clients are the connections that clients have open.
type clients struct {
	open atomic.Int64
	gone sync.WaitGroup

	mu  sync.Mutex
	all map[*client]struct{} // guarded by mu
}

// listener accepts at most Limits.Connections at once; more are answered 503
// and closed, so that a client knows. Under TLS they are closed only: a
// handshake would cost more than a request.
type listener struct {
	net.Listener
	clients *clients
	p       *Proxy
	bearer  func() *route.Caller // whose egress it is; nil: the data listener
}

const crowded = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\n" +
	"Proxy-Status: modgate; error=connection_limit_reached\r\nConnection: close\r\nContent-Length: 87\r\n\r\n" +
	`{"type":"urn:modgate:unavailable","title":"Too many connections are open","status":503}`

// Accept returns the next connection within the limit.
func (l *listener) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		t := l.p.terms.Load()
		secure := t.tls != nil && l.bearer == nil
		if l.clients.open.Load() < int64(t.Connections) {
			if secure {
				nc = tls.Server(nc, t.tls)
			}
			c := l.clients.add(nc, l.p, t)
			c.bearer = l.bearer
			return c, nil
		}
		if !secure {
			_ = nc.SetWriteDeadline(time.Now().Add(time.Second)) // a fresh socket takes it at once
			_, _ = io.WriteString(nc, crowded)
		}
		_ = nc.Close()
	}
}

// Close closes the listener, of which its owner may have been first: with an
// error the server would let go of no other.
func (l *listener) Close() error {
	if err := l.Listener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

func (s *clients) add(nc net.Conn, p *Proxy, t *terms) *client {
	c := &client{Conn: nc, p: p, clients: s, terms: t, since: time.Now()}
	c.await(nc)
	s.open.Add(1)
	s.gone.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = make(map[*client]struct{})
	}
	s.all[c] = struct{}{}
	return c
}

// cut closes every connection, whatever goes on there.
func (s *clients) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.all {
		_ = c.Conn.Close()
	}
}

// client is a client's connection, under the server's.
type client struct {
	net.Conn
	session
	intake
	knock   knock
	p       *Proxy
	terms   *terms // of the last request
	clients *clients
	stream  *stream   // the client is this stream of another's connection; nil: it is a connection
	x       *exchange // under way; nil between requests
	since   time.Time // accepted, or the last answer was ready
	served  bool      // had a request

	relayed bool  // see answered
	failure error // of that answer

	bearer func() *route.Caller // who calls on an egress, nil elsewhere
	token  []byte               // the last one that came
	hashed route.TokenHash

	deadline deadline     // of reads
	until    atomic.Int64 // write deadline, in Unix nanoseconds
	closed   atomic.Bool

	// linger is set when a request was answered before it was read to its
	// end: closing would then reset the connection, and the answer be lost.
	linger bool

	lent    bool        // an upload reads the request's body
	due     time.Time   // end of the time for it; zero: none
	stopped atomic.Bool // it is to end
}

// clientOf returns the client under c.
func clientOf(c net.Conn) *client {
	for {
		if found, ok := c.(*client); ok {
			return found
		}
		inner, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return &client{Conn: c}
		}
		c = inner.NetConn()
	}
}

// NetConn returns the connection under c.
func (c *client) NetConn() net.Conn { return c.Conn }

// hash returns the hash of a token. A client is one module's: it repeats
// itself.
func (c *client) hash(token []byte) route.TokenHash {
	if !bytes.Equal(token, c.token) || c.token == nil {
		c.token, c.hashed = append(c.token[:0], token...), sha256.Sum256(token)
	}
	return c.hashed
}

// answered says that the answer has been written, or that it broke off: what
// the server writes for it is dropped, and if it broke off the connection ends.
func (c *client) answered(err error) { c.relayed, c.failure = true, err }

// Write writes what the server has for the client.
func (c *client) Write(p []byte) (int, error) {
	if c.relayed {
		err := c.failure
		c.relayed, c.failure = false, nil
		if err != nil {
			return 0, err
		}
		return len(p), nil
	}
	now := c.since // of a whole answer, which was ready just now
	if c.x != nil || c.stage != inHead {
		now = time.Now()
	}
	if err := c.allow(now); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// send writes parts of an answer at once.
func (c *client) send(now time.Time, parts *net.Buffers) error {
	if err := c.allow(now); err != nil {
		return err
	}
	switch {
	case len(*parts) > 1:
	case c.knock.raw != nil:
		return c.writeSocket((*parts)[0])
	default:
		_, err := c.Conn.Write((*parts)[0])
		return err
	}
	_, err := parts.WriteTo(c.Conn)
	return err
}

// allow gives the client time, from now on, to take what is written: one that
// does not read would hold the request for ever.
func (c *client) allow(now time.Time) error {
	if left := time.Duration(c.until.Load() - now.UnixNano()); left >= c.terms.Idle*3/4 {
		return nil
	}
	return c.SetWriteDeadline(now.Add(c.terms.Idle))
}

// SetWriteDeadline sets the deadline for the writes that follow at once.
func (c *client) SetWriteDeadline(t time.Time) error {
	c.until.Store(t.UnixNano())
	return c.Conn.SetWriteDeadline(t)
}

// SetDeadline sets both deadlines.
func (c *client) SetDeadline(t time.Time) error {
	c.until.Store(t.UnixNano())
	return c.Conn.SetDeadline(t)
}

const (
	lingerTime  = time.Second
	lingerBytes = 1 << 20
)

// Close closes the connection, after what the client still sends where its
// request was answered early.
func (c *client) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok && c.linger && w.CloseWrite() == nil {
		_ = c.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
	}
	err := c.Conn.Close()
	if s := c.clients; s != nil {
		s.mu.Lock()
		delete(s.all, c)
		s.mu.Unlock()
		s.open.Add(-1)
		s.gone.Done()
	}
	return err
}

// left returns what is closed when the client leaves, and what ends the watch.
func (x *exchange) left() (gone <-chan struct{}, stop func()) {
	if s := x.client.stream; s != nil {
		return s.r.Context().Done(), func() {}
	}
	departure := x.p.Watcher.Watch(x.ctx.Conn())
	return departure.Gone(), departure.Stop
}

// follow ends the exchange on c when the client resets its stream. Who leaves
// by closing a connection is noticed when the answer is written.
func (x *exchange) follow(c *conn) {
	if s := x.client.stream; s != nil {
		x.following = context.AfterFunc(s.r.Context(), func() { _ = socket(c.Conn).Close() })
	}
}

// unfollow reports whether nothing has come of follow, and nothing will.
func (x *exchange) unfollow() bool {
	stop := x.following
	x.following = nil
	return stop == nil || stop()
}

// departed reports whether the client has reset its stream.
func (x *exchange) departed() bool {
	s := x.client.stream
	return s != nil && s.r.Context().Err() != nil
}

// hangUp closes the connection after the answer; of a stream it goes on, since
// its requests cannot be mistaken for each other.
func (x *exchange) hangUp() {
	x.ctx.SetConnectionClose()
	x.client.linger = true
}
