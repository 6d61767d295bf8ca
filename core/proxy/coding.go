package proxy

import "bytes"

// Transfer codings other than chunked are nobody's any more, yet they are well
// defined: RFC 9112 7.2 has them from the registry that Content-Encoding has
// its own from. So the gateway takes them for content codings, which the module
// knows or refuses, and forwards nothing but chunked. A list that anyone could
// read differently is refused; as a request that has one is rare, it is
// isolated.

// takeCodings reads a Transfer-Encoding field. Of several, chunked is the last
// word of the last.
func (h *head) takeCodings(value []byte) error {
	if !h.coded && equalFold(value, "chunked") { // as nearly always
		h.coded, h.chunked, h.size = true, true, chunked
		return nil
	}
	h.coded = true
	for member := range bytes.SplitSeq(value, []byte(",")) {
		name, parameters, parametrized := bytes.Cut(trim(member), []byte(";"))
		name = trim(name)
		switch {
		case h.chunked || !isToken(name) || !areParameters(parameters):
			return errFraming
		case equalFold(name, "chunked"):
			h.chunked, h.size = true, chunked
		case equalFold(name, "identity"): // says nothing, and was a coding once (RFC 2616 3.6)
		case isCoding(name):
			h.codings = append(h.codings, name)
		default:
			h.foreign = true
		}
		h.isolated = h.isolated || parametrized || !h.chunked
	}
	return nil
}

// checkCodings refuses what has no end that can be found, or that the module
// could not be told (RFC 9112 6.1, 6.3).
func (h *head) checkCodings() error {
	switch {
	case !h.coded:
		return nil
	case !h.chunked, h.length, h.http10:
		return errFraming
	case h.foreign:
		return errCoding
	default:
		return nil
	}
}

// isCoding reports whether name is a coding of RFC 9110 8.4.1.
func isCoding(name []byte) bool {
	return equalFold(name, "gzip") || equalFold(name, "deflate") || equalFold(name, "compress") ||
		equalFold(name, "x-gzip") || equalFold(name, "x-compress")
}

// areParameters reports whether s is the parameters of a coding, which mean
// nothing for those that there are. None is quoted: nobody may find the end of
// the list elsewhere.
func areParameters(s []byte) bool {
	for p := range bytes.SplitSeq(s, []byte(";")) {
		name, value, _ := bytes.Cut(trim(p), []byte("="))
		if !tokenOctets.all(trim(name)) || !tokenOctets.all(trim(value)) {
			return false
		}
	}
	return true
}

// appendCodings writes what the body is still coded by once the chunks are
// read, after what its client has coded it by.
func appendCodings(b []byte, codings [][]byte) []byte {
	if len(codings) == 0 {
		return b
	}
	b = append(b, "Content-Encoding: "...)
	for i, name := range codings {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, name...)
	}
	return append(b, '\r', '\n')
}
