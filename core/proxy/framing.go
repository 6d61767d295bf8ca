package proxy

import "strconv"

// framing returns the head that the server gets in place of the client's. All
// that it says is where the request ends, and what becomes of the connection.
func (x *exchange) framing() []byte {
	h := &x.head
	switch {
	case x.refusal != nil && string(h.method) == "HEAD":
		return refusedHEAD
	case x.refusal != nil:
		return refusedHead
	case h.size == 0 && !h.closes && !h.http10 && string(h.method) != "HEAD":
		return plainHead
	}
	b := x.frame[:0]
	switch {
	case string(h.method) == "HEAD":
		b = append(b, "HEAD / HTTP/1."...)
	case h.size == 0:
		b = append(b, "GET / HTTP/1."...)
	default:
		b = append(b, "POST / HTTP/1."...)
	}
	if h.http10 {
		b = append(b, '0')
	} else {
		b = append(b, '1')
	}
	b = append(b, "\r\nHost: g\r\n"...)
	switch {
	case h.chunked:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case h.size > 0:
		b = append(b, "Content-Length: "...)
		b = append(strconv.AppendInt(b, h.size, 10), crlf...)
	}
	if h.expects && h.size != 0 && !h.http10 {
		b = append(b, "Expect: 100-continue\r\n"...)
	}
	switch {
	case h.closes, h.isolated:
		b = append(b, "Connection: close\r\n"...)
	case h.http10 && h.keepAlive:
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	x.frame = append(b, crlf...)
	return x.frame
}

// Heads of requests without a body.
var (
	plainHead   = []byte("GET / HTTP/1.1\r\nHost: g\r\n\r\n")
	refusedHead = []byte("GET / HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n")
	refusedHEAD = []byte("HEAD / HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n")
)
