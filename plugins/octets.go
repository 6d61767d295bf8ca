package plugins

import "encoding/binary"

// What a guest writes may have come from a client. Names and methods that are
// none are the guest's fault; values and targets are made harmless instead, so
// that no client can make a guest fail by what it sends.

// tokenOctets are those of RFC 9110 5.6.2.
const tokenOctets = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

var isTokenOctet = func() (set [256]bool) {
	for i := range len(tokenOctets) {
		set[tokenOctets[i]] = true
	}
	return set
}()

func isToken(b []byte) bool {
	for _, c := range b {
		if !isTokenOctet[c] {
			return false
		}
	}
	return len(b) > 0
}

// isText reports whether b can be a field's value (RFC 9110 5.5). Eight
// octets at a time are looked at for one that may be none, the last eight
// perhaps for the second time.
func isText(b []byte) bool {
	if len(b) < 8 {
		return isTextSlowly(b)
	}
	for rest := b; ; rest = rest[8:] {
		if len(rest) < 8 {
			rest = b[len(b)-8:]
		}
		const ones, highs = 0x0101010101010101, 0x8080808080808080
		x := binary.LittleEndian.Uint64(rest)
		low := (x - ones*' ') &^ x & highs                         // below a space
		del := ((x ^ ones*0x7f) - ones) &^ (x ^ ones*0x7f) & highs // or 0x7f
		if low|del != 0 && !isTextSlowly(rest[:8]) {
			return false
		}
		if len(rest) == 8 {
			return true
		}
	}
}

func isTextSlowly(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// appendText appends b with a space for each control character, as RFC 9110
// 5.5 has it.
func appendText(dst, b []byte) []byte {
	for _, c := range b {
		if c < ' ' || c == 0x7f {
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst
}

// isTarget reports whether b, which begins with a slash, can be a target in
// origin form. The gateway takes no backslash in a path, which some read as a
// slash.
func isTarget(b []byte) bool {
	query := false
	for _, c := range b {
		query = query || c == '?'
		if !isTargetOctet(c, query) {
			return false
		}
	}
	return true
}

func isTargetOctet(c byte, query bool) bool {
	return c > ' ' && c < 0x7f && c != '#' && (query || c != '\\')
}

// appendTarget appends b with everything percent-encoded that cannot be in a
// target.
func appendTarget(dst, b []byte) []byte {
	const digits = "0123456789ABCDEF"
	query := false
	for _, c := range b {
		query = query || c == '?'
		if isTargetOctet(c, query) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}

// trim returns b without the white space around it.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

func appendLower(dst, b []byte) []byte {
	for _, c := range b {
		dst = append(dst, lower(c))
	}
	return dst
}

func equalFold(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}
