package proxy

import (
	"errors"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/park"
	"github.com/modgate/modgate/core/route"
)

// exchange is one request on its way and the answer to it. It is pooled: it
// goes back when the answer is written.
type exchange struct {
	p      *Proxy
	ctx    *fasthttp.RequestCtx
	client *client

	terms    *terms    // on which it is served
	now      time.Time // its first byte came
	ended    time.Time // the upstream's answer was read; zero: not yet
	raw      []byte
	frame    []byte // scratch of framing
	head     head   // of raw
	refusal  error  // why the head is refused
	trailers []byte // of the request's body, as they are forwarded

	id    []byte // Modgate-Request-Id
	run   run
	out   []byte // the request as the upstream gets it
	small []byte // the body, if it is at hand

	pass   *park.Pass    // to say what became of the request, once it was let go
	parked bool          // was
	waited time.Duration // while it was

	course
	*answering
}

// answering is the way of a request's body and of its answer. An exchange has
// one but while it is parked.
type answering struct {
	upload upload
	reply  reply
	relay  relay
}

// course is what becomes of a request from its admission on. One that is
// admitted again, when its body comes, has another.
type course struct {
	gen    *route.Generation
	caller *route.Caller // nil: a client (I1)
	target *route.Target
	module *route.Module // the target's, or the fallback's

	wish     wish              // what the policy is told
	decision fallback.Decision // what it said; zero: it was not asked

	began     time.Time // of the first parking
	until     time.Time // end of the request's own wait
	rounds    int       // of parking that ended with leave to go
	prefers   bool      // the caller said how long it waits at most
	preferred time.Duration

	due   time.Time // end of the request's whole time; zero: none
	asked time.Time // as the caller sees it; zero: it did not say

	place     place
	refusals  int             // of connections
	tries     int             // that had no answer, and were followed by another
	shunned   *route.Instance // the last that failed
	adapted   *adapted        // nil: no adapter has seen it
	following func() bool     // ends follow; nil: nothing is followed
}

func newExchange(p *Proxy) *exchange {
	x := &exchange{p: p, terms: p.terms.Load(), run: run{signers: p.signers}}
	x.wake()
	return x
}

// doze gives back what is of no use while the request waits.
func (x *exchange) doze() {
	x.run.rest()
	x.p.answerings.Put(x.answering)
	x.answering = nil
}

// wake ends doze.
func (x *exchange) wake() {
	if x.answering == nil {
		x.answering = x.p.answerings.Get().(*answering)
		x.reply.begin()
		x.relay, x.upload = relay{x: x}, upload{x: x}
	}
}

// begin returns the exchange that began when the head of ctx's request came.
func (p *Proxy) begin(ctx *fasthttp.RequestCtx) *exchange {
	c := clientOf(ctx.Conn())
	if c.x == nil { // what came was no request
		c.x = p.exchanges.Get().(*exchange)
		c.x.client, c.x.terms = c, p.terms.Load()
	}
	c.x.ctx = ctx
	return c.x
}

// end gives x back. Nothing of it may be used afterwards.
func (x *exchange) end() {
	if x.ended.IsZero() {
		x.ended = time.Now()
	}
	x.pass.Done(park.Void)
	x.unadapt()
	c := x.client
	c.x, c.served, c.since = nil, true, x.ended
	c.deadline.due = x.ended.Add(c.terms.ReadHead) // for what is left of the body
	x.forget()
	x.client = nil
	x.p.exchanges.Put(x)
}

// forget empties x and keeps its memory. It is done in place: a copy of an
// exchange on the stack would double the stack of every connection.
func (x *exchange) forget() {
	x.ctx, x.refusal, x.pass = nil, nil, nil
	x.now, x.ended, x.parked, x.waited = time.Time{}, time.Time{}, false, 0
	for _, b := range [...]*[]byte{&x.raw, &x.frame, &x.trailers, &x.id, &x.out, &x.small} {
		*b = (*b)[:0]
	}
	x.head.forget()
	x.reply.begin()
	x.run.forget()
	x.restart()
}

// restart takes back what became of the request.
func (x *exchange) restart() {
	x.course, x.relay, x.upload = course{}, relay{x: x}, upload{x: x}
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
	if x.admit() {
		x.serve()
	}
}

// broken answers 500 for a fault of ours.
func (x *exchange) broken(fault any) {
	x.p.Log.Error("request panicked", "panic", fault, "request_id", string(x.id), "stack", string(debug.Stack()))
	x.leave()
	x.wake() // it may have been parked
	x.relay.finish()
	x.relay.open = false
	if x.relay.sent {
		x.client.answered(errFault)
		return
	}
	x.ctx.Response.Reset()
	x.answer(broken, answer{
		Problem:    message.Problem{Type: message.ProblemInternal, Status: 500, Title: "The gateway failed"},
		proxyError: "proxy_internal_error", last: true,
	})
}

// errFault is why an answer breaks off that a fault of ours met.
var errFault = errors.New("the gateway failed")

// admit checks the head, finds out who calls, and for which module. If it
// returns false, the request is answered.
func (x *exchange) admit() bool {
	x.identify()
	switch {
	case x.refusal != nil:
		x.refuse(x.refusal)
		return false
	case len(x.head.target) == 1 && x.head.target[0] == '*', x.head.hops == 1 && string(x.head.method) == "OPTIONS":
		x.plain(fasthttp.StatusNoContent)
		return false
	case x.head.hops == 1:
		x.refuse(errTraced)
		return false
	case x.head.size > x.terms.Body:
		x.tooLarge()
		return false
	}
	x.bound()
	x.gen = x.p.Live.Load()
	if !x.authenticate() {
		x.fenced()
		return false
	}
	if x.caller != nil && x.announces() {
		return false
	}
	return x.match()
}

// identify keeps the request's id, or makes one.
func (x *exchange) identify() {
	if len(x.id) > 0 {
		return
	}
	if id := x.head.requestID; len(id) > 0 && len(id) <= 128 && idOctets.all(id) {
		x.id = append(x.id, id...)
		return
	}
	const digits = "0123456789abcdef"
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
	if x.client.bearer != nil { // and a token says nothing
		x.caller = x.client.bearer()
		return x.caller != nil && !x.caller.Fenced()
	}
	switch x.head.tokens {
	case 0:
		return true
	case 1:
		x.caller = x.gen.Callers[x.client.hash(x.head.token)]
		return x.caller != nil && !x.caller.Fenced()
	default:
		return false
	}
}

// match finds the target.
func (x *exchange) match() bool {
	t, ok := x.gen.Table.Match(x.head.method, x.head.path)
	switch {
	case !ok:
		x.unmatched()
		return false
	case !isRegistered(x.head.method) && x.takesAny(t):
		x.notImplemented()
		return false
	}
	x.target, x.module = t, t.Module
	x.readRun()
	return x.welcome()
}

// welcome keeps a request without a token from a module that wants one (I1).
func (x *exchange) welcome() bool {
	if x.caller == nil && x.module.State().Identified {
		x.tokenRequired()
		return false
	}
	return true
}

// removed reports whether the path vanished with a takeover (V9).
func (x *exchange) removed() bool { return x.target.RemovedIn != "" }

// leave ends the run at the instance, if one began.
func (x *exchange) leave() {
	if d := x.place.door; d != nil {
		x.place.instance, x.place.door = nil, nil
		d.Leave()
	}
}

// again makes the exchange one that is still to be admitted.
func (x *exchange) again() {
	x.unadapt()
	x.ctx, x.ended, x.refusal = nil, time.Time{}, nil
	x.trailers = x.trailers[:0]
	x.run.forget()
	x.restart()
	x.client.deadline.due = time.Now().Add(x.terms.ReadHead)
}
