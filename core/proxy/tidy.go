package proxy

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

// tidy removes from an answer's head what is for the hop from the upstream
// only, and what only the gateway may say.
func tidy(h *fasthttp.ResponseHeader) {
	h.ResetConnectionClose()
	h.SetProtocol(http11) // a message says the version of who sends it (RFC 9110 2.5)
	var buf [8][]byte
	nominated, found := buf[:0], false
	for k, v := range h.All() {
		if len(k) == len("connection") && equalFold(k, "connection") {
			nominated = appendNominated(nominated, v)
		}
		found = found || ofHop(k)
	}
	if !found {
		return // and so nothing nominated
	}
	for name := forThisHop(h, nominated); name != nil; name = forThisHop(h, nominated) {
		h.DelBytes(name)
	}
}

// appendNominated appends the fields that a Connection field names.
func appendNominated(to [][]byte, value []byte) [][]byte {
	for option := range list(value) {
		if !equalFold(option, "close") && !equalFold(option, "keep-alive") {
			to = append(to, bytes.Clone(option))
		}
	}
	return to
}

// forThisHop returns a field that must not be relayed.
func forThisHop(h *fasthttp.ResponseHeader, nominated [][]byte) []byte {
	for k := range h.All() {
		if ofHop(k) {
			return k
		}
		for _, n := range nominated {
			if bytes.EqualFold(k, n) && !equalFold(k, "content-length") && !equalFold(k, "transfer-encoding") {
				return k
			}
		}
	}
	return nil
}

// ofHop reports whether a field of an answer is for one hop, or the
// gateway's alone to say.
func ofHop(name []byte) bool {
	switch len(name) | int(name[0]|0x20)<<8 {
	case 10 | 'c'<<8:
		return equalFold(name, "connection")
	case 10 | 'k'<<8:
		return equalFold(name, "keep-alive")
	case 7 | 'u'<<8:
		return equalFold(name, "upgrade")
	case 2 | 't'<<8:
		return equalFold(name, "te")
	case 16 | 'p'<<8:
		return equalFold(name, "proxy-connection")
	case 18 | 'p'<<8:
		return equalFold(name, "proxy-authenticate")
	case 18 | 'm'<<8:
		return equalFold(name, "modgate-request-id")
	case 14 | 'm'<<8:
		return equalFold(name, "modgate-status")
	default:
		return false
	}
}

var http11 = []byte("HTTP/1.1")
