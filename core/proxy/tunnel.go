package proxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// tunnel answers 101 and relays bytes both ways from then on, whatever they
// are. The run lasts as long.
func (x *exchange) tunnel(c *conn) {
	protocol := bytes.Clone(x.reply.find("upgrade"))
	x.relay = relay{x: x, c: c}
	if x.adapted != nil && !x.adaptAnswer(true) {
		return
	}
	b := x.appendMarks(x.appendReplied(nil, fasthttp.StatusSwitchingProtocols))
	b = append(b, "Connection: Upgrade\r\nUpgrade: "...)
	b = append(b, protocol...)
	b = append(append(b, crlf...), crlf...)
	x.p.stats.count(upgraded)
	x.relay.open = true
	x.client.stage = inTunnel
	x.takeOver(b, func(client net.Conn) {
		c.deadline.waive(c.Conn)
		x.p.stats.tunnels.Add(1)
		defer x.p.stats.tunnels.Add(-1)
		t := &tunnel{x: x, client: client, upstream: c, framed: equalFold(protocol, "websocket")}
		t.pipe()
	})
}

// asked101 reports whether an answer, of status 101, switches to a protocol that
// the client asked for (RFC 9110 7.8).
func (x *exchange) asked101() bool {
	protocol := x.reply.find("upgrade")
	for asked := range list(x.head.upgrade) {
		if bytes.EqualFold(asked, protocol) {
			return x.head.upgrades()
		}
	}
	return false
}

// takeOver writes the answer's head and leaves the connection to then, with
// which the exchange and the connection end.
func (x *exchange) takeOver(head []byte, then func(client net.Conn)) {
	x.ctx.HijackSetNoResponse(true)
	x.ctx.Hijack(func(client net.Conn) {
		defer x.relay.Close()
		if _, err := client.Write(head); err == nil {
			then(client)
		}
	})
}

// tunnel is an upgraded connection.
type tunnel struct {
	x        *exchange
	client   net.Conn
	upstream *conn
	framed   bool // it is a WebSocket
	over     atomic.Bool
}

// lastWords is how long an end of a tunnel has for what it is in the midst of
// when the tunnel must end (V8), and to say good-bye.
const lastWords = time.Second

// pipe copies both ways until both ends are done, one fails, or the streams of
// the instance must end.
func (t *tunnel) pipe() {
	defer t.x.p.Streams.begin(t.x.place.instance, t.end)()
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.copy(t.upstream, t.client, true)
		closeWrite(t.upstream.Conn)
	}()
	t.copy(t.client, t.upstream, false)
	closeWrite(t.x.ctx.Conn())
	<-done
	if t.over.Load() { // what the other end is still sending must not cost it our last words
		for _, c := range [...]net.Conn{t.client, t.upstream.Conn} {
			_ = c.SetReadDeadline(time.Now().Add(lastWords))
			_, _ = io.Copy(io.Discard, c)
		}
	}
}

// end interrupts both directions.
func (t *tunnel) end() {
	t.over.Store(true)
	_ = t.client.SetReadDeadline(time.Unix(1, 0))
	_ = t.upstream.SetReadDeadline(time.Unix(1, 0))
}

// copy copies until from ends, one of both fails, or nothing comes for as long
// as a stream may be silent. After a failure neither is of use.
func (t *tunnel) copy(to, from net.Conn, up bool) {
	v := t.x.p.buffers.Get().(*[]byte)
	defer t.x.p.buffers.Put(v)
	var f frames
	var late time.Time // when what is under way must have come, once the tunnel is over
	for {
		_ = from.SetReadDeadline(time.Now().Add(t.x.terms.Stream))
		if t.over.Load() { // since when a deadline in the past may have been undone here
			if !t.framed || f.between() {
				t.farewell(to, up)
				return
			}
			if late.IsZero() {
				late = time.Now().Add(lastWords)
			}
			_ = from.SetReadDeadline(late)
		}
		n, err := from.Read(*v)
		if n > 0 {
			f.pass((*v)[:n])
			_ = to.SetWriteDeadline(time.Now().Add(t.x.terms.Idle))
			if _, werr := to.Write((*v)[:n]); werr != nil {
				_ = from.SetDeadline(time.Unix(1, 0))
				return
			}
		}
		switch {
		case err == nil, late.IsZero() && t.over.Load() && timedOut(err):
		case errors.Is(err, io.EOF):
			return
		default:
			_ = to.SetDeadline(time.Unix(1, 0))
			return
		}
	}
}

// farewell tells an end of a WebSocket that the other one is going away.
func (t *tunnel) farewell(to net.Conn, masked bool) {
	if t.framed {
		_ = to.SetWriteDeadline(time.Now().Add(lastWords))
		_, _ = to.Write(closeFrame(masked))
	}
}

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

// socket returns what is below all layers of c.
func socket(c net.Conn) net.Conn {
	for {
		inner, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return c
		}
		c = inner.NetConn()
	}
}
