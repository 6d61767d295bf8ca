package proxy

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/modgate/modgate/core/route"
)

// newServer returns the server, set up so that it does nothing on its own
// that a gateway must decide.
func (p *Proxy) newServer() *fasthttp.Server {
	s := &fasthttp.Server{
		Handler:       p.handle,
		ExpectHandler: p.expect,
		ErrorHandler:  p.unreadable,

		ReadBufferSize:     readBuffer,
		Concurrency:        math.MaxInt32, // the listener bounds them
		MaxRequestBodySize: readAhead,     // more is streamed; Limits.Body bounds it
		// No timeouts: a client knows better when it waits for what.

		StreamRequestBody:             true,
		DisablePreParseMultipartForm:  true,
		DisableHeaderNamesNormalizing: true, // names are relayed as they were sent
		NoDefaultServerHeader:         true,
		NoDefaultContentType:          true,
		NoDefaultDate:                 true, // an upstream's own is relayed
		CloseOnShutdown:               true,
		LazyRequestTime:               true,
		SecureErrorLogMessage:         true,

		// Every answer is flushed before the next request is looked at: a
		// request that is parked holds back none of an answer before it.
		ReduceMemoryUsage: true,

		Logger: quiet{p.Log},
	}
	s.NextProto(protocolH2, p.serveH2)
	return s
}

// Serve serves ln until Shutdown, and returns nil then. It may be called for
// several listeners at once.
func (p *Proxy) Serve(ln net.Listener) error { return p.serve(ln, nil) }

// ServeEgress serves ln, in clear text, until ln is closed or Shutdown: what
// arrives there is the caller's, as if it bore its token (L4). While caller
// returns nil it is refused, as what bears a token that opens nothing.
func (p *Proxy) ServeEgress(ln net.Listener, caller func() *route.Caller) error {
	return p.serve(ln, caller)
}

func (p *Proxy) serve(ln net.Listener, bearer func() *route.Caller) error {
	return p.server.Serve(&listener{
		Listener: ln, clients: &p.clients, p: p, bearer: bearer,
	})
}

// Shutdown stops accepting, answers what is parked with DELAY, and waits for
// the requests in flight. When ctx ends it cuts those that are left, and
// returns ctx's error. Nothing runs afterwards.
func (p *Proxy) Shutdown(ctx context.Context) error {
	p.stopping.Store(true)
	p.Room.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.h2.shutdown(ctx) // its connections are the server's too
	}()
	err := p.server.ShutdownWithContext(ctx)
	if err == nil {
		err = p.tunnelsEnd(ctx)
	}
	p.clients.cut()
	<-ended
	p.upstreams.close()
	p.clients.gone.Wait()
	return errors.Join(err, p.closeWatcher())
}

// tunnelsEnd waits for the connections that the server does not count.
func (p *Proxy) tunnelsEnd(ctx context.Context) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for p.clients.open.Load() > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

// expect decides about a request that waits for 100 Continue, before its body
// is sent: it is parked now (A6). Its place is looked for again when the body
// comes, and its run begins only then.
func (p *Proxy) expect(ctx *fasthttp.RequestCtx) int {
	x := p.begin(ctx)
	if !x.admit() || !x.find() {
		defer x.end()
		return ctx.Response.StatusCode()
	}
	x.leave()
	x.again()
	return fasthttp.StatusContinue
}

// unreadable answers a request whose body the server could not begin to read.
func (p *Proxy) unreadable(ctx *fasthttp.RequestCtx, err error) {
	x := p.begin(ctx)
	defer x.end()
	x.identify()
	switch {
	case timedOut(err):
		x.refuse(errSlowHead)
	default:
		x.refuse(x.client.bodyFault())
	}
}

// quiet gives what the server logs to the gateway's log.
type quiet struct{ log *slog.Logger }

// Printf logs one of the server's own messages.
func (q quiet) Printf(format string, args ...any) {
	q.log.Debug("server: "+strings.TrimSpace(format), "args", args)
}
