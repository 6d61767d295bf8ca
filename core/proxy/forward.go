package proxy

import (
	"errors"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/modgate/modgate/core/park"
)

// readAhead is how much of a body of known length the server has read before
// the handler runs (fasthttp's readBodyWithStreaming). Such a body is sent
// with the head, and can be sent again.
const readAhead = 8 << 10

// refusalWait is how long a request waits before it tries a refused connection
// again: a little more than L6 asks to lie between two refusals.
const refusalWait = 101 * time.Millisecond

// forward sends the request to its place and relays the answer. It returns
// false if the request may look for a place again: no byte of it was written
// (L6), or it may be sent twice and had no answer.
func (x *exchange) forward() bool {
	up, err := x.p.upstreams.of(x.place.instance)
	if err != nil {
		x.upstreamFailed(fasthttp.StatusBadGateway, "destination_ip_unroutable", err.Error())
		x.leave()
		return true
	}
	if (x.parked || !x.asked.IsZero()) && x.late() {
		x.leave()
		x.overdue()
		return true
	}
	if !x.adapt() {
		return true
	}
	if err := x.compose(up); err != nil {
		x.leave()
		x.clientFailed()
		return true
	}
	up.retries.earn(x.terms.RetryBudget)
	for fresh := false; ; fresh = true {
		c, err := x.connect(up, fresh)
		if err != nil {
			return x.unconnected(up, err)
		}
		if !c.reused {
			x.place.instance.Reached()
		}
		err = x.exchangeOn(c)
		if err == nil {
			return true
		}
		c.discard()
		if x.departed() {
			x.leave()
			x.gone()
			return true
		}
		if !fresh && c.reused && errors.Is(err, errStale) && x.repeatable() && (c.sent == 0 || up.retries.spend()) {
			x.p.stats.retried.Add(1)
			continue
		}
		return !x.retry(up, err)
	}
}

// connect returns a connection for the request. A body that streams cannot be
// sent again, so it gets a fresh one; but not a link of its own.
func (x *exchange) connect(up *upstream, fresh bool) (*conn, error) {
	if up.multiplexes() {
		return up.call(x.terms, fresh, x.due)
	}
	return up.take(x.terms, fresh || x.upload.streams, x.due)
}

// retry deals with a request that had no answer: it reports whether it is to
// be sent again, or else answers it. What was sent late, or was answered with
// something, is not.
func (x *exchange) retry(up *upstream, err error) bool {
	i := x.place.instance
	if x.upload.failure == nil && !x.late() && !x.outOfTime() {
		x.failed()
	}
	if x.tries < x.terms.Retries && errors.Is(err, errStale) && x.repeatable() && up.retries.spend() {
		x.tries++
		x.pass.Done(park.Failed)
		x.p.stats.retried.Add(1)
		x.leave()
		x.shunned = i
		return true
	}
	x.explain(err)
	x.leave()
	return false
}

// unconnected deals with a connection that is not to be had. It returns false
// if the request is to look again.
func (x *exchange) unconnected(up *upstream, err error) bool {
	i := x.place.instance
	alone := x.place.version == nil || len(x.place.version.Instances) == 1
	switch {
	case errors.Is(err, errForgotten):
		x.leave()
		x.p.upstreams.forget(i, up)
		return false
	case errors.Is(err, errCrowded):
		x.leave()
		x.pass.Done(park.Failed)
		x.crowded()
		return true
	case x.late():
		x.leave()
		x.overdue()
		return true
	case !unreachable(err):
		x.failed()
		x.leave()
		x.upstreamFailed(fasthttp.StatusBadGateway, "connection_terminated", "No connection could be made.")
		x.p.Log.Warn("dial upstream", "instance", i.ID, "upstream", i.Upstream, "err", err)
		return true
	}
	x.leave()
	x.p.stats.refused.Add(1)
	x.pass.Done(park.Failed)
	switch {
	case i.Refuse(time.Now()):
		x.p.Unreachable(i)
	case alone || x.shunned != nil:
		time.Sleep(refusalWait)
	}
	x.shunned = i
	return false
}

// timedOut reports whether err is a deadline that passed.
func timedOut(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// repeatable reports whether the request may be sent a second time though the
// upstream may have seen the first: it means the same twice (RFC 9110 9.2.2),
// or the client says by an Idempotency-Key that it is to, and its body is still
// at hand.
func (x *exchange) repeatable() bool {
	if x.upload.streams {
		return false
	}
	return idempotent(x.method()) || x.upload.sent == 0 || x.head.keyed
}

// idempotent reports whether a method means the same once and twice (RFC 9110
// 9.2.2).
func idempotent(method []byte) bool {
	switch string(method) {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE":
		return true
	default:
		return false
	}
}

// exchangeOn sends the request on c and relays the answer. On an error nothing
// was answered yet.
func (x *exchange) exchangeOn(c *conn) error {
	c.deadline.due, c.heads = x.by(x.terms.FirstByte), 0
	x.follow(c)
	err := x.send(c)
	if err == nil {
		err = x.receive(c)
	}
	if err != nil {
		x.upload.sent = c.sent
		x.upload.stop()
		x.unfollow()
	}
	return err
}

// send sends the request, or begins to.
func (x *exchange) send(c *conn) error {
	var err error
	switch {
	case c.call != nil:
		c.sent = 1 // for all that is known
		err = c.call.ask(x)
	case x.upload.streams:
		err = c.write(x.out)
	default:
		return c.send(x.out)
	}
	if err == nil && x.upload.streams {
		x.upload.start(c)
	}
	return err
}

// receive reads the head of the answer and relays it with what follows.
func (x *exchange) receive(c *conn) error {
	h := &x.reply
	for {
		if err := c.readReply(h); err != nil {
			return err
		}
		switch {
		case h.status == fasthttp.StatusSwitchingProtocols && !x.asked101():
			return errSwitched
		case h.status == fasthttp.StatusSwitchingProtocols:
			x.pass.Done(park.Took)
			x.tunnel(c)
			return nil
		case h.status >= 200:
			x.pass.Done(outcomeOf(h.status))
			x.place.instance.Succeeded(x.now)
			x.relayOn(c)
			return nil
		}
		if err := x.interim(); err != nil {
			return err
		}
	}
}

// outcomeOf says what an answer tells of how much its module can take (A5).
func outcomeOf(status int) park.Outcome {
	switch status {
	case fasthttp.StatusTooManyRequests, fasthttp.StatusBadGateway, fasthttp.StatusServiceUnavailable, fasthttp.StatusGatewayTimeout:
		return park.Failed
	default:
		return park.Took
	}
}

// interim relays an interim answer such as 103. A 100 is not relayed: the
// client got its own.
func (x *exchange) interim() error {
	if x.head.http10 || x.reply.status == fasthttp.StatusContinue {
		return nil
	}
	b := append(x.appendReplied(nil, x.reply.status), crlf...)
	if s := x.client.stream; s != nil {
		return s.interim(x.reply.status, b)
	}
	_, err := x.client.Write(b) // the server holds no bytes back (ReduceMemoryUsage)
	return err
}

// explain answers for an upstream that gave no answer, or for a client that
// broke off its request.
func (x *exchange) explain(err error) {
	if x.upload.failure == nil {
		x.pass.Done(park.Failed)
	}
	var bad badReply
	switch {
	case x.upload.failure != nil:
		x.clientFailed()
	case x.outOfTime():
		x.overdue()
	case timedOut(err):
		x.upstreamFailed(fasthttp.StatusGatewayTimeout, "http_response_timeout", "It did not answer in time.")
	case errors.Is(err, errReplyShort):
		x.upstreamFailed(fasthttp.StatusBadGateway, "http_response_incomplete", "It closed the connection in the midst of its answer's head.")
	case errors.As(err, &bad):
		x.upstreamFailed(fasthttp.StatusBadGateway, "http_protocol_error", "Its answer is malformed: "+string(bad)+".")
	default:
		x.upstreamFailed(fasthttp.StatusBadGateway, "connection_terminated", "It closed the connection without an answer.")
	}
	if x.upload.streams {
		x.hangUp()
	}
}

// clientFailed answers a client whose body is broken, too large or too slow.
func (x *exchange) clientFailed() {
	switch why := x.upload.failure; {
	case errors.Is(why, errTooLarge):
		x.tooLarge()
	case timedOut(why):
		x.refuse(errSlowHead)
	default:
		x.refuse(x.client.bodyFault())
	}
}

var errBody = errors.New("the body is not what its head says")

// bodyFault says what is wrong with the body of a request, as far as that is
// known.
func (c *client) bodyFault() error {
	switch err := c.intake.err; {
	case errors.Is(err, errChunkSize), errors.Is(err, errChunkEnd), errors.Is(err, errTrailer):
		return err
	default:
		return errBody
	}
}
