package proxy

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
)

// Who asks, and by which way, is known of the peer alone; what came before it
// anyone can say. A trusted proxy is believed, for as far as the way leads
// through trusted ones: the client is the last that one of them has seen.

// trusts reports whether a peer's word on who asks counts.
func (t *terms) trusts(peer netip.Addr) bool {
	return slices.ContainsFunc(t.trusted, func(p netip.Prefix) bool { return p.Contains(peer) })
}

// said is what a trusted peer says of the way of a request. Zero: nothing, or
// the peer is not trusted.
type said struct {
	client    netip.Addr
	proto     []byte // that the client spoke; nil: not said
	host      []byte // that it asked for; nil: not said
	addresses []byte // of X-Forwarded-For
	elements  []byte // of Forwarded
}

// peer returns who is connected; no valid address of who is not by IP.
func (x *exchange) peer() netip.Addr {
	if tcp, ok := x.ctx.Conn().RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// remote returns the client's address.
func (x *exchange) remote() netip.Addr {
	peer := x.peer()
	if said := x.said(peer); said.client.IsValid() {
		return said.client
	}
	return peer
}

// said reads what the peer says, if it is trusted. Of the two fields that name
// addresses a proxy may know one, and pass the other on as a client made it up:
// where both came, they count as far as they agree.
func (x *exchange) said(peer netip.Addr) said {
	if !x.terms.trusts(peer) {
		return said{}
	}
	h := &x.head
	s := said{client: peer, addresses: h.joined("x-forwarded-for"), elements: h.joined("forwarded")}
	hops, ok := parseForwarded(s.elements)
	if !ok {
		s.elements = nil // its end could be taken for another, and ours be lost
	}
	var listed [][]byte
	if s.addresses != nil {
		listed = bytes.Split(s.addresses, []byte(","))
	}
	for i := range max(len(listed), len(hops)) {
		var next netip.Addr
		at, hop := len(listed)-1-i, len(hops)-1-i
		if at >= 0 {
			next = parseNode(trim(listed[at]))
		}
		if hop >= 0 {
			node := parseNode(hops[hop].node)
			if len(listed) > 0 && node != next {
				break
			}
			next = node
			s.proto, s.host = hops[hop].proto, hops[hop].host
		} else if len(hops) > 0 {
			break
		}
		if !next.IsValid() {
			break
		}
		if s.client = next; !x.terms.trusts(next) {
			break
		}
	}
	if proto := h.joined("x-forwarded-proto"); isProto(proto) {
		s.proto = proto
	}
	if host := h.joined("x-forwarded-host"); len(host) > 0 && validHost(host) {
		s.host = host
	}
	return s
}

// joined returns the values of all fields of that name, as one list; nil:
// there are none.
func (h *head) joined(name string) (values []byte) {
	for i := range h.fields {
		f := &h.fields[i]
		if !equalFold(h.raw[f.start:f.start+f.colon], name) {
			continue
		}
		value := h.value(f)
		switch {
		case len(value) == 0:
		case values == nil:
			values = value
		default:
			values = append(append(bytes.Clone(values), ", "...), value...)
		}
	}
	return values
}

// isProto reports whether s is a scheme that clients speak.
func isProto(s []byte) bool { return equalFold(s, "https") || equalFold(s, "http") }

// forwardedHop is an element of Forwarded (RFC 7239 4). What it does not say is
// nil.
type forwardedHop struct{ node, proto, host []byte }

// parseForwarded reads the elements of Forwarded; not ok: they are malformed.
func parseForwarded(s []byte) (hops []forwardedHop, ok bool) {
	for hop := (forwardedHop{}); ; {
		s = trimLeft(s)
		if n := tokenLength(s); n > 0 {
			if n == len(s) || s[n] != '=' {
				return nil, false
			}
			name, rest := s[:n], s[n+1:]
			length := valueLength(rest)
			if length == 0 {
				return nil, false
			}
			hop.take(name, unquoted(rest[:length]))
			s = trimLeft(rest[length:])
		}
		switch {
		case len(s) == 0 || s[0] == ',':
			if hop.node != nil || hop.proto != nil || hop.host != nil {
				hops = append(hops, hop)
			}
			if len(s) == 0 {
				return hops, true
			}
			hop = forwardedHop{}
		case s[0] != ';':
			return nil, false
		}
		s = s[1:]
	}
}

func (h *forwardedHop) take(name, value []byte) {
	switch {
	case equalFold(name, "for"):
		h.node = value
	case equalFold(name, "proto") && isProto(value):
		h.proto = value
	case equalFold(name, "host") && len(value) > 0 && validHost(value):
		h.host = value
	}
}

// unquoted returns a value without its quotes. Nothing that is read from one
// has any that it could not do without.
func unquoted(s []byte) []byte {
	if s[0] != '"' {
		return s
	}
	return s[1 : len(s)-1]
}

func trimLeft(s []byte) []byte { return bytes.TrimLeft(s, " \t") }

// parseNode reads an address, with or without a port; not valid: it is none,
// or hidden (RFC 7239 6).
func parseNode(s []byte) netip.Addr {
	text := string(s)
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Unmap().WithZone("")
	}
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap().WithZone("")
	}
	if n := len(text); n > 2 && text[0] == '[' && text[n-1] == ']' {
		if addr, err := netip.ParseAddr(text[1 : n-1]); err == nil {
			return addr.Unmap().WithZone("")
		}
	}
	return netip.Addr{}
}
