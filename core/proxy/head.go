package proxy

import (
	"bytes"
	"errors"
	"time"
)

// Why a head is refused before routing. Two parsers that disagree about a head
// are how requests are smuggled, so nothing is repaired.
var (
	errRequestLine = errors.New("the request line must be a method, a target and a version, with one space between them, and end in CRLF")
	errVersion     = errors.New("the version must be HTTP/1.1 or HTTP/1.0")
	errConnect     = errors.New("CONNECT is not for a gateway")
	errTarget      = errors.New("the request target must be a path, an http URL or, for OPTIONS, an asterisk, in visible ASCII, without a fragment or a backslash in its path")
	errLine        = errors.New("a header line must end in CRLF and may not be folded")
	errOctet       = errors.New("a header value may not contain control characters")
	errName        = errors.New("a header name must be a token that the colon follows at once")
	errFolded      = errors.New("a header name may not look like Content-Length or Transfer-Encoding")
	errFraming     = errors.New("the body's length must be said once, by a decimal Content-Length or by Transfer-Encoding: chunked")
	errBodied      = errors.New("TRACE has no body")
	errHost        = errors.New("exactly one valid Host is required")
	errExpectation = errors.New("only 100-continue can be expected")
	errCoding      = errors.New("a transfer coding is not known")
	errTraced      = errors.New("Max-Forwards ends here, and the gateway answers no TRACE")
	errLoop        = errors.New("the request came by here sixteen times, as its Via says")

	errOptions       = errors.New("at most 32 fields may be named by Connection")
	errHeadTooLarge  = errors.New("the request's head is too large")
	errTargetTooLong = errors.New("the request's target is too long")
)

// kind says what becomes of a header field.
type kind uint8

const (
	relayed kind = iota // forwarded as it was sent
	dropped             // for this hop, or written anew
)

// field is one header line of the raw head.
type field struct {
	start, end int // of the line without its CRLF
	colon      int
	kind       kind
}

// head is a request's head, checked and sorted out. Its slices point into raw.
type head struct {
	method []byte
	target []byte // in origin-form or asterisk-form, to be forwarded untouched
	path   []byte // target without the query
	host   []byte
	http10 bool

	raw    []byte // from the request line to the empty line
	fields []field

	token     []byte // Modgate-Token
	run       []byte // Modgate-Run
	requestID []byte // Modgate-Request-Id
	prefer    []byte
	origin    []byte
	accept    []byte
	preflight []byte // Access-Control-Request-Method
	askedFor  []byte // Access-Control-Request-Headers
	upgrade   []byte // what Upgrade asks for, if Connection says so too

	timeout   time.Duration // that the caller gives the whole request; 0: none
	timed     bool          // by Modgate-Timeout
	grpcTimed bool          // by grpc-timeout
	keyed     bool          // Idempotency-Key was there
	grpc      bool          // the body is gRPC's

	tokens    int // number of Modgate-Token lines
	passed    int // times that it came by here, as Via says
	hops      int // that Max-Forwards allows, and one; 0: it says nothing that concerns us
	trailers  bool
	hosts     int
	length    bool     // Content-Length was there
	coded     bool     // Transfer-Encoding was there
	chunked   bool     // and its last word
	foreign   bool     // among its words was one that nobody knows
	size      int64    // of the body, or chunked
	expects   bool     // 100-continue
	isolated  bool     // a body where others expect none: both connections end with the answer
	closes    bool     // Connection: close, or what came with it makes that wise
	keepAlive bool     // Connection: keep-alive
	nominated [][]byte // by Connection, to be dropped
	codings   [][]byte // of the body beneath its chunks
}

// parse checks a head as it came in, from the request line up to and including
// the empty line. It keeps raw.
func (h *head) parse(raw []byte) error {
	h.forget()
	h.raw = raw
	n := bytes.IndexByte(raw, '\n')
	if n < 1 || raw[n-1] != '\r' {
		return errRequestLine
	}
	target, err := h.start(raw[:n-1])
	if err != nil {
		return err
	}
	if err := h.split(n + 1); err != nil {
		return err
	}
	if len(h.nominated) > mostOptions {
		return errOptions
	}
	if len(h.nominated) > 0 {
		h.dropNominated()
	}
	if err := h.checkCodings(); err != nil {
		return err
	}
	if h.passed >= mostPasses {
		return errLoop
	}
	if h.size != 0 && string(h.method) == "TRACE" {
		return errBodied // RFC 9110 9.3.8
	}
	if h.hosts > 1 || h.hosts == 0 && !h.http10 || h.hosts == 1 && len(h.host) == 0 || !validHost(h.host) {
		return errHost
	}
	switch string(h.method) {
	case "GET", "HEAD", "OPTIONS":
		h.isolated = h.isolated || h.size != 0
	}
	return h.aim(target)
}

// Every field is compared with every one that Connection names, and each is
// remembered while the request is here: both have a bound.
const (
	mostOptions = 32
	mostFields  = 500
)

// mostPasses is how often a request may come by here, as is said of a run (U11).
const mostPasses = 16

// forget empties h and keeps its memory.
func (h *head) forget() {
	fields, nominated, codings := h.fields[:0], h.nominated[:0], h.codings[:0]
	*h = head{}
	h.fields, h.nominated, h.codings = fields, nominated, codings
}

// start reads a request line (RFC 9112 3) and returns its target. One that is
// empty is that of the root, as the path of a URI is (RFC 9110 4.2.3).
func (h *head) start(line []byte) ([]byte, error) {
	method, rest, ok := bytes.Cut(line, space)
	if !ok || !isToken(method) {
		return nil, errRequestLine
	}
	target, version, ok := bytes.Cut(rest, space)
	if !ok {
		return nil, errRequestLine
	}
	if len(target) == 0 {
		target = root
	}
	switch string(version) {
	case "HTTP/1.1":
	case "HTTP/1.0":
		h.http10 = true
	default:
		return nil, errVersion
	}
	if string(method) == "CONNECT" {
		return nil, errConnect
	}
	h.method = method
	return target, nil
}

var (
	space = []byte(" ")
	root  = []byte("/")
)

// checkPartial refuses what cannot become a head any more.
func checkPartial(raw []byte) error {
	if len(raw) == 0 || len(raw) == 1 && raw[0] == '\r' {
		return nil
	}
	if c := raw[0]; !tokenOctets.has(c) {
		return errRequestLine
	}
	for at, first := 0, true; ; first = false {
		n := bytes.IndexByte(raw[at:], '\n')
		if n < 0 {
			return nil
		}
		line, ok := bytes.CutSuffix(raw[at:at+n], crlf[:1])
		if !ok {
			return errLine
		}
		if first {
			if _, err := new(head).start(line); err != nil {
				return err
			}
		}
		at += n + 1
	}
}

// split sorts out the lines from start on.
func (h *head) split(start int) error {
	raw := h.raw
	for at := start; at < len(raw); {
		line, fault := readLine(raw[at:])
		switch fault {
		case noFault:
		case lineBroken:
			return errLine
		case nameBroken:
			return errName
		case valueBroken:
			return errOctet
		}
		if line.end == 0 {
			return nil
		}
		k, err := h.take(raw[at:at+line.colon], trim(raw[at+line.colon+1:at+line.end]))
		if err != nil {
			return err
		}
		if len(h.fields) == mostFields {
			return errHeadTooLarge
		}
		h.fields = append(h.fields, field{start: at, end: at + line.end, colon: line.colon, kind: k})
		at += line.end + len(crlf)
	}
	return nil
}
