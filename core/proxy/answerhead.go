package proxy

import (
	"bufio"
	"bytes"
	"errors"

	"github.com/valyala/fasthttp"
)

// badAnswer is why an answer is not relayed. As a request's head, an answer's
// is read in one way or not at all: what a module and its client could read
// differently is nobody's answer.
type badAnswer string

const (
	errStatusLine   badAnswer = "its status line is not HTTP/1.1 or HTTP/1.0, a status from 100 to 999, and a reason, ending in CRLF"
	errAnswerLine   badAnswer = "a header line does not end in CRLF, or is folded"
	errAnswerName   badAnswer = "a header name is not a token that the colon follows at once"
	errAnswerOctet  badAnswer = "a header value has a control character"
	errAnswerFolded badAnswer = "a header name looks like Content-Length or Transfer-Encoding"
	errAnswerFramed badAnswer = "the body's length is not said once, by a decimal Content-Length or, in HTTP/1.1, by Transfer-Encoding: chunked"
	errAnswerSize   badAnswer = "its head, with those of interim answers before it, is too large"
	errAnswerHop    badAnswer = "its Connection names more than 32 fields"
	errAnswerShort  badAnswer = "its head breaks off"
	errAnnounced    badAnswer = "it announces a trailer that may not be one"
	errSwitched     badAnswer = "it switches to a protocol that was not asked for"
)

func (b badAnswer) Error() string { return "the answer is malformed: " + string(b) }

// answerCheck reads an answer's head before fasthttp does, which would accept
// more, and keeps what fasthttp does not say.
type answerCheck struct {
	status   int
	http10   bool
	length   bool // Content-Length was there
	chunked  bool
	codings  int // lines of Content-Encoding
	fields   int
	options  int  // that Connection names, at most
	overfull bool // it frames a body that its status has not
	size     int64
}

// await returns the next head of an answer from c's buffer, from the status
// line up to and including the empty line. It returns as soon as it is whole
// or never will be.
func (c *conn) await() ([]byte, error) {
	for seen := 0; ; {
		_, err := c.br.Peek(seen + 1)
		b, _ := c.br.Peek(c.br.Buffered())
		from := max(seen-len(headEnd)+1, 0)
		if n := bytes.Index(b[from:], headEnd); n >= 0 {
			return b[:from+n+len(headEnd)], nil
		}
		switch {
		case timedOut(err):
			return nil, err
		case len(b) == 0:
			return nil, errStale
		}
		if err := checkPartialAnswer(b, seen); err != nil {
			return nil, err
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, errAnswerSize
		case err != nil:
			return nil, errAnswerShort
		}
		seen = len(b)
	}
}

// checkPartialAnswer refuses what cannot become a head any more. What is
// before seen was looked at.
func checkPartialAnswer(b []byte, seen int) error {
	if n := min(len(b), len("HTTP/1.")); string(b[:n]) != "HTTP/1."[:n] {
		return errStatusLine
	}
	for at := seen; ; {
		n := bytes.IndexByte(b[at:], '\n')
		if n < 0 {
			return nil
		}
		if at += n + 1; b[at-2] != '\r' {
			return errAnswerLine
		}
	}
}

// head checks a whole head.
func (a *answerCheck) head(raw []byte) error {
	n := bytes.IndexByte(raw, '\n')
	if n < 1 || raw[n-1] != '\r' || !a.start(raw[:n-1]) {
		return errStatusLine
	}
	for at := n + 1; at < len(raw); {
		line, fault := readLine(raw[at:])
		switch fault {
		case noFault:
		case lineBroken:
			return errAnswerLine
		case nameBroken:
			return errAnswerName
		case valueBroken:
			return errAnswerOctet
		}
		if line.end == 0 {
			return a.frame()
		}
		if err := a.take(raw[at:at+line.colon], raw[at+line.colon+1:at+line.end]); err != nil {
			return err
		}
		if a.fields++; a.fields > mostFields {
			return errAnswerSize
		}
		at += line.end + len(crlf)
	}
	return a.frame()
}

// start reads a status line (RFC 9112 4). Statuses that nobody has defined are
// the client's to read (RFC 9110 15), and a reason may be left out with the
// space before it, as some do.
func (a *answerCheck) start(line []byte) bool {
	const version = "HTTP/1.x "
	if len(line) < len(version)+3 || string(line[:7]) != version[:7] || line[8] != ' ' {
		return false
	}
	switch line[7] {
	case '1':
	case '0':
		a.http10 = true
	default:
		return false
	}
	for _, c := range line[len(version) : len(version)+3] {
		if c < '0' || c > '9' {
			return false
		}
		a.status = a.status*10 + int(c-'0')
	}
	reason := line[len(version)+3:]
	return a.status >= 100 && (len(reason) == 0 || reason[0] == ' ') && isText(reason)
}

// take reads a field that frames the body, and refuses one that looks like it.
func (a *answerCheck) take(name, value []byte) error {
	switch {
	case len(name) == len("content-length") && equalFold(name, "content-length"):
		n, ok := decimal(trim(value))
		if a.length || !ok {
			return errAnswerFramed
		}
		a.length, a.size = true, n
	case len(name) == len("transfer-encoding") && equalFold(name, "transfer-encoding"):
		if a.chunked || a.http10 || !equalFold(trim(value), "chunked") {
			return errAnswerFramed
		}
		a.chunked = true
	case len(name) == len("content-encoding") && equalFold(name, "content-encoding"):
		a.codings++
	case len(name) == len("connection") && equalFold(name, "connection"):
		if a.options += 1 + bytes.Count(value, []byte(",")); a.options > mostOptions {
			return errAnswerHop
		}
	default:
		if checkFold(name) != nil {
			return errAnswerFolded
		}
	}
	return nil
}

// frame compares the fields that frame the body with each other and with the
// status. Of a status that never has a body they mean nothing (RFC 9112 6.3),
// but who sent them may send one.
func (a *answerCheck) frame() error {
	if a.length && a.chunked {
		return errAnswerFramed
	}
	if a.status < 200 || a.status == 204 {
		a.overfull = a.chunked || a.size > 0
	}
	return nil
}

// joinCodings makes one line of several that name content codings, of which
// fasthttp keeps the last (RFC 9110 5.3).
func joinCodings(h *fasthttp.ResponseHeader, raw []byte) {
	var all [][]byte
	for line := range bytes.SplitSeq(raw, crlf) {
		if name, value, _ := bytes.Cut(line, []byte(":")); equalFold(name, "content-encoding") {
			all = append(all, trim(value))
		}
	}
	h.SetContentEncodingBytes(bytes.Join(all, []byte(", ")))
}
