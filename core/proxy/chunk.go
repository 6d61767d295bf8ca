package proxy

import (
	"bytes"
	"errors"
	"io"
)

var errChunk = errors.New("chunk is malformed")

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
	r.done = true
	if err := r.x.ctx.Response.Header.ReadTrailer(r.c.br); err != nil {
		return unexpected(err)
	}
	return nil
}

// line reads a line that ends in CRLF, and returns it without.
func (r *relay) line() ([]byte, error) {
	if err := r.await(); err != nil {
		return nil, unexpected(err)
	}
	line, err := r.c.br.ReadSlice('\n')
	if err != nil {
		return nil, unexpected(err)
	}
	if n := len(line) - 2; n >= 0 && line[n] == '\r' {
		return line[:n], nil
	}
	return nil, errChunk
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
