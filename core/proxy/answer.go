package proxy

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// answer is an answer that the gateway makes itself (3.2).
type answer struct {
	message.Problem
	proxyError string        // error type of Proxy-Status (RFC 9209)
	details    string        // of Proxy-Status
	retryAfter time.Duration // 0: none
	word       string        // of Modgate-Status: delay or missing; "": none
	headers    [][2]string   // the policy's
	last       bool          // the connection cannot be used again
}

// delay answers DELAY for the state st; a reason that is given goes before the
// state's.
func (x *exchange) delay(st *route.State, why message.Reason) {
	if why == message.NoReason {
		why = st.Reason
	}
	a := x.problemOf(st, why)
	a.Type, a.Title = message.ProblemDelay, "Module "+x.module.Name+" is delayed"
	a.details, a.word = "delay", "delay"
	if a.Detail == "" {
		a.Detail = "It is expected back; try again later."
	}
	if st.Until.IsZero() {
		a.TTL = message.Duration(x.decision.Retry) // it is the policy's DELAY, not the module's (A2)
	}
	a.TTL = max(a.TTL, message.Duration(time.Second)) // of an end that nobody knows, and of one that is near
	a.retryAfter = time.Duration(a.TTL)
	if d := &x.decision; d.Retry > 0 {
		a.retryAfter = d.Retry
	}
	x.module.Delayed.Add(1)
	x.answer(delayed, x.dressed(a))
}

// dressed returns a as the policy wants it to look (3.2).
func (x *exchange) dressed(a answer) answer {
	if s := x.decision.Status; s != 0 {
		a.Status = s
	}
	a.headers = x.decision.Headers
	return a
}

// delayFor answers DELAY for what keeps the request from its module.
func (x *exchange) delayFor(st *route.State, unmet *route.Unmet) {
	if unmet == nil || st.Availability != message.Ready {
		x.delay(st, message.NoReason)
		return
	}
	a := x.problemOf(st, message.ReasonVersion)
	a.Type, a.Title = message.ProblemDelay, "Module "+x.module.Name+" is delayed for this caller"
	a.Detail, a.details, a.word = "The version that the caller requires is expected.", "delay", "delay"
	a.Required, a.Found, a.TTL = unmet.Range, unmet.Found, ttl(unmet.Until)
	if st.Until.IsZero() {
		a.TTL = message.Duration(x.decision.Retry) // it is the policy's DELAY, not the module's (A2)
	}
	a.TTL = max(a.TTL, message.Duration(time.Second)) // of an end that nobody knows, and of one that is near
	a.retryAfter = time.Duration(a.TTL)
	x.module.Delayed.Add(1)
	x.answer(delayed, a)
}

// missing answers MISSING for the state st.
func (x *exchange) missing(st *route.State) { x.answerMissing(x.problemOf(st, st.Reason)) }

// expired answers MISSING at the end of an absence's TTL, whether or not the
// state says so already (A4).
func (x *exchange) expired(st *route.State) {
	x.answerMissing(x.problemOf(st, message.ReasonExpired))
}

// missingVersion answers MISSING for a requirement of the caller (D3).
func (x *exchange) missingVersion(st *route.State, unmet *route.Unmet) {
	a := x.problemOf(st, message.ReasonVersion)
	a.Detail = "No version satisfies the caller's requirement."
	a.Required, a.Found = unmet.Range, unmet.Found
	x.answerMissing(a)
}

func (x *exchange) answerMissing(a answer) {
	a.Type, a.Title, a.TTL = message.ProblemMissing, "Module "+a.Module+" is missing", 0
	a.details, a.word = "missing", "missing"
	if a.Detail == "" {
		a.Detail = "It is not expected back by itself."
	}
	x.module.Missing.Add(1)
	x.answer(missing, x.dressed(a))
}

// fenced refuses a token that opens nothing (I1, U8).
func (x *exchange) fenced() {
	x.answer(missing, answer{
		Problem: message.Problem{
			Type: message.ProblemMissing, Status: fasthttp.StatusServiceUnavailable, Title: "The token is fenced",
			Detail: "The token in Modgate-Token opens nothing: renew the lease, or register anew.", Reason: message.ReasonFenced,
		},
		proxyError: "destination_unavailable", details: "missing", word: "missing",
	})
}

// cycle answers a request that would wait for itself (U11).
func (x *exchange) cycle(st *route.State) {
	from := ""
	if x.caller != nil {
		from = x.caller.Instance.Module
	}
	x.p.Cycle(from, x.module.Name)
	x.delay(st, message.ReasonCycle)
}

// overflow answers a request that finds no room to wait (A6).
func (x *exchange) overflow(st *route.State) {
	a := x.problemOf(st, st.Reason)
	a.Type, a.Title = message.ProblemOverflow, "Too many requests wait for module "+x.module.Name
	a.proxyError, a.details, a.TTL = "connection_limit_reached", "overflow", 0
	a.retryAfter = max(time.Until(st.Until), time.Second)
	x.answer(overflow, a)
}

// crowded answers a request that found every connection to its instance in use
// for as long as it may wait.
func (x *exchange) crowded() {
	a := x.problemOf(x.module.State(), message.NoReason)
	a.Type, a.Title = message.ProblemOverflow, "Module "+x.module.Name+" has more requests than it takes"
	a.Detail, a.proxyError, a.TTL, a.retryAfter = "Every connection to it is in use.", "connection_limit_reached", 0, time.Second
	x.answer(overflow, a)
}

// overdue answers a request whose whole time is over.
func (x *exchange) overdue() {
	x.upstreamFailed(fasthttp.StatusGatewayTimeout, "http_response_timeout", "The time for the request was over before it was answered.")
}

// unknown answers for a path that no module serves; after a start DELAY, for
// as long as a configured module has never registered (G3).
func (x *exchange) unknown(detail string) {
	if left := time.Until(x.gen.StartingUntil); left > 0 && detail == "" {
		x.answer(delayed, answer{
			Problem: message.Problem{
				Type: message.ProblemDelay, Status: fasthttp.StatusServiceUnavailable, Title: "The platform is starting",
				Detail: "A module that may serve this path has not registered yet.",
				Reason: message.ReasonStarting, TTL: message.Duration(left),
			},
			proxyError: "destination_unavailable", details: "delay", word: "delay", retryAfter: left,
		})
		return
	}
	a := answer{
		Problem: message.Problem{
			Type: message.ProblemUnknown, Status: fasthttp.StatusNotFound, Title: "No module serves this path",
			Detail: detail, Reason: message.ReasonUnknown,
		},
		proxyError: "destination_not_found",
	}
	if x.module != nil {
		a.Module = x.module.Name
	}
	x.answer(unknown, a)
}

// notAllowed answers for a path that is served, but not by this method (RFC
// 9110 15.5.6).
func (x *exchange) notAllowed(methods []string) {
	x.answer(unknown, answer{
		Problem: message.Problem{
			Type: message.ProblemMethod, Status: fasthttp.StatusMethodNotAllowed, Title: "No module takes this method here",
			Detail: "The path takes " + strings.Join(methods, ", ") + ".",
		},
		proxyError: "http_request_denied", headers: [][2]string{{"Allow", strings.Join(methods, ", ")}},
	})
}

// notImplemented answers for a method that nobody has heard of (RFC 9110 9.1).
func (x *exchange) notImplemented() {
	x.answer(rejected, answer{
		Problem: message.Problem{
			Type: message.ProblemMethod, Status: fasthttp.StatusNotImplemented, Title: "The method is not known",
			Detail: "It is not in IANA's registry, and no route names it.",
		},
		proxyError: "http_request_denied",
	})
}

func (x *exchange) tokenRequired() {
	x.answer(rejected, answer{
		Problem: message.Problem{
			Type: message.ProblemTokenRequired, Status: fasthttp.StatusUnauthorized, Title: "A token is required",
			Detail: "Only registered modules may call this one: send an instance token in Modgate-Token.", Module: x.module.Name,
		},
		proxyError: "http_request_denied",
	})
}

// refuse refuses a request for what it is (architecture.md 6). Nothing that
// follows on the connection can be trusted.
func (x *exchange) refuse(why error) {
	a := answer{
		Problem: message.Problem{
			Type: message.ProblemInvalid, Status: fasthttp.StatusBadRequest, Title: "The request is malformed", Detail: why.Error(),
		},
		proxyError: "http_request_error", last: true,
	}
	switch {
	case errors.Is(why, errHeadTooLarge):
		a.Type, a.Status = message.ProblemTooLarge, fasthttp.StatusRequestHeaderFieldsTooLarge
		a.Title, a.Detail = "The request's head is too large", ""
	case errors.Is(why, errTargetTooLong):
		a.Type, a.Status = message.ProblemTooLarge, fasthttp.StatusRequestURITooLong
		a.Title, a.Detail = "The request's target is too long", ""
	case errors.Is(why, errCoding):
		a.Status, a.Title = fasthttp.StatusNotImplemented, "The transfer coding is not spoken"
	case errors.Is(why, errTraced):
		a.Status, a.Title = fasthttp.StatusNotImplemented, "The gateway is not traced"
	case errors.Is(why, errLoop):
		a.Status, a.Title, a.proxyError = fasthttp.StatusLoopDetected, "The request goes in a circle", "proxy_loop_detected"
	case errors.Is(why, errSlowHead):
		a.Status, a.Title, a.Detail = fasthttp.StatusRequestTimeout, "The request did not come in time", ""
	case errors.Is(why, errExpectation):
		a.Status, a.Title = fasthttp.StatusExpectationFailed, "The expectation cannot be met"
	}
	x.answer(rejected, a)
}

func (x *exchange) tooLarge() {
	x.answer(rejected, answer{
		Problem: message.Problem{
			Type: message.ProblemTooLarge, Status: fasthttp.StatusRequestEntityTooLarge, Title: "The request's body is too large",
			Detail: "At most " + strconv.FormatInt(x.terms.Body, 10) + " bytes are accepted.",
		},
		proxyError: "http_request_error", last: true,
	})
}

// upstreamFailed answers for an upstream that took the request and gave no
// proper answer; proxyError is of RFC 9209.
func (x *exchange) upstreamFailed(status int, proxyError, detail string) {
	x.answer(failed, answer{
		Problem: message.Problem{
			Type: message.ProblemUpstream, Status: status, Title: "Module " + x.module.Name + " gave no proper answer",
			Detail: detail, Module: x.module.Name,
		},
		proxyError: proxyError,
	})
}

// problemOf returns an answer about the module in the state st.
func (x *exchange) problemOf(st *route.State, why message.Reason) answer {
	return answer{
		Problem: message.Problem{
			Status: fasthttp.StatusServiceUnavailable, Detail: x.decision.Detail, Module: x.module.Name,
			Reason: why, Since: st.Since, TTL: ttl(st.Until), Epoch: st.Epoch,
		},
		proxyError: "destination_unavailable",
	}
}

// ttl returns what is left until t, never less than nothing.
func ttl(t time.Time) message.Duration {
	if t.IsZero() {
		return 0
	}
	return message.Duration(max(time.Until(t), 0))
}

// answer writes a into the response.
func (x *exchange) answer(o outcome, a answer) {
	x.p.stats.count(o)
	h := x.blank(a.Status)
	if a.proxyError != "" {
		status := "modgate; error=" + a.proxyError
		if a.details != "" {
			status += `; details="` + a.details + `"`
		}
		h.Set("Proxy-Status", status)
	}
	if a.retryAfter > 0 || a.word == "delay" {
		h.Set("Retry-After", strconv.FormatInt(message.RetryAfter(a.retryAfter), 10))
	}
	if a.word != "" {
		h.Set("Modgate-Status", a.statusField())
	}
	if x.prefers {
		h.Set("Preference-Applied", "wait="+strconv.Itoa(int(x.preferred/time.Second)))
	}
	if a.Status == fasthttp.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Modgate-Token") // RFC 9110 15.5.2 wants a challenge
	}
	h.Set("Cache-Control", "no-store")
	for _, kv := range a.headers {
		h.Set(kv[0], kv[1])
	}
	x.allowOrigin()
	x.body(a)
	if a.last {
		x.hangUp()
	}
}

// statusField writes a as Modgate-Status (3.1, RFC 9651).
func (a answer) statusField() string {
	var b strings.Builder
	b.WriteString(a.word)
	if a.Module != "" {
		b.WriteString(`;module="` + a.Module + `"`)
	}
	if a.Reason != message.NoReason {
		b.WriteString(";reason=" + a.Reason.String())
	}
	if a.word == "delay" {
		b.WriteString(";ttl=" + strconv.FormatInt(message.RetryAfter(time.Duration(a.TTL)), 10))
	}
	if a.Epoch > 0 {
		b.WriteString(";epoch=" + strconv.FormatUint(a.Epoch, 10))
	}
	return b.String()
}

// blank makes the response empty, of this status, with what every answer of
// the gateway carries. Unlike a relayed one, which keeps its own, it is dated.
func (x *exchange) blank(status int) *fasthttp.ResponseHeader {
	if n := x.head.size; n == chunked || n > readAhead {
		x.client.linger = true // the client may still be sending
	}
	r := &x.ctx.Response
	r.Reset()
	new(fasthttp.ResponseHeader).CopyTo(&r.Header)
	r.Header.DisableNormalizing()
	r.Header.SetNoDefaultContentType(true)
	r.Header.SetStatusCode(status)
	r.Header.SetBytesV("Modgate-Request-Id", x.id)
	return &r.Header
}

// plain answers with a status alone.
func (x *exchange) plain(status int) {
	x.p.stats.count(relayedAnswer)
	x.blank(status)
}

// static answers as the policy says (A3).
func (x *exchange) static(s *fallback.Static) {
	x.p.stats.count(substituted)
	h := x.blank(s.Status)
	for _, kv := range s.Headers {
		h.Add(kv[0], kv[1])
	}
	x.ctx.Response.SetBodyString(s.Body)
}

// gone ends the exchange with a client that left: nobody reads an answer.
func (x *exchange) gone() {
	x.p.stats.count(left)
	x.blank(statusClientLeft)
	x.ctx.SetConnectionClose()
}

// statusClientLeft is what nginx and others log where nobody waits for the
// answer any more.
const statusClientLeft = 499
