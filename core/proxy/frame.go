package proxy

import (
	"bytes"
	"errors"
	"strconv"
)

// Why a chunked body is refused.
var (
	errChunkSize = errors.New("a chunk's size must be hexadecimal digits, with well-formed extensions if any, and end in CRLF")
	errChunkEnd  = errors.New("a chunk's data must end in CRLF")
	errTrailer   = errors.New("a trailer is malformed")
)

// longestChunkLine bounds the line before a chunk; what is in it beside the
// size is read and dropped.
const longestChunkLine = 256

// frame takes what is between a chunk's data and the next's from src: one line
// of it, if it is whole. out gets what the server is to have for it.
func (c *client) frame(src []byte) (used int, err error) {
	if c.stage == inChunkEnd && src[0] != '\r' {
		return 0, errChunkEnd
	}
	n := bytes.IndexByte(src, '\n')
	if n < 0 {
		return 0, c.checkLine(src)
	}
	line, ok := bytes.CutSuffix(src[:n], crlf[:1])
	if !ok {
		return 0, errChunkSize
	}
	switch c.stage {
	case inChunkEnd:
		if len(line) > 0 {
			return 0, errChunkEnd
		}
		c.stage, c.out = inChunkSize, crlf
	case inChunkSize:
		size, ok := chunkSize(line)
		if !ok {
			return 0, errChunkSize
		}
		c.out = append(strconv.AppendInt(c.line[:0], size, 16), crlf...)
		c.stage, c.left = inChunk, size
		if size == 0 {
			c.stage = inTrailers
		}
	default:
		err = c.trailer(line)
	}
	return n + 1, err
}

// checkLine refuses a line that is not whole yet and never will be.
func (c *client) checkLine(src []byte) error {
	switch {
	case c.stage == inChunkEnd && len(src) > 1:
		return errChunkEnd
	case c.stage == inChunkSize && len(src) > longestChunkLine:
		return errChunkSize
	case c.stage == inTrailers && len(src) >= c.terms.Head:
		return errTrailer
	}
	return nil
}

// chunkSize reads the line before a chunk (RFC 9112 7.1).
func chunkSize(line []byte) (int64, bool) {
	if len(line) > longestChunkLine {
		return 0, false
	}
	digits, extensions := line, []byte(nil)
	if n := bytes.IndexByte(line, ';'); n >= 0 {
		digits, extensions = line[:n], line[n:]
	}
	size, ok := hexadecimal(digits)
	return size, ok && areExtensions(extensions)
}

// areExtensions reports whether s is chunk extensions: each a semicolon, a
// name, and maybe a value. The white space that RFC 9112 7.1.1 calls bad is.
func areExtensions(s []byte) bool {
	for len(s) > 0 {
		s = s[1:] // the semicolon
		n := tokenLength(s)
		if n == 0 {
			return false
		}
		if s = s[n:]; len(s) > 0 && s[0] == '=' {
			if n = valueLength(s[1:]); n == 0 {
				return false
			}
			s = s[1+n:]
		}
		if len(s) > 0 && s[0] != ';' {
			return false
		}
	}
	return true
}

// valueLength returns the length of the token or quoted string that s begins
// with, 0 if it begins with none.
func valueLength(s []byte) int {
	if len(s) == 0 || s[0] != '"' {
		return tokenLength(s)
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return i + 1
		case s[i] == '\\':
			i++
		}
		if i < len(s) && !isText(s[i:i+1]) {
			return 0
		}
	}
	return 0
}

// trailer takes a line after the last chunk. The exchange keeps it, unless it
// is one that a trailer may not be (RFC 9110 6.5.1).
func (c *client) trailer(line []byte) error {
	if len(line) == 0 {
		c.stage, c.out = inHead, crlf
		return nil
	}
	colon := bytes.IndexByte(line, ':')
	if colon < 1 || !isToken(line[:colon]) || !isText(line[colon+1:]) {
		return errTrailer
	}
	x := c.x
	if x == nil || !mayTrail(line[:colon]) { // nil: it was answered, and the rest is of no use
		return nil
	}
	if len(x.trailers)+len(line) > c.terms.Head {
		return errTrailer
	}
	x.trailers = append(append(x.trailers, line...), crlf...)
	return nil
}

// mayTrail reports whether a field may be in trailers: none that frames or
// routes, that says who asks, or that is to be known before the body.
func mayTrail(name []byte) bool {
	var buf [32]byte
	if len(name) > len(buf) {
		return true
	}
	low := lower(buf[:0], name)
	if k, err := new(head).take(low, nil); err != nil || k == dropped {
		return false
	}
	switch string(low) {
	case "authorization", "cookie", "set-cookie", "www-authenticate", "trailer", "content-type", "content-encoding", "content-range",
		"accept", "origin", "prefer", "range", "cache-control", "max-forwards", "pragma", "age", "expires", "date", "location", "retry-after", "vary", "via":
		return false
	default:
		return !bytes.HasPrefix(low, []byte("if-")) && !bytes.HasPrefix(low, []byte("access-control-")) && !bytes.HasPrefix(low, []byte("accept-"))
	}
}
