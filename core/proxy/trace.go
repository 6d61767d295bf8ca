package proxy

import "net/netip"

// appendTrace writes who asks and by which way. What others said of that was
// dropped, since anyone can say it; what a trusted proxy said is there again,
// and before what the gateway knows itself.
func (x *exchange) appendTrace(b []byte) []byte {
	h, peer := &x.head, x.peer()
	said := x.said(peer)
	version, proto := "1.1", "http"
	switch {
	case x.client.stream != nil:
		version = "2"
	case h.http10:
		version = "1.0"
	}
	if x.client.secure {
		proto = "https"
	}
	b = append(b, "Via: "...)
	b = append(b, version...)
	b = append(b, " modgate\r\nX-Forwarded-Proto: "...)
	if said.proto != nil {
		b = append(b, said.proto...)
	} else {
		b = append(b, proto...)
	}
	if host := said.hostOr(h.host); len(host) > 0 {
		b = append(b, "\r\nX-Forwarded-Host: "...)
		b = append(b, host...)
	}
	if peer.IsValid() {
		b = append(b, "\r\nX-Forwarded-For: "...)
		b = said.appendAddresses(b, peer)
		b = peer.AppendTo(b)
	}
	b = append(b, "\r\nForwarded: "...)
	b = said.appendElements(b, peer)
	b = append(b, "for="...)
	b = appendNode(b, peer)
	if len(h.host) > 0 {
		b = append(b, `;host="`...)
		b = append(b, h.host...)
		b = append(b, '"')
	}
	b = append(b, ";proto="...)
	b = append(b, proto...)
	if len(x.client.identity) > 0 {
		b = append(b, "\r\nClient-Cert: "...)
		b = append(b, x.client.identity...)
	}
	b = append(b, '\r', '\n')
	if said.client.IsValid() {
		b = x.appendHearsay(b)
	}
	return b
}

func (s *said) hostOr(host []byte) []byte {
	if s.host != nil {
		return s.host
	}
	return host
}

// appendAddresses writes what stands before the peer's address.
func (s *said) appendAddresses(b []byte, peer netip.Addr) []byte {
	switch {
	case s.addresses != nil:
		b = append(b, s.addresses...)
	case s.client.IsValid() && s.client != peer: // by Forwarded
		b = s.client.AppendTo(b)
	default:
		return b
	}
	return append(b, ", "...)
}

// appendElements writes what stands before the gateway's own element.
func (s *said) appendElements(b []byte, peer netip.Addr) []byte {
	switch {
	case s.elements != nil:
		b = append(b, s.elements...)
	case s.client.IsValid() && s.client != peer: // by X-Forwarded-For
		b = append(b, "for="...)
		b = appendNode(b, s.client)
	default:
		return b
	}
	return append(b, ", "...)
}

// appendHearsay writes what else a trusted proxy says of the way: the port, a
// prefix, and the like.
func (x *exchange) appendHearsay(b []byte) []byte {
	h := &x.head
	for i := range h.fields {
		f := &h.fields[i]
		name := h.raw[f.start : f.start+f.colon]
		rest, ok := cutPrefixFold(name, "x-forwarded-")
		if !ok || equalFold(rest, "for") || equalFold(rest, "proto") || equalFold(rest, "host") || h.nominates(name) {
			continue
		}
		b = append(b, h.raw[f.start:f.end]...)
		b = append(b, '\r', '\n')
	}
	return b
}

// appendNode writes a node of Forwarded (RFC 7239 6).
func appendNode(b []byte, addr netip.Addr) []byte {
	switch {
	case !addr.IsValid():
		return append(b, "unknown"...)
	case addr.Is4():
		return addr.AppendTo(b)
	default:
		b = append(b, `"[`...)
		b = addr.AppendTo(b)
		return append(b, `]"`...)
	}
}
