package proxy

import "bytes"

// take keeps what the gateway reads of a field, and says what becomes of it.
func (h *head) take(name, value []byte) (kind, error) {
	var buf [32]byte
	if len(name) > len(buf) {
		return relayed, checkFold(name)
	}
	low := lower(buf[:0], name)
	switch string(low) {
	case "host":
		h.host = value
		h.hosts++
	case "content-length":
		size, ok := decimal(value)
		if h.length || !ok {
			return dropped, errFraming
		}
		h.length, h.size = true, size
	case "transfer-encoding":
		return dropped, h.takeCodings(value)
	case "connection":
		h.options(value)
	case "upgrade":
		h.upgrade = value
	case "te":
		h.trailers = h.trailers || listHas(value, "trailers")
	case "expect":
		if !equalFold(value, "100-continue") {
			return dropped, errExpectation
		}
		h.expects = true
	case "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "http2-settings":
	case "forwarded", "x-real-ip", "client-cert", "client-cert-chain":
	case "modgate-token":
		h.token = value
		h.tokens++
	case "modgate-run":
		h.run = value
	case "modgate-timeout":
		return dropped, h.takeTimeout(value)
	case "grpc-timeout":
		if !h.takeGRPCTimeout(value) {
			return relayed, nil
		}
	case "idempotency-key":
		h.keyed = true
		return relayed, nil
	case "via":
		h.pass(value)
		return relayed, nil
	case "max-forwards":
		if !h.limit(value) {
			return relayed, nil
		}
	case "modgate-request-id":
		h.requestID = value
	case "prefer":
		h.prefer = value
		return relayed, nil
	case "content-type":
		h.grpc = isGRPC(value)
		return relayed, nil
	case "origin":
		h.origin = value
		return relayed, nil
	case "accept":
		h.accept = value
		return relayed, nil
	case "access-control-request-method":
		h.preflight = value
		return relayed, nil
	case "access-control-request-headers":
		h.askedFor = value
		return relayed, nil
	default:
		return takeOther(low, name)
	}
	return dropped, nil
}

// pass counts how often the request came by here (RFC 9110 7.6.3).
func (h *head) pass(via []byte) {
	for member := range list(via) {
		_, by, _ := bytes.Cut(member, space)
		if by, _, _ = bytes.Cut(trim(by), space); string(by) == "modgate" {
			h.passed++
		}
	}
}

// limit reads Max-Forwards, and reports whether it is for intermediaries to
// heed (RFC 9110 7.6.2).
func (h *head) limit(value []byte) bool {
	n, ok := decimal(value)
	if m := string(h.method); !ok || m != "TRACE" && m != "OPTIONS" {
		return false
	}
	hops := int(min(n, 1<<20)) + 1
	if h.hops == 0 || hops < h.hops {
		h.hops = hops
	}
	return true
}

// isGRPC reports whether a media type is gRPC's own, and not that of gRPC-Web.
func isGRPC(contentType []byte) bool {
	rest, ok := cutPrefixFold(contentType, "application/grpc")
	return ok && (len(rest) == 0 || rest[0] == '+' || rest[0] == ';')
}

// takeOther says what becomes of a field that the gateway does not read. Who
// forwards, and the gateway's own words, are not for clients to say.
func takeOther(low, name []byte) (kind, error) {
	if bytes.HasPrefix(low, []byte("x-forwarded-")) || bytes.HasPrefix(low, []byte("modgate-")) {
		return dropped, nil
	}
	return relayed, checkFold(name)
}

// options reads a Connection field: what it nominates is for this hop only
// (RFC 9110 7.6.1).
func (h *head) options(value []byte) {
	for option := range list(value) {
		switch {
		case equalFold(option, "close"):
			h.closes = true
		case equalFold(option, "keep-alive"):
			h.keepAlive = true
		default:
			h.nominated = append(h.nominated, option)
		}
	}
}

// dropNominated drops the fields that Connection names.
func (h *head) dropNominated() {
	for i := range h.fields {
		f := &h.fields[i]
		if f.kind == relayed && h.nominates(h.raw[f.start:f.start+f.colon]) {
			f.kind = dropped
		}
	}
}

func (h *head) nominates(name []byte) bool {
	for _, n := range h.nominated {
		if bytes.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// upgrades reports whether the client asks for another protocol on this
// connection. HTTP/2 in clear text is none that we would tunnel.
func (h *head) upgrades() bool {
	return len(h.upgrade) > 0 && !h.http10 && !h.length && !h.chunked &&
		h.nominates([]byte("upgrade")) && !equalFold(h.upgrade, "h2c")
}
