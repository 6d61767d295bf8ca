package proxy

import (
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// stream is a request of a client that speaks HTTP/2: to the exchange a
// client's connection with one request on it, which is written instead of
// parsed, and whose answer is taken from the same place.
type stream struct {
	client client
	conn   *framed
	w      http.ResponseWriter
	r      *http.Request
	ctl    *http.ResponseController

	read, write watchdog
}

var contexts = sync.Pool{New: func() any { return new(fasthttp.RequestCtx) }}

// serveStream serves one request of a connection that speaks HTTP/2.
func (p *Proxy) serveStream(w http.ResponseWriter, r *http.Request) {
	conn := r.Context().Value(connectionKey{}).(*framed)
	s := &stream{conn: conn, w: w, r: r, ctl: http.NewResponseController(w)}
	s.client = client{
		Conn: s, p: p, stream: s, session: conn.client.session, bearer: conn.client.bearer,
		terms: p.terms.Load(), since: time.Now(), served: true,
	}
	s.read.bite = func() { _ = s.ctl.SetReadDeadline(time.Unix(1, 0)) }
	s.write.bite = func() { _ = s.ctl.SetWriteDeadline(time.Unix(1, 0)) }

	ctx := contexts.Get().(*fasthttp.RequestCtx)
	ctx.Init2(&s.client, quiet{p.Log}, true)
	ctx.Response.Header.DisableNormalizing()
	ctx.Response.Header.SetNoDefaultContentType(true)
	s.begin()
	ctx.Request.SetBodyStream(body{s}, -1)
	p.handle(ctx)
	err := s.client.failure
	if !s.client.relayed {
		err = s.answer(&ctx.Response)
	}
	ctx.Request.Reset()
	ctx.Response.Reset()
	contexts.Put(ctx)
	if err != nil {
		panic(http.ErrAbortHandler) // resets the stream: a part must not be taken for the whole
	}
}

// begin makes the exchange of the request.
func (s *stream) begin() {
	p := s.client.p
	x := p.exchanges.Get().(*exchange)
	s.client.x, x.client, x.terms, x.now = x, &s.client, s.client.terms, s.client.since
	var ok bool
	if x.raw, ok = appendHead(x.raw[:0], s.r); !ok {
		x.refusal = errOctet
		return
	}
	x.refusal = x.head.parse(x.raw)
}

// appendHead writes the head of r as HTTP/1.1 has it, and reports whether that
// can be done.
func appendHead(b []byte, r *http.Request) (_ []byte, ok bool) {
	if r.RequestURI == "" || !isText([]byte(r.RequestURI)) || !isText([]byte(r.Host)) {
		return b, false
	}
	if hosts := r.Header["Host"]; len(hosts) > 1 || len(hosts) == 1 && hosts[0] != r.Host {
		return b, false // RFC 9113 8.3.1
	}
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = append(b, r.RequestURI...)
	b = append(b, " HTTP/1.1\r\n"...)
	if r.Host != "" {
		b = appendField(b, "Host", r.Host)
	}
	if r.ContentLength < 0 {
		b = appendField(b, "Transfer-Encoding", "chunked")
	}
	for name := range r.Trailer {
		b = appendField(b, "Trailer", name)
	}
	names := make([]string, 0, 32)
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names) // the order that they came in is lost; be it always the same
	for _, name := range names {
		for _, value := range r.Header[name] {
			if !isText([]byte(value)) {
				return b, false
			}
			if name != "Host" {
				b = appendField(b, name, value)
			}
		}
	}
	return append(b, '\r', '\n'), true
}

func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, '\r', '\n')
}

// body reads a stream's body.
type body struct{ *stream }

func (b body) Read(p []byte) (int, error) {
	c := &b.client
	if c.stopped.Load() {
		return 0, errGone
	}
	b.read.watch(by(c.due, c.patienceOfBody()))
	n, err := b.r.Body.Read(p)
	b.read.rest()
	if errors.Is(err, io.EOF) {
		b.trailers()
	}
	return n, err
}

// patienceOfBody is how long a body may be silent.
func (c *client) patienceOfBody() time.Duration {
	if c.x != nil && c.x.head.grpc {
		return c.terms.Stream // it may be a stream of messages
	}
	return c.terms.Idle
}

// trailers keeps what came after the body, as far as it may.
func (b body) trailers() {
	x := b.client.x
	if x == nil {
		return
	}
	for name, values := range b.r.Trailer {
		for _, v := range values {
			if isToken([]byte(name)) && isText([]byte(v)) && mayTrail([]byte(name)) {
				x.trailers = appendField(x.trailers, name, v)
			}
		}
	}
}

// answer writes an answer of the gateway's own. An error means that not all of
// it was written.
func (s *stream) answer(r *fasthttp.Response) error {
	if err := s.r.Context().Err(); err != nil {
		return err
	}
	status, body := r.StatusCode(), r.Body()
	h := s.w.Header()
	copyFields(h, r.Header.Header())
	if !bodyless(status) && (len(body) > 0 || h.Get("Grpc-Status") == "") {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	s.w.WriteHeader(status)
	if len(body) > 0 && !bodyless(status) && s.r.Method != http.MethodHead {
		if err := s.put(body); err != nil {
			return err
		}
	}
	return s.last(nil)
}

// open begins the answer with this head.
func (s *stream) open(status int, head []byte) {
	copyFields(s.w.Header(), head)
	s.w.WriteHeader(status)
}

// put writes a piece of the answer's body, of which some may wait for flush.
func (s *stream) put(piece []byte) error {
	s.write.watch(time.Now().Add(s.client.terms.Idle))
	defer s.write.rest()
	_, err := s.w.Write(piece)
	return err
}

// flush writes what waits.
func (s *stream) flush() error {
	s.write.watch(time.Now().Add(s.client.terms.Idle))
	defer s.write.rest()
	return s.ctl.Flush()
}

// last ends the answer with these lines of trailers. What the client's window
// has no room for is written after the handler has returned.
func (s *stream) last(trailers []byte) error {
	h := s.w.Header()
	for line := range strings.SplitSeq(string(trailers), "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			h.Add(http.TrailerPrefix+name, strings.Trim(value, " \t"))
		}
	}
	if err := s.r.Context().Err(); err != nil {
		return err
	}
	return s.ctl.SetWriteDeadline(time.Now().Add(s.client.terms.Idle))
}

// brokenGRPC are the trailers of an answer of gRPC's that broke off.
var brokenGRPC = []byte("Grpc-Status: " + strconv.Itoa(grpcUnavailable) + "\r\nGrpc-Message: The module's answer broke off\r\n")

// copyFields copies the fields of an answer's head, but for those that HTTP/2
// does not know. What is not there is not added.
func copyFields(to http.Header, head []byte) {
	to["Date"], to["Content-Type"] = nil, nil
	_, lines, _ := strings.Cut(string(head), "\r\n")
	for line := range strings.SplitSeq(lines, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		switch name = http.CanonicalHeaderKey(name); name {
		case "", "Connection", "Transfer-Encoding", "Keep-Alive", "Upgrade", "Proxy-Connection":
		default:
			to[name] = append(to[name], strings.Trim(value, " \t"))
		}
	}
}

// interim writes an interim answer.
func (s *stream) interim(status int, head []byte) error {
	h := s.w.Header()
	copyFields(h, head)
	s.w.WriteHeader(status)
	clear(h)
	return s.r.Context().Err()
}

// A stream is its client's connection.

// Read is there for the interface: who reads a body has it from the request.
func (s *stream) Read([]byte) (int, error) { return 0, io.EOF }

// Write writes a part of the answer, at once.
func (s *stream) Write(p []byte) (int, error) {
	if err := s.put(p); err != nil {
		return 0, err
	}
	return len(p), s.flush()
}

// Close is there for the interface: a stream ends with its handler.
func (s *stream) Close() error { return nil }

// LocalAddr is the connection's.
func (s *stream) LocalAddr() net.Addr { return s.conn.LocalAddr() }

// RemoteAddr is the connection's.
func (s *stream) RemoteAddr() net.Addr { return s.conn.RemoteAddr() }

// SetDeadline sets both deadlines.
func (s *stream) SetDeadline(t time.Time) error {
	_ = s.SetWriteDeadline(t)
	return s.SetReadDeadline(t)
}

// SetReadDeadline ends the body's reading, where t is over. Any other deadline
// is the body's own business.
func (s *stream) SetReadDeadline(t time.Time) error {
	if t.IsZero() || time.Now().Before(t) {
		return nil
	}
	return s.ctl.SetReadDeadline(t)
}

// SetWriteDeadline is there for the interface: every write has its own.
func (s *stream) SetWriteDeadline(time.Time) error { return nil }

// watchdog bites when something that is watched takes too long: unlike the
// deadlines of net/http's streams, which are over even if nobody waits. It
// never bites after rest.
type watchdog struct {
	bite func()

	mu    sync.Mutex
	awake bool // guarded by mu
	timer *time.Timer
}

func (w *watchdog) watch(until time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.awake = true
	if w.timer == nil {
		w.timer = time.AfterFunc(time.Until(until), w.up)
		return
	}
	w.timer.Reset(time.Until(until))
}

func (w *watchdog) up() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.awake {
		w.bite()
	}
}

func (w *watchdog) rest() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.awake = false
	w.timer.Stop()
}
