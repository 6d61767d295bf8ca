package proxy

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
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

// h2Server serves connections that speak HTTP/2.
type h2Server struct {
	server http.Server
	door   door
	done   chan struct{} // closed when the server has ended
}

// openH2 starts the server, which ends with its shutdown.
func (p *Proxy) openH2() {
	f := &p.h2
	f.door = door{in: make(chan net.Conn), shut: make(chan struct{})}
	f.done = make(chan struct{})
	f.server = http.Server{
		Handler: http.HandlerFunc(p.serveStream), Protocols: new(http.Protocols),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connectionKey{}, c)
		},
		MaxHeaderBytes: p.Limits.Head, IdleTimeout: p.Limits.Idle,
		ErrorLog: slog.NewLogLogger(p.Log.Handler(), slog.LevelDebug),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: p.Limits.Streams, MaxReadFrameSize: frameSize,
			MaxReceiveBufferPerStream: streamWindow, MaxReceiveBufferPerConnection: connectionWindow,
			SendPingTimeout: p.Limits.Idle, WriteByteTimeout: p.Limits.Idle,
		},
	}
	f.server.Protocols.SetUnencryptedHTTP2(true) // TLS is off already
	go func() {
		defer close(f.done)
		_ = f.server.Serve(&f.door) // until shutdown
	}()
}

// connectionKey is under which a stream's context has its connection.
type connectionKey struct{}

// shutdown lets clients know that no further stream is served, and returns
// when there is none, or when ctx ends.
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
	_ = c.SetReadDeadline(time.Now().Add(p.Limits.ReadHead)) // of the preface
	select {
	case p.h2.door.in <- c:
		<-c.gone
	case <-p.h2.door.shut:
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
