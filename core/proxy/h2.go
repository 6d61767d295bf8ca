package proxy

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// HTTP/2 from clients. The frames, flow control, header compression and the
// bounds against floods are net/http's; what a request is, is said in the
// words of HTTP/1.1, checked by the same parser, and served by the same
// exchange as any other (stream.go). So there is one way of a request.

const (
	protocolH2 = "h2"

	// Windows are what a client may have sent that nobody has read yet. The
	// connection's bounds the memory, whatever its streams wait for.
	streamWindow     = 128 << 10
	connectionWindow = 1 << 20

	frameSize = 16 << 10 // the least that must be read, and all that is
)

// preface is what a client sends first that knows that HTTP/2 is spoken (RFC
// 9113 3.4).
var preface = []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

// h2Servers serve connections that speak HTTP/2: the present one those that
// come, others those that came while they were it.
type h2Servers struct {
	mu  sync.Mutex
	all []*h2Server // the present one last; guarded by mu
}

// h2Server serves connections that speak HTTP/2, on the terms of its time.
type h2Server struct {
	server http.Server
	terms  *terms
	door   door
	open   int           // connections; guarded by h2Servers.mu
	done   chan struct{} // closed when the server has ended
}

// renew has connections that come from now on served on t.
func (all *h2Servers) renew(p *Proxy, t *terms) {
	if old := all.replace(p, t); old != nil {
		old.shutdown(context.Background()) // at once
	}
}

// replace is renew but for the server before, which it returns if that has no
// connection.
func (all *h2Servers) replace(p *Proxy, t *terms) (idle *h2Server) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if n := len(all.all); n > 0 {
		old := all.all[n-1]
		if t.Head == old.terms.Head && t.Idle == old.terms.Idle && t.Streams == old.terms.Streams {
			return nil
		}
		if old.open == 0 {
			all.all, idle = all.all[:n-1], old
		}
	}
	all.all = append(all.all, p.openH2(t))
	return idle
}

// enter returns the present server, which is to leave.
func (all *h2Servers) enter() *h2Server {
	all.mu.Lock()
	defer all.mu.Unlock()
	f := all.all[len(all.all)-1]
	f.open++
	return f
}

// leave ends f when it was its last connection and it is no longer the present
// one.
func (all *h2Servers) leave(f *h2Server) {
	all.mu.Lock()
	f.open--
	at := slices.Index(all.all, f)
	over := f.open == 0 && at >= 0 && at < len(all.all)-1
	if over {
		all.all = slices.Delete(all.all, at, at+1)
	}
	all.mu.Unlock()
	if over {
		f.shutdown(context.Background()) // at once
	}
}

// shutdown lets clients know that no further stream is served, and returns
// when there is none, or when ctx ends.
func (all *h2Servers) shutdown(ctx context.Context) {
	all.mu.Lock()
	servers := slices.Clone(all.all)
	all.mu.Unlock()
	var ending sync.WaitGroup
	for _, f := range servers {
		ending.Go(func() { f.shutdown(ctx) })
	}
	ending.Wait()
}

// openH2 starts a server, which ends with its shutdown.
func (p *Proxy) openH2(t *terms) *h2Server {
	f := &h2Server{terms: t, door: door{in: make(chan net.Conn), shut: make(chan struct{})}, done: make(chan struct{})}
	f.server = http.Server{
		Handler: http.HandlerFunc(p.serveStream), Protocols: new(http.Protocols),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connectionKey{}, c)
		},
		MaxHeaderBytes: t.Head, IdleTimeout: t.Idle,
		ErrorLog: slog.NewLogLogger(p.Log.Handler(), slog.LevelDebug),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: t.Streams, MaxReadFrameSize: frameSize,
			MaxReceiveBufferPerStream: streamWindow, MaxReceiveBufferPerConnection: connectionWindow,
			SendPingTimeout: t.Idle, WriteByteTimeout: t.Idle,
		},
	}
	f.server.Protocols.SetUnencryptedHTTP2(true) // TLS is off already
	go func() {
		defer close(f.done)
		_ = f.server.Serve(&f.door) // until shutdown
	}()
	return f
}

// connectionKey is under which a stream's context has its connection.
type connectionKey struct{}

func (f *h2Server) shutdown(ctx context.Context) {
	_ = f.server.Shutdown(ctx)
	_ = f.door.Close() // of a server that had not begun yet
	<-f.done
}

// door is a listener to which connections are brought.
type door struct {
	in   chan net.Conn
	shut chan struct{} // closed by Close
	once sync.Once
}

// Accept returns the next connection.
func (d *door) Accept() (net.Conn, error) {
	select {
	case c := <-d.in:
		return c, nil
	case <-d.shut:
		return nil, net.ErrClosed
	}
}

// Close makes Accept return.
func (d *door) Close() error {
	d.once.Do(func() { close(d.shut) })
	return nil
}

// Addr is there for the interface.
func (d *door) Addr() net.Addr { return &net.TCPAddr{} }

// serveH2 serves a connection that speaks HTTP/2 until its end. The server
// calls it, and closes the connection afterwards.
func (p *Proxy) serveH2(nc net.Conn) error {
	c := &framed{client: clientOf(nc), gone: make(chan struct{})}
	c.Conn = c.client.Conn
	_ = c.SetReadDeadline(time.Now().Add(c.client.terms.ReadHead)) // of the preface
	f := p.h2.enter()
	defer p.h2.leave(f)
	select {
	case f.door.in <- c:
		<-c.gone
	case <-f.door.shut:
	}
	return nil
}

// framed is a client's connection that speaks HTTP/2. It hides what the
// client is beside that.
type framed struct {
	net.Conn
	client *client
	gone   chan struct{} // closed by Close
	once   sync.Once
}

// Read hands on what was read to find out the protocol, then what comes.
func (c *framed) Read(p []byte) (int, error) {
	if ahead := c.client.ahead; ahead != nil {
		n := copy(p, *ahead)
		c.client.keep((*ahead)[n:])
		return n, nil
	}
	return c.Conn.Read(p)
}

// Close ends the connection.
func (c *framed) Close() error {
	c.once.Do(func() { close(c.gone) })
	return c.client.Close()
}

// sniff finds out whether a client in clear text speaks HTTP/2. What it reads
// for that is kept. Errors are for who reads next.
func (c *client) sniff() {
	var first [24]byte
	n := 0
	for n < len(first) && c.intake.err == nil && bytes.Equal(first[:n], preface[:n]) {
		m, err := c.receive(first[n:])
		n += m
		c.intake.err = err
	}
	c.keep(first[:n])
	if n == len(first) && bytes.Equal(first[:], preface) {
		c.protocol = protocolH2
	}
}
