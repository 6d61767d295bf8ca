package proxy

import (
	"bytes"
)

// badReply is why an upstream's answer is not relayed. As a request's head, an
// answer's is read in one way or not at all: what a module and its client could
// read differently is nobody's answer.
type badReply string

const (
	errStatusLine  badReply = "its status line is not HTTP/1.1 or HTTP/1.0, a status from 100 to 999, and a reason, ending in CRLF"
	errReplyLine   badReply = "a header line does not end in CRLF, or is folded"
	errReplyName   badReply = "a header name is not a token that the colon follows at once"
	errReplyOctet  badReply = "a header value has a control character"
	errReplyFolded badReply = "a header name looks like Content-Length or Transfer-Encoding"
	errReplyFramed badReply = "the body's length is not said once, by a decimal Content-Length or, in HTTP/1.1, by Transfer-Encoding: chunked"
	errReplySize   badReply = "its head, with those of interim answers before it, is too large"
	errReplyHop    badReply = "its Connection names more than 32 fields"
	errReplyShort  badReply = "its head breaks off"
	errChunk       badReply = "a chunk of its body, or a trailer, is malformed"
	errSwitched    badReply = "it switches to a protocol that was not asked for"
)

func (b badReply) Error() string { return "the answer is malformed: " + string(b) }

// reply is the head of an upstream's answer, checked and sorted out, and the
// trailers that came after its body. It points into raw by numbers only.
type reply struct {
	raw    []byte  // from the status line to the empty line; empty: not whole yet
	fields []field // of raw, relayed or not
	at     int     // how far it is read
	start  int     // of the fields
	status int

	http10    bool
	said      bool // Content-Length was there
	chunked   bool
	size      int64 // as Content-Length says
	closes    bool  // Connection: close
	keepAlive bool  // Connection: keep-alive
	events    bool  // the body is of server-sent events
	grpc      bool  // the body is gRPC's

	options   int      // that Connection names, at most
	nominated [][]byte // by Connection, to be dropped; of no use once the head is read

	trailers []byte // lines that came after the body, of fields that may
}

// begin empties h and keeps its memory.
func (h *reply) begin() {
	*h = reply{fields: h.fields[:0], nominated: h.nominated[:0], trailers: h.trailers[:0]}
}

// parse reads the head that b begins with, from the status line up to and
// including the empty line, and keeps b. While the head is not whole and may
// become so it returns errReplyShort; it goes on where it was when it is called
// again with more. Every answer comes by here: a good head is looked at once.
func (h *reply) parse(b []byte) error {
	if h.at == 0 {
		n := bytes.IndexByte(b, '\n')
		switch {
		case n < 0 && bytes.HasPrefix([]byte("HTTP/1."), b[:min(len(b), len("HTTP/1."))]):
			return errReplyShort
		case n < 1 || b[n-1] != '\r' || !h.line(b[:n-1]):
			return errStatusLine
		}
		h.at, h.start = n+1, n+1
	}
	for {
		line, fault := readLine(b[h.at:])
		switch {
		case fault != noFault && bytes.IndexByte(b[h.at:], '\n') < 0:
			return errReplyShort
		case fault == lineBroken:
			return errReplyLine
		case fault == nameBroken:
			return errReplyName
		case fault == valueBroken:
			return errReplyOctet
		case line.end == 0:
			return h.end(b)
		case len(h.fields) == mostFields:
			return errReplySize
		}
		k, err := h.take(b[h.at:h.at+line.colon], b[h.at+line.colon+1:h.at+line.end])
		if err != nil {
			return err
		}
		h.fields = append(h.fields, field{start: h.at, end: h.at + line.end, colon: line.colon, kind: k})
		h.at += line.end + len(crlf)
	}
}

// line reads a status line (RFC 9112 4). Statuses that nobody has defined are
// the client's to read (RFC 9110 15), and a reason may be left out with the
// space before it, as some do.
func (h *reply) line(line []byte) bool {
	const version = "HTTP/1.x "
	if len(line) < len(version)+3 || string(line[:7]) != version[:7] || line[8] != ' ' {
		return false
	}
	switch line[7] {
	case '1':
	case '0':
		h.http10 = true
	default:
		return false
	}
	for _, c := range line[len(version) : len(version)+3] {
		if c < '0' || c > '9' {
			return false
		}
		h.status = h.status*10 + int(c-'0')
	}
	reason := line[len(version)+3:]
	return h.status >= 100 && (len(reason) == 0 || reason[0] == ' ') && isText(reason)
}

// take keeps what the gateway reads of a field, and says what becomes of it.
// What frames the body is written anew.
func (h *reply) take(name, value []byte) (kind, error) {
	switch len(name) | int(name[0]|0x20)<<8 {
	case 14 | 'c'<<8:
		if !equalFold(name, "content-length") {
			return relayed, checkReplyFold(name)
		}
		n, ok := decimal(trim(value))
		if h.said || !ok {
			return dropped, errReplyFramed
		}
		h.said, h.size = true, n
		return dropped, nil
	case 17 | 't'<<8:
		if !equalFold(name, "transfer-encoding") {
			return relayed, checkReplyFold(name)
		}
		if h.chunked || h.http10 || !equalFold(trim(value), "chunked") {
			return dropped, errReplyFramed
		}
		h.chunked = true
		return dropped, nil
	case 10 | 'c'<<8:
		if !equalFold(name, "connection") {
			return relayed, nil
		}
		return dropped, h.hop(value)
	case 12 | 'c'<<8:
		if equalFold(name, "content-type") {
			value = trim(value)
			h.events, h.grpc = isEvents(value), isGRPC(value)
		}
		return relayed, nil
	}
	if ofHop(name) {
		return dropped, nil
	}
	return relayed, checkReplyFold(name)
}

// isEvents reports whether a media type is that of server-sent events.
func isEvents(contentType []byte) bool {
	_, ok := cutPrefixFold(contentType, "text/event-stream")
	return ok
}

func checkReplyFold(name []byte) error {
	if checkFold(name) != nil {
		return errReplyFolded
	}
	return nil
}

// hop reads a Connection field.
func (h *reply) hop(value []byte) error {
	if h.options += 1 + bytes.Count(value, []byte(",")); h.options > mostOptions {
		return errReplyHop
	}
	for option := range list(value) {
		switch {
		case equalFold(option, "close"):
			h.closes = true
		case equalFold(option, "keep-alive"):
			h.keepAlive = true
		default:
			h.nominated = append(h.nominated, bytes.Clone(option))
		}
	}
	return nil
}

// end compares what was read, once the head is whole. Two ways to frame a body
// are one too many.
func (h *reply) end(b []byte) error {
	if h.said && h.chunked {
		return errReplyFramed
	}
	h.at += len(crlf)
	h.raw = b[:h.at]
	for _, name := range h.nominated {
		for i := range h.fields {
			if f := &h.fields[i]; bytes.EqualFold(h.name(f), name) {
				f.kind = dropped
			}
		}
	}
	return nil
}

// name and value return those of a field.
func (h *reply) name(f *field) []byte  { return h.raw[f.start : f.start+f.colon] }
func (h *reply) value(f *field) []byte { return trim(h.raw[f.start+f.colon+1 : f.end]) }

// find returns the value of the first field of that name, relayed or not.
func (h *reply) find(lowerCase string) []byte {
	for i := range h.fields {
		if f := &h.fields[i]; equalFold(h.name(f), lowerCase) {
			return h.value(f)
		}
	}
	return nil
}

// Lengths that are none.
const (
	chunked  = -1
	untilEOF = -2
)

// length returns the length of the body, if there is one, or one of the two
// above.
func (h *reply) length() int {
	switch {
	case h.chunked:
		return chunked
	case h.said:
		return int(h.size)
	default:
		return untilEOF
	}
}

// bodyless reports whether a status never has a body, whatever frames one (RFC
// 9112 6.3).
func bodyless(status int) bool { return status < 200 || status == 204 || status == 304 }

// overfull reports whether it frames a body where there is none, and who sent
// it may send one.
func (h *reply) overfull() bool {
	return (h.status < 200 || h.status == 204) && (h.chunked || h.size > 0)
}

// keeps reports whether the connection may be used again.
func (h *reply) keeps() bool { return !h.closes && (!h.http10 || h.keepAlive) }

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
