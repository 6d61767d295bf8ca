package proxy

import (
	"crypto/sha256"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// exchange is one request on its way and the answer to it. It is pooled: it
// goes back when the answer is written, or, of a streamed one, when its last
// byte is.
type exchange struct {
	p   *Proxy
	ctx *fasthttp.RequestCtx

	head   head
	id     []byte // Modgate-Request-Id
	gen    *route.Generation
	caller *route.Caller // nil: a client (I1)
	target *route.Target
	module *route.Module // the target's, or the fallback's
	run    run

	parked    bool          // was
	waited    time.Duration // while it was
	began     time.Time     // of the first parking
	until     time.Time     // end of the request's own wait
	rounds    int           // of parking
	prefers   bool          // the caller said how long it waits at most
	preferred time.Duration

	place    place
	refusals int             // of connections
	shunned  *route.Instance // refused the last one
	out      []byte          // the request as the upstream gets it
	small    []byte          // the body, if it is at hand
	upload   upload
	relay    relay
}

func newExchange(p *Proxy) *exchange {
	x := &exchange{p: p, run: newRun(p.RunKey)}
	x.relay.x = x
	x.upload.x = x
	return x
}

// begin takes an exchange for ctx, which end gives back.
func (p *Proxy) begin(ctx *fasthttp.RequestCtx) *exchange {
	x := p.exchanges.Get().(*exchange)
	x.ctx = ctx
	return x
}

// end gives x back. Nothing of it may be used afterwards.
func (x *exchange) end() {
	*x = exchange{
		p: x.p, run: x.run, out: x.out[:0], small: x.small[:0], id: x.id[:0], relay: relay{x: x}, upload: upload{x: x},
		head: head{fields: x.head.fields[:0], nominated: x.head.nominated[:0]},
	}
	x.run.forget()
	x.p.exchanges.Put(x)
}

// handle serves one request. It is the outermost handler: fasthttp itself
// would let a panic end the process.
func (p *Proxy) handle(ctx *fasthttp.RequestCtx) {
	x := p.begin(ctx)
	defer func() {
		if fault := recover(); fault != nil {
			x.broken(fault)
		}
		if !x.relay.open {
			x.end()
		}
	}()
	if waited, ok := ctx.UserValue(waitedKey{}).(time.Duration); ok {
		x.parked, x.waited = true, waited
	}
	if x.admit() {
		x.serve()
	}
}

// broken answers 500 for a fault of ours.
func (x *exchange) broken(fault any) {
	x.p.Log.Error("request panicked", "panic", fault, "request_id", string(x.id), "stack", string(debug.Stack()))
	x.leave()
	x.relay.finish()
	x.relay.open = false
	x.ctx.Response.Reset()
	x.answer(broken, answer{
		Problem:    message.Problem{Type: message.ProblemInternal, Status: 500, Title: "The gateway failed"},
		proxyError: "proxy_internal_error", last: true,
	})
}

// admit checks the head, finds out who calls, and for which module. If it
// returns false, the request is answered.
func (x *exchange) admit() bool {
	h := &x.ctx.Request.Header
	err := x.head.parse(h.Method(), h.RequestURI(), h.Protocol(), h.RawHeaders())
	x.identify()
	switch {
	case err != nil:
		x.invalid(err)
		return false
	case len(x.head.target) == 1 && x.head.target[0] == '*':
		x.plain(fasthttp.StatusNoContent)
		return false
	case int64(h.ContentLength()) > x.p.Limits.Body:
		x.tooLarge()
		return false
	}
	x.gen = x.p.Live.Load()
	if !x.authenticate() {
		x.fenced()
		return false
	}
	return x.match()
}

// identify keeps the request's id, or makes one.
func (x *exchange) identify() {
	if id := x.head.requestID; len(id) > 0 && len(id) <= 128 && idOctets.all(id) {
		x.id = append(x.id[:0], id...)
		return
	}
	const digits = "0123456789abcdef"
	x.id = x.id[:0]
	for range 2 {
		for n, i := rand.Uint64(), 0; i < 16; i++ {
			x.id = append(x.id, digits[n&15])
			n >>= 4
		}
	}
}

// authenticate finds the caller. It returns false for a token that opens
// nothing, which is never treated as none (I1).
func (x *exchange) authenticate() bool {
	switch x.head.tokens {
	case 0:
		return true
	case 1:
		x.caller = x.gen.Callers[route.TokenHash(sha256.Sum256(x.head.token))]
		return x.caller != nil && !x.caller.Fenced()
	default:
		return false
	}
}

// match finds the target.
func (x *exchange) match() bool {
	t, ok := x.gen.Table.Match(x.head.method, x.head.path)
	if !ok {
		x.unknown("")
		return false
	}
	x.target, x.module = t, t.Module
	if x.caller != nil && len(x.head.run) > 0 {
		x.run.read(x.head.run, x.caller.Instance.Hop)
	}
	if x.caller == nil && t.Module.State().Identified {
		x.tokenRequired()
		return false
	}
	return true
}

// removed reports whether the path vanished with a takeover (V9).
func (x *exchange) removed() bool { return x.target.RemovedIn != "" }

// leave ends the run at the instance, if one began.
func (x *exchange) leave() {
	if i := x.place.instance; i != nil {
		x.place.instance = nil
		i.Leave()
	}
}

// client returns the connection that x came in on.
func (x *exchange) client() *client { return clientOf(x.ctx.Conn()) }

// remote returns the client's address.
func (x *exchange) remote() netip.Addr {
	if tcp, ok := x.ctx.Conn().RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
