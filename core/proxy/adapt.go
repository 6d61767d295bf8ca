package proxy

import (
	"bytes"
	"errors"
	"io"
	"strconv"

	"github.com/valyala/fasthttp"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// adapt lets the adapter of the module that is to get the request see it, if
// there is one. If it returns false, the request is answered. A request that
// looks for a place again was seen, unless another module takes it now.
func (x *exchange) adapt() bool {
	m := x.module
	if name := x.place.instance.Module; name != m.Name {
		m = x.gen.Modules[name] // a fallback's
	}
	if m == nil {
		m = x.module
	}
	if x.adapted != nil {
		if x.adapted.module == m {
			return true
		}
		x.adapted.renew()
	}
	found := m.Adapter.Load()
	if found == nil || !found.Hooks().Has(adapter.HookTraffic) {
		return true
	}
	return x.ask(found, m)
}

// ask shows the request to the adapter of m.
func (x *exchange) ask(found adapter.Adapter, m *route.Module) bool {
	a := x.beginAdapted(found, m)
	var err error
	a.call, err = found.Request(a)
	switch {
	case a.broken != nil:
		x.leave()
		x.refuse(errBody)
		x.hangUp()
	case errors.Is(err, adapter.ErrTooLarge):
		x.leave()
		x.tooLarge()
	case err != nil:
		x.leave()
		x.unadaptable()
	case !a.call.Next:
		x.leave()
		x.answerAdapted()
	default:
		if a.edited[adapter.Response] && a.call.Buffer == 0 {
			a.edited[adapter.Response] = false // there is an answer to come
		}
		if n := x.head.size; a.edited[adapter.Request] && !a.whole[adapter.Request] && (n == chunked || n > readAhead) {
			x.hangUp() // what the client sends is of no use
		}
		a.early, a.fields[adapter.ResponseHeader] = a.fields[adapter.ResponseHeader], a.early
		a.loaded[adapter.ResponseHeader], a.status = false, 0
		return true
	}
	return false
}

// beginAdapted returns what the adapter of m is to see. What another has read
// of the request's body is still there.
func (x *exchange) beginAdapted(found adapter.Adapter, m *route.Module) *adapted {
	if x.adapted == nil {
		x.adapted = x.p.adapteds.Get().(*adapted)
	}
	x.adapted.x, x.adapted.adapter, x.adapted.module = x, found, m
	return x.adapted
}

// announces lets the adapter of the caller's module say what the request
// means. It returns false if it is traffic; otherwise it is answered.
func (x *exchange) announces() bool {
	found := x.caller.Adapter.Load()
	if found == nil || x.p.Announce == nil || !found.Hooks().Has(adapter.HookDecode) {
		return false
	}
	a := x.beginAdapted(found, x.gen.Modules[x.caller.Instance.Module])
	x.module = a.module // whom problems are about
	out, err := found.Decode(a)
	switch {
	case a.broken != nil:
		x.refuse(errBody)
	case errors.Is(err, adapter.ErrTooLarge):
		x.tooLarge()
	case err != nil:
		x.unadaptable()
	case out.Malformed && a.status == 0:
		x.refuse(errMessage)
	case out.Malformed:
		x.answerAdapted()
	case out.Message:
		if err := x.p.Announce(x.caller, out.Announcements); err != nil {
			x.p.Log.Warn("a module's announcement was refused", "instance", x.caller.Instance.ID, "cause", err)
			x.upstreamFailed(fasthttp.StatusConflict, "http_request_denied", "The announcement was refused.")
			return true
		}
		x.answerAdapted()
	default:
		a.renew()
		x.module = nil
		return false
	}
	return true
}

var errMessage = errors.New("the message is none that the module's adapter understands")

// unadaptable answers for an adapter that failed, is in quarantine or is not
// there. Which of them is none of the client's business.
func (x *exchange) unadaptable() {
	x.answer(failed, answer{
		Problem: message.Problem{
			Type: message.ProblemUpstream, Status: fasthttp.StatusServiceUnavailable, Module: x.module.Name,
			Title: "The adapter of module " + x.module.Name + " is out of order",
		},
		proxyError: "proxy_internal_error",
	})
}

// answerAdapted answers as the adapter said.
func (x *exchange) answerAdapted() {
	a := x.adapted
	x.p.stats.count(adaptedAnswer)
	status := a.status
	if status == 0 {
		status = fasthttp.StatusOK
	}
	h := x.blank(status)
	for _, f := range a.fields[adapter.ResponseHeader].All() {
		if answerable(f.Name) {
			h.AddBytesKV(f.Name, f.Value)
		}
	}
	x.ctx.Response.SetBody(a.body(adapter.Response))
}

// unadapt ends what the adapter began, if that is not done: there is no answer
// of the module.
func (x *exchange) unadapt() {
	a := x.adapted
	if a == nil {
		return
	}
	a.end()
	x.adapted = nil
	a.forget()
	x.p.adapteds.Put(a)
}

// end ends what the adapter began: no answer came.
func (a *adapted) end() {
	if a.call.Response && !a.ended {
		a.ended, a.answered = true, true
		_ = a.adapter.Response(a.call, a, true) // nothing depends on it
	}
}

// renew makes a ready for another adapter. What was read of the request's body
// cannot be read again, and stays.
func (a *adapted) renew() {
	a.end()
	x, body, whole := a.x, a.bodies[adapter.Request], a.whole[adapter.Request]
	a.bodies[adapter.Request] = nil
	a.forget()
	a.x, a.bodies[adapter.Request], a.whole[adapter.Request] = x, body, whole
}

// method returns the request's as it is sent.
func (x *exchange) method() []byte {
	if x.adapted != nil {
		return x.adapted.Method()
	}
	return x.head.method
}

// appendEdited writes the request's fields as the adapter left them, but for
// those that are not its to say, and for the one that appendCarrier writes.
func (a *adapted) appendEdited(b []byte) []byte {
	_, to := a.x.carriers()
	for _, f := range a.fields[adapter.RequestHeader].All() {
		if !forwardable(f.Name) || sameName(f.Name, to) {
			continue
		}
		b = append(append(b, f.Name...), ':', ' ')
		b = append(append(b, f.Value...), '\r', '\n')
	}
	return b
}

// host returns the request's, as the adapter left it.
func (a *adapted) host() []byte {
	if f := &a.fields[adapter.RequestHeader]; f.Edited() {
		if host, ok := f.Get("host"); ok && len(host) > 0 && validHost(host) {
			return host
		}
	}
	return a.x.head.host
}

// forwardable reports whether a field that an adapter wrote may be sent to the
// module: it does not frame the body, belongs to no connection, and is not the
// gateway's own.
func forwardable(name []byte) bool {
	var h head
	k, err := h.take(name, []byte("1"))
	return err == nil && k == relayed
}

// trailed reports whether fields follow the request's body, which is chunked
// then.
func (a *adapted) trailed() bool { return len(a.trailers()) > 0 }

// trailers returns the fields that follow the request's body.
func (a *adapted) trailers() []adapter.Field {
	if a.loaded[adapter.RequestTrailer] || len(a.x.trailers) > 0 {
		return a.Fields(adapter.RequestTrailer).All()
	}
	return nil
}

// appendFraming writes how the body that is at hand is framed.
func (a *adapted) appendFraming(b []byte) []byte {
	n := len(a.body(adapter.Request))
	switch {
	case a.trailed():
		return append(b, "Transfer-Encoding: chunked\r\n"...)
	case n > 0 || a.x.head.length || a.x.head.chunked:
		b = strconv.AppendInt(append(b, "Content-Length: "...), int64(n), 10)
		return append(b, '\r', '\n')
	default:
		return b
	}
}

// appendHeld writes the body that is at hand after the head.
func (a *adapted) appendHeld(b []byte) []byte {
	body := a.body(adapter.Request)
	if !a.trailed() {
		return append(b, body...)
	}
	if len(body) > 0 {
		b = strconv.AppendInt(b, int64(len(body)), 16)
		b = append(append(append(b, '\r', '\n'), body...), '\r', '\n')
	}
	b = append(b, "0\r\n"...)
	b = appendTrailers(b, a.trailers())
	return append(b, '\r', '\n')
}

// unsent returns the request's body, with what an adapter has read of it.
func (x *exchange) unsent() io.Reader {
	stream := x.ctx.RequestBodyStream()
	if a := x.adapted; a != nil && len(a.bodies[adapter.Request]) > 0 {
		return io.MultiReader(bytes.NewReader(a.bodies[adapter.Request]), stream)
	}
	return stream
}
