package proxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

// tunnel answers 101 and relays bytes both ways from then on, whatever they
// are. The run lasts as long.
func (x *exchange) tunnel(c *conn) {
	h := &x.ctx.Response.Header
	protocol := bytes.Clone(x.head.upgrade)
	for k, v := range h.All() {
		if equalFold(k, "upgrade") {
			protocol = bytes.Clone(v)
		}
	}
	tidy(h)
	x.mark(h)
	h.Set("Connection", "Upgrade")
	h.SetBytesV("Upgrade", protocol)
	x.p.stats.count(upgraded)
	x.relay = relay{x: x, c: c, open: true}
	x.client.stage = inTunnel
	x.takeOver(func(client net.Conn) {
		c.deadline.waive(c.Conn)
		x.p.stats.tunnels.Add(1)
		defer x.p.stats.tunnels.Add(-1)
		x.pipe(client, c)
	})
}

// takeOver writes the answer's head and leaves the connection to then, with
// which the exchange and the connection end.
func (x *exchange) takeOver(then func(client net.Conn)) {
	head := bytes.Clone(x.ctx.Response.Header.Header())
	x.ctx.HijackSetNoResponse(true)
	x.ctx.Hijack(func(client net.Conn) {
		defer x.relay.Close()
		if _, err := client.Write(head); err == nil {
			then(client)
		}
	})
}

// pipe copies both ways until both ends are done or one fails.
func (x *exchange) pipe(client net.Conn, c *conn) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		x.copyIdle(c, client)
		closeWrite(c.Conn)
	}()
	x.copyIdle(client, buffered{c})
	closeWrite(x.ctx.Conn())
	<-done
}

// copyIdle copies until from ends, one of both fails, or nothing comes for as
// long as a stream may be silent. After a failure neither is of use.
func (x *exchange) copyIdle(to, from net.Conn) {
	v := x.p.buffers.Get().(*[]byte)
	defer x.p.buffers.Put(v)
	for {
		_ = from.SetReadDeadline(time.Now().Add(x.p.Limits.Stream))
		n, err := from.Read(*v)
		if n > 0 {
			_ = to.SetWriteDeadline(time.Now().Add(x.p.Limits.Idle))
			if _, werr := to.Write((*v)[:n]); werr != nil {
				_ = from.SetDeadline(time.Unix(1, 0))
				return
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				_ = to.SetDeadline(time.Unix(1, 0))
			}
			return
		}
	}
}

// buffered reads what came with the head before the rest.
type buffered struct{ *conn }

func (b buffered) Read(p []byte) (int, error) { return b.br.Read(p) }

// closeWrite says that nothing follows, without ending the other direction.
func closeWrite(c net.Conn) {
	for {
		if w, ok := c.(interface{ CloseWrite() error }); ok {
			_ = w.CloseWrite()
			return
		}
		inner, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			_ = c.Close()
			return
		}
		c = inner.NetConn()
	}
}

// streamToEOF relays a body of unknown length to a client of HTTP/1.0, which
// knows its end by the connection's.
func (x *exchange) streamToEOF() {
	h := &x.ctx.Response.Header
	h.Del(fasthttp.HeaderTransferEncoding)
	h.SetConnectionClose()
	x.takeOver(func(client net.Conn) { _, _ = x.relay.WriteTo(client) })
}
