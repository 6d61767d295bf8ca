package proxy

import (
	"bytes"
	"net/netip"
	"strconv"
)

// aim reads the request target (RFC 9112 3.2). Of an absolute one, its
// authority replaces Host. A # ends a path to some, and is refused there; in a
// query, which the gateway reads nothing of, it is forwarded as what it may be.
func (h *head) aim(target []byte) error {
	query, hash := false, false
	for _, c := range target {
		query = query || c == '?'
		hash = hash || c == '#'
		if c <= ' ' || c >= 0x7f || c == '#' && !query {
			return errTarget
		}
	}
	if hash {
		target = bytes.ReplaceAll(target, []byte("#"), []byte("%23"))
	}
	h.target = target
	switch {
	case len(target) == 0:
		return errTarget
	case target[0] == '/':
	case len(target) == 1 && target[0] == '*' && string(h.method) == "OPTIONS":
	default:
		return h.aimAbsolute(target)
	}
	return h.cut()
}

func (h *head) aimAbsolute(target []byte) error {
	rest, ok := cutPrefixFold(target, "http://")
	if !ok {
		rest, ok = cutPrefixFold(target, "https://")
	}
	if !ok {
		return errTarget
	}
	n := bytes.IndexAny(rest, "/?")
	if n < 0 {
		n = len(rest)
	}
	if n == 0 || !validHost(rest[:n]) {
		return errTarget
	}
	h.host, h.target = rest[:n], rest[n:]
	switch {
	case len(h.target) == 0 && string(h.method) == "OPTIONS":
		h.target = []byte("*")
	case len(h.target) == 0 || h.target[0] == '?':
		h.target = append([]byte("/"), h.target...)
	}
	return h.cut()
}

// cut cuts the path from the target. A backslash in it, which RFC 3986 does
// not know, is read as a slash by some.
func (h *head) cut() error {
	h.path, _, _ = bytes.Cut(h.target, []byte("?"))
	if bytes.IndexByte(h.path, '\\') >= 0 {
		return errTarget
	}
	return nil
}

// validHost reports whether s may be a Host: a name, an IPv4 address or, in
// brackets, an IPv6 one, and maybe a port (RFC 3986 3.2.2). It has no user, no
// separator, nothing that a URL would end at.
func validHost(s []byte) bool {
	name, port := s, []byte(nil)
	if len(s) > 0 && s[0] == '[' {
		n := bytes.IndexByte(s, ']')
		if n < 0 {
			return false
		}
		addr, err := netip.ParseAddr(string(s[1:n]))
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return false
		}
		if name, port = nil, s[n+1:]; len(port) > 0 && port[0] != ':' {
			return false
		}
	} else if n := bytes.IndexByte(s, ':'); n >= 0 {
		name, port = s[:n], s[n:]
		if n == 0 {
			return false
		}
	}
	return hostOctets.all(name) && validPort(port)
}

// validPort reports whether s is nothing, or a colon and a port, which may be
// empty (RFC 3986 3.2.3).
func validPort(s []byte) bool {
	if len(s) < 2 {
		return true
	}
	n, err := strconv.ParseUint(string(s[1:]), 10, 16)
	return err == nil && n > 0
}
