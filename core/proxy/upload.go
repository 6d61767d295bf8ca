package proxy

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"time"
)

// upload is the request's body on its way to the upstream. A body that is at
// hand is sent with the head; any other is sent by a goroutine of its own, so
// that an upstream may answer while it reads.
type upload struct {
	x       *exchange
	streams bool // sent by start
	running bool // start was, and stop was not
	sent    int  // bytes written of the last try, but for what was streamed

	c       *conn
	client  *client
	due     time.Time     // as exchange.due when it began
	done    chan struct{} // closed when run returns
	whole   bool          // the body was sent to its end; as failure, read after done
	failure error         // of the client's side
}

var errTooLarge = errors.New("the body is too large")

// prepare appends a body that is at hand to the head b.
func (u *upload) prepare(b []byte) ([]byte, error) {
	if a := u.x.adapted; a != nil && a.holds() {
		return a.appendHeld(b), nil
	}
	length := int(u.x.head.size)
	if length == chunked || length > readAhead {
		u.streams = true
		return b, nil
	}
	if length <= 0 {
		return b, nil
	}
	if len(u.x.small) == 0 { // not read for an earlier place
		u.x.small = slices.Grow(u.x.small, length)[:length]
		if _, err := io.ReadFull(u.x.ctx.RequestBodyStream(), u.x.small); err != nil {
			return b, err
		}
	}
	return append(b, u.x.small...), nil
}

// start sends the body to c.
func (u *upload) start(c *conn) {
	u.c, u.client, u.due, u.done, u.running = c, u.x.client, u.x.due, make(chan struct{}), true
	u.client.lent, u.client.due = true, u.due
	c.deadline.waive(c.Conn) // set when the body is sent
	go u.run(u.x.unsent())
}

func (u *upload) run(body io.Reader) {
	defer close(u.done)
	err := u.copy(body)
	if err != nil && !errors.Is(err, errGone) {
		u.failure = err
		_ = u.c.Close() // the upstream must not take a part for the whole
		return
	}
	u.whole = err == nil
	_ = u.c.SetReadDeadline(by(u.due, u.x.terms.FirstByte))
}

// copy sends the body. What it returns is the client's fault, or the
// upstream's as errGone.
func (u *upload) copy(body io.Reader) error {
	const room = 16 // for a chunk's size before the data, and CRLF after them
	v := u.x.p.buffers.Get().(*[]byte)
	defer u.x.p.buffers.Put(v)
	buf := *v
	var total int64
	for {
		n, err := body.Read(buf[room : len(buf)-room])
		if total += int64(n); total > u.x.terms.Body {
			return errTooLarge
		}
		if n > 0 {
			if err := u.write(buf, room, n); err != nil {
				return errGone
			}
		}
		if errors.Is(err, io.EOF) {
			return u.finish()
		}
		if err != nil {
			return err
		}
	}
}

// errGone says that the upstream takes no more of the body. Its answer, if it
// gave one, is still to be read.
var errGone = errors.New("the upstream reads no more")

// write sends buf[room:room+n], as a chunk if the body is chunked.
func (u *upload) write(buf []byte, room, n int) error {
	start, end := room, room+n
	if u.x.head.chunked && u.c.call == nil {
		var size [16]byte
		line := append(strconv.AppendInt(size[:0], int64(n), 16), '\r', '\n')
		start -= len(line)
		copy(buf[start:], line)
		end += copy(buf[end:], "\r\n")
	}
	return u.push(buf[start:end])
}

func (u *upload) push(b []byte) error {
	if err := u.c.SetWriteDeadline(by(u.due, u.client.patienceOfBody())); err != nil {
		return err
	}
	_, err := u.c.Write(b)
	return err
}

// finish sends what ends a chunked body: the last chunk and the trailers.
func (u *upload) finish() error {
	if u.c.call != nil {
		return u.c.call.finish(u.x.trailers)
	}
	if !u.x.head.chunked {
		return nil
	}
	b := append([]byte("0\r\n"), u.x.trailers...)
	if u.push(append(b, '\r', '\n')) != nil {
		return errGone
	}
	return nil
}

// stop ends the upload, if it still goes on, joins it, and reports whether the
// body was sent to its end. A client that sent only a part of its body is not
// read from again.
func (u *upload) stop() (whole bool) {
	if !u.running {
		return !u.streams || u.whole
	}
	select {
	case <-u.done:
	default:
		u.client.linger = true
		u.client.stopped.Store(true) // before the deadline, which the upload may set anew
		_ = u.c.SetWriteDeadline(time.Unix(1, 0))
		_ = u.client.SetReadDeadline(time.Unix(1, 0))
		<-u.done
		u.client.stopped.Store(false)
		u.client.deadline = deadline{}
	}
	u.running = false
	u.client.lent = false
	if u.whole {
		u.client.linger = false
	}
	return u.whole
}

// ended reports whether no upload goes on.
func (u *upload) ended() bool {
	if !u.running {
		return true
	}
	select {
	case <-u.done:
		u.stop()
		return true
	default:
		return false
	}
}
