package proxy

import (
	"bytes"
	"errors"
	"io"
)

// nextChunk reads the line before a chunk, and after the last chunk the
// trailers, which go to the client. It is strict: CRLF, a size of hexadecimal
// digits, and extensions, which are dropped.
func (r *relay) nextChunk() error {
	if r.done {
		return nil
	}
	if r.begun {
		if end, err := r.line(); err != nil || len(end) > 0 {
			return errors.Join(errChunk, err)
		}
	}
	r.begun = true
	line, err := r.line()
	if err != nil {
		return errors.Join(errChunk, err)
	}
	digits, _, _ := bytes.Cut(line, []byte(";"))
	size, ok := hexadecimal(trim(digits))
	if !ok {
		return errChunk
	}
	r.left = size
	if size > 0 {
		return nil
	}
	err = r.trailers()
	r.done = err == nil // else the connection is not clean
	return err
}

// trailers reads what follows the last chunk, as strictly, and keeps what may
// be a trailer.
func (r *relay) trailers() error {
	h := &r.x.reply
	for size := 0; ; {
		line, err := r.line()
		if err != nil {
			return errors.Join(errChunk, err)
		}
		if len(line) == 0 {
			return nil
		}
		colon := bytes.IndexByte(line, ':')
		if size += len(line); size > r.x.terms.Head || colon < 1 || !isToken(line[:colon]) || !isText(line[colon+1:]) {
			return errChunk
		}
		if mayTrail(line[:colon]) {
			h.trailers = append(append(h.trailers, line...), crlf...)
		}
	}
}

// line reads a line that ends in CRLF, and returns it without. It is good until
// more is read.
func (r *relay) line() ([]byte, error) {
	for {
		b := r.c.there()
		if n := bytes.IndexByte(b, '\n'); n >= 0 {
			r.c.use(n + 1)
			if n < 1 || b[n-1] != '\r' {
				return nil, errChunk
			}
			return b[:n-1], nil
		}
		if len(b) >= r.x.terms.Head {
			return nil, errChunk
		}
		if err := r.fill(); err != nil {
			return nil, unexpected(err)
		}
	}
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// hexadecimal reads a chunk's size.
func hexadecimal(s []byte) (n int64, ok bool) {
	if len(s) == 0 || len(s) > 15 {
		return 0, false
	}
	for _, c := range s {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		n = n<<4 | int64(c)
	}
	return n, true
}
