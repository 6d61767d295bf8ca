package proxy

import "github.com/valyala/fasthttp"

// exposed are the fields of the gateway's own answers that scripts may read.
const exposed = "Retry-After, Modgate-Status, Modgate-Request-Id, Proxy-Status"

// allowOrigin lets the page that sent the request read an answer that the
// gateway made itself (3.2). Without it a browser would report DELAY as a
// network failure.
func (x *exchange) allowOrigin() {
	if len(x.head.origin) == 0 {
		return
	}
	h := &x.ctx.Response.Header
	h.SetBytesV("Access-Control-Allow-Origin", x.head.origin)
	h.Set("Vary", "Origin")
	h.Set("Access-Control-Expose-Headers", exposed)
	if x.terms.origins[string(x.head.origin)] {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
}

// preflight allows what the page wants to ask, of a module that is not ready:
// else the browser would never send the request that can be parked.
func (x *exchange) preflight() {
	x.p.stats.count(preflighted)
	h := x.blank(fasthttp.StatusNoContent)
	x.allowOrigin()
	h.SetBytesV("Access-Control-Allow-Methods", x.head.preflight)
	if len(x.head.askedFor) > 0 {
		h.SetBytesV("Access-Control-Allow-Headers", x.head.askedFor)
	}
	h.Set("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
}
