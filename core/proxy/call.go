package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// call is a request to an upstream that speaks HTTP/2: to the exchange a
// connection that carries one request and its answer. What is written to it is
// the request's body, what is read the answer's.
type call struct {
	link   *link
	ctx    context.Context
	cancel context.CancelFunc
	req    *http.Request
	resp   *http.Response
	heads  chan answerHead // interim ones, and the last
	body   *io.PipeWriter  // of what streams; nil: it is sent whole

	interims atomic.Int64 // bytes of interim answers

	reading, writing wait
}

// answerHead is the head of an answer, or why there is none.
type answerHead struct {
	status int // of an interim answer; 0: resp or err
	fields textproto.MIMEHeader
	resp   *http.Response
	err    error
}

func newCall(l *link) *call {
	c := &call{link: l, heads: make(chan answerHead, 8)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.reading.end, c.writing.end = c.cancel, c.cancel
	return c
}

// ask sends the request whose composed head, and body if that is at hand, is
// in x.out.
func (c *call) ask(x *exchange) error {
	n := bytes.Index(x.out, headEnd)
	req := newRequest(x.out[:n+len(crlf)], &x.head)
	switch body := x.out[n+len(headEnd):]; {
	case x.upload.streams:
		var r *io.PipeReader
		r, c.body = io.Pipe()
		req.Body = r
		if x.head.chunked && req.Trailer == nil {
			req.Trailer = http.Header{} // there may be some all the same
		}
	case len(body) > 0: // a copy: it may still be read when the answer comes
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(bytes.Clone(body))), int64(len(body))
	default:
		req.Body = http.NoBody
	}
	req.URL.Scheme, req.URL.Host = c.link.scheme, c.link.address
	c.req = req.WithContext(httptrace.WithClientTrace(c.ctx, &httptrace.ClientTrace{Got1xxResponse: c.interim}))
	go func() {
		resp, err := c.link.RoundTrip(c.req) //nolint:bodyclose // by Close
		c.heads <- answerHead{resp: resp, err: err}
	}()
	return nil
}

// interim keeps an interim answer for who reads heads; more than there is room
// for are dropped, and those of more bytes than a head may have end the call.
func (c *call) interim(status int, fields textproto.MIMEHeader) error {
	const line = 32 // a field costs something whatever it says (RFC 9113 6.5.2)
	size := line * (len(fields) + 1)
	for name, values := range fields {
		for _, value := range values {
			size += len(name) + len(value)
		}
	}
	if c.interims.Add(int64(size)) > int64(c.link.terms.Head) {
		return errReplySize
	}
	if len(c.heads) < cap(c.heads)-1 {
		c.heads <- answerHead{status: status, fields: fields}
	}
	return nil
}

// newRequest reads what compose wrote, without the fields that HTTP/2 has no
// use for.
func newRequest(head []byte, h *head) *http.Request {
	line, rest, _ := strings.Cut(string(head), "\r\n")
	method, rest2, _ := strings.Cut(line, " ")
	target, _, _ := strings.Cut(rest2, " ")
	req := &http.Request{
		Method: method, URL: &url.URL{Opaque: target}, Proto: "HTTP/2.0", ProtoMajor: 2,
		Header: http.Header{"User-Agent": nil}, // none of ours
	}
	if strings.HasPrefix(target, "//") { // else it would be taken for an authority
		path, query, _ := strings.Cut(target, "?")
		req.URL = &url.URL{Path: path, RawPath: path, RawQuery: query}
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(rest, "\r\n"), "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		switch name = http.CanonicalHeaderKey(name); name {
		case "Host":
			req.Host = value
		case "Content-Length":
			req.ContentLength, _ = decimal([]byte(value))
		case "Transfer-Encoding":
			req.ContentLength = -1
		case "Connection", "Upgrade", "Te":
		case "Trailer":
			req.Trailer = announce(req.Trailer, value)
		default:
			req.Header[name] = append(req.Header[name], value)
		}
	}
	if h.trailers {
		req.Header["Te"] = []string{"trailers"}
	}
	return req
}

// announce adds the trailers that a Trailer field names, without values yet.
func announce(t http.Header, value string) http.Header {
	if t == nil {
		t = http.Header{}
	}
	for name := range strings.SplitSeq(value, ",") {
		if name = strings.TrimSpace(name); mayTrail([]byte(name)) {
			t[http.CanonicalHeaderKey(name)] = nil
		}
	}
	return t
}

// finish ends a body that streamed, with its trailers, announced or not.
func (c *call) finish(trailers []byte) error {
	for line := range strings.SplitSeq(string(trailers), "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok && c.req.Trailer != nil {
			name = http.CanonicalHeaderKey(name)
			c.req.Trailer[name] = append(c.req.Trailer[name], strings.Trim(value, " \t"))
		}
	}
	return c.body.Close()
}

// readReply waits for the next head of the answer and puts it into h.
func (c *call) readReply(h *reply) error {
	c.reading.begin()
	next := <-c.heads
	late := c.reading.over()
	switch {
	case late:
		return os.ErrDeadlineExceeded
	case next.err != nil && c.interims.Load() > int64(c.link.terms.Head):
		return errReplySize
	case next.err != nil:
		return errors.Join(errStale, next.err)
	case next.resp == nil:
		return h.parse(appendReply(nil, next.status, http.Header(next.fields), nil))
	}
	c.resp = next.resp
	c.reading.own()
	return h.parse(appendReply(nil, c.resp.StatusCode, c.resp.Header, c.resp.Trailer))
}

// appendReply writes the head of an answer as HTTP/1.1 has it, its fields in an
// order of their own, since what they came in is lost.
func appendReply(b []byte, status int, fields, trailers http.Header) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, " \r\n"...)
	names := make([]string, 0, 32)
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range fields[name] {
			b = appendField(b, name, value)
		}
	}
	for name := range trailers {
		b = appendField(b, "Trailer", name)
	}
	return append(b, crlf...)
}

// resetStream is the error of a stream that was reset, as net/http converts it.
type resetStream struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (r resetStream) Error() string {
	return "stream reset, code " + strconv.FormatUint(uint64(r.Code), 10)
}

// unseen reports whether err says that the upstream has done nothing with the
// request (RFC 9113 8.7).
func unseen(err error) bool {
	const refused = 7
	var r resetStream
	return errors.As(err, &r) && r.Code == refused
}

// trailers adds to b what came after the answer, which has been read to its
// end.
func (c *call) trailers(b []byte) []byte {
	for name, values := range c.resp.Trailer {
		for _, value := range values {
			if mayTrail([]byte(name)) {
				b = appendField(b, name, value)
			}
		}
	}
	return b
}

// Read reads the answer's body.
func (c *call) Read(p []byte) (int, error) {
	if c.resp == nil {
		return 0, io.EOF
	}
	c.reading.begin()
	n, err := c.resp.Body.Read(p)
	if c.reading.over() {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

// Write writes a part of the request's body.
func (c *call) Write(p []byte) (int, error) {
	if c.body == nil {
		return 0, net.ErrClosed
	}
	stop := context.AfterFunc(c.ctx, func() { _ = c.body.CloseWithError(net.ErrClosed) })
	c.writing.begin()
	n, err := c.body.Write(p)
	stop()
	if c.writing.over() {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

// Close ends the call: what has not ended by itself is reset.
func (c *call) Close() error {
	c.cancel()
	if c.body != nil {
		_ = c.body.CloseWithError(net.ErrClosed)
	}
	return nil
}

// LocalAddr is there for the interface.
func (c *call) LocalAddr() net.Addr { return &net.TCPAddr{} }

// RemoteAddr is there for the interface.
func (c *call) RemoteAddr() net.Addr { return &net.TCPAddr{} }

// SetDeadline sets both deadlines.
func (c *call) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

// SetReadDeadline bounds the wait for the answer's head, under way or to come:
// it is set when the request's body has been sent, and by then the answer may
// have begun.
func (c *call) SetReadDeadline(t time.Time) error {
	c.reading.setUnowned(t)
	return nil
}

// SetWriteDeadline bounds a write, under way or to come.
func (c *call) SetWriteDeadline(t time.Time) error {
	c.writing.set(t)
	return nil
}

// wait is one direction of a call that may wait, and its deadline. What waits
// for too long ends the call.
type wait struct {
	end func()

	mu    sync.Mutex
	until time.Time // guarded by mu, as below; zero: there is none
	waits bool
	owned bool // by who reads: nobody else sets the deadline
	late  bool
	timer *time.Timer
}

func (w *wait) set(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.put(t)
}

func (w *wait) setUnowned(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.owned {
		w.put(t)
	}
}

// put sets the deadline. The caller holds mu.
func (w *wait) put(t time.Time) {
	w.until = t
	if w.waits {
		w.arm()
	}
}

func (w *wait) own() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.owned, w.until = true, time.Time{}
}

func (w *wait) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits = true
	w.arm()
}

// over ends the wait and reports whether it took too long.
func (w *wait) over() (late bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits = false
	if w.timer != nil {
		w.timer.Stop()
	}
	return w.late
}

// arm sets the timer. The caller holds mu.
func (w *wait) arm() {
	switch {
	case w.until.IsZero() && w.timer != nil:
		w.timer.Stop()
	case w.until.IsZero():
	case w.timer == nil:
		w.timer = time.AfterFunc(time.Until(w.until), w.ring)
	default:
		w.timer.Reset(time.Until(w.until))
	}
}

func (w *wait) ring() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waits && !w.until.IsZero() && !time.Now().Before(w.until) {
		w.late = true
		w.end()
	}
}
