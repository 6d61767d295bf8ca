package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/modgate/modgate/core/route"
)

func TestAnswerHeadIsRefused(t *testing.T) {
	// RFC 9112 4, 5 and 6.3, seen from the side of an upstream.
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, c := range map[string]struct {
		head string
		want error // nil: accepted
	}{
		"reason":              {"HTTP/1.1 200 Fine\r\n\r\n", nil},
		"no reason":           {"HTTP/1.1 200 \r\n\r\n", nil},
		"no reason, no space": {"HTTP/1.1 200\r\n\r\n", nil},
		"version 1.0":         {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", nil},
		"status 999":          {"HTTP/1.1 999 Odd\r\n\r\n", nil},
		"octets above ASCII":  {ok + "X: \xff\r\n\r\n", nil},
		"length":              {ok + "Content-Length:5 \r\n\r\n", nil},
		"chunks":              {ok + "transfer-ENCODING: Chunked\r\n\r\n", nil},

		"version 1.2":           {"HTTP/1.2 200 OK\r\n\r\n", errStatusLine},
		"version 2":             {"HTTP/2 200 OK\r\n\r\n", errStatusLine},
		"status 000":            {"HTTP/1.1 000 OK\r\n\r\n", errStatusLine},
		"status 99":             {"HTTP/1.1 099 OK\r\n\r\n", errStatusLine},
		"status of four digits": {"HTTP/1.1 2000 OK\r\n\r\n", errStatusLine},
		"status of two":         {"HTTP/1.1 20 OK\r\n\r\n", errStatusLine},
		"signed status":         {"HTTP/1.1 +20 OK\r\n\r\n", errStatusLine},
		"two spaces":            {"HTTP/1.1  200 OK\r\n\r\n", errStatusLine},
		"empty line first":      {"\r\n" + ok + "\r\n", errStatusLine},
		"CR in the reason":      {"HTTP/1.1 200 O\rK\r\n\r\n", errStatusLine},
		"NUL in the reason":     {"HTTP/1.1 200 O\x00K\r\n\r\n", errStatusLine},
		"LF after the reason":   {"HTTP/1.1 200 OK\nX: 1\r\n\r\n", errStatusLine},
		"LF alone":              {ok + "X: 1\nY: 2\r\n\r\n", errReplyLine},
		"folded line":           {ok + "X: 1\r\n 2\r\n\r\n", errReplyLine},
		"folded first line":     {ok + "\tX: 1\r\n\r\n", errReplyLine},
		"CR in a value":         {ok + "X: 1\rY: 2\r\n\r\n", errReplyOctet},
		"NUL in a value":        {ok + "X: 1\x002\r\n\r\n", errReplyOctet},
		"space before colon":    {ok + "Content-Length : 5\r\n\r\n", errReplyName},
		"space in name":         {ok + "Content Length: 5\r\n\r\n", errReplyName},
		"no colon":              {ok + "X\r\n\r\n", errReplyName},
		"no name":               {ok + ": 1\r\n\r\n", errReplyName},
		"Content_Length":        {ok + "Content_Length: 5\r\n\r\n", errReplyFolded},
		"Transfer.Encoding":     {ok + "Transfer.Encoding: chunked\r\n\r\n", errReplyFolded},
		"two lengths":           {ok + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", errReplyFramed},
		"list of lengths":       {ok + "Content-Length: 5, 5\r\n\r\n", errReplyFramed},
		"signed length":         {ok + "Content-Length: +5\r\n\r\n", errReplyFramed},
		"octal length":          {ok + "Content-Length: 05\r\n\r\n", errReplyFramed},
		"length that wraps":     {ok + "Content-Length: 18446744073709551621\r\n\r\n", errReplyFramed},
		"length and coding":     {ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", errReplyFramed},
		"two codings":           {ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", errReplyFramed},
		"unknown coding":        {ok + "Transfer-Encoding: gzip, chunked\r\n\r\n", errReplyFramed},
		"identity":              {ok + "Transfer-Encoding: identity\r\n\r\n", errReplyFramed},
		"too many options":      {ok + "Connection: " + strings.Repeat("x,", mostOptions) + "\r\n\r\n", errReplyHop},
		"too many fields":       {ok + strings.Repeat("X:\r\n", mostFields+1) + "\r\n", errReplySize},
		"coding in 1.0":         {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", errReplyFramed},
	} {
		t.Run(name, func(t *testing.T) {
			var h reply
			if err := h.parse([]byte(c.head)); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("%q: %v, want %v", c.head, err, c.want)
			}
		})
	}
}

func TestAnswerHeadIsAwaitedNoLongerThanNeeded(t *testing.T) {
	for name, c := range map[string]struct {
		comes string
		want  error
	}{
		"no HTTP":          {"SSH-2.0", errStatusLine},
		"LF alone":         {"HTTP/1.1 200 OK\n", errStatusLine},
		"LF alone, later":  {"HTTP/1.1 200 OK\r\nX: 1\n", errReplyLine},
		"nothing":          {"", errStale},
		"a part":           {"HTTP/1.1 200 OK\r\nX: 1\r\n", errReplyShort},
		"more than may be": {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 20<<10), errReplySize},
	} {
		t.Run(name, func(t *testing.T) {
			for _, left := range [][]string{{c.comes}, strings.Split(c.comes, "")} {
				up := upstreamConn(left...)
				if !errors.Is(c.want, errStale) && !errors.Is(c.want, errReplyShort) { // more would come, for ever
					up.Conn.(*pieces).left = append(left, strings.Split(strings.Repeat("x", 100), "")...)
				}
				if err := up.readReply(new(reply)); !errors.Is(err, c.want) {
					t.Errorf("in %d pieces: %v, want %v", len(left), err, c.want)
				}
			}
		})
	}
	const head = "HTTP/1.1 200 OK\r\nX: 1\r\n\r\n"
	for at := range head {
		up, h := upstreamConn(head[:at], head[at:]+"body"), new(reply)
		if err := up.readReply(h); err != nil || string(h.raw) != head || string(up.there()) != "body" {
			t.Errorf("cut at %d: %q, %v, then %q; want the head alone", at, h.raw, err, up.there())
		}
	}
}

// upstreamConn is a connection to an upstream from which these pieces come.
func upstreamConn(left ...string) *conn {
	c := &conn{Conn: &pieces{left: left}}
	c.lender = &sync.Pool{New: func() any { return new([]byte) }}
	c.serve(Settings{}.terms())
	return c
}

// FuzzAnswerHead holds the parser to what fasthttp makes of the same head, which
// accepts more, and what is written of it to a stupid strict parser.
func FuzzAnswerHead(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\n",
		"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\nConnection: X-A, close\r\nX-A: \xff\t\r\n\r\n",
		"HTTP/1.0 103\r\nContent-Encoding: gzip\r\ncontent-encoding: br\r\nSet-Cookie: a=b; c\r\nTrailer: X-Sum\r\n\r\n",
		"HTTP/1.1 200 OK\r\nDate: x\r\nServer:\r\nContent-Type:\r\nContent-Type: b\r\nModgate-Status: x\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var whole, pieces reply
		if raw = ended(raw); len(raw) > 8<<10 {
			return
		}
		err, again := whole.parse(raw), error(errReplyShort)
		for n := 1; n <= len(raw) && errors.Is(again, errReplyShort); n++ {
			again = pieces.parse(raw[:n])
		}
		if (err == nil) != (again == nil) {
			t.Fatalf("%q: %v; octet by octet: %v", raw, err, again)
		}
		if err != nil {
			return
		}
		var h fasthttp.ResponseHeader
		h.DisableNormalizing()
		h.SetNoDefaultContentType(true)
		if err := h.Read(bufio.NewReader(bytes.NewReader(raw))); err != nil && !errors.Is(err, fasthttp.ErrBadTrailer) {
			t.Fatalf("%q is accepted, and then not read: %v", raw, err)
		} else if err == nil && (h.StatusCode() != whole.status || whole.chunked != (h.ContentLength() == chunked) || whole.said && int64(h.ContentLength()) != whole.size) {
			t.Errorf("%q is read as status %d, length %d; want %d, %d", raw, h.StatusCode(), h.ContentLength(), whole.status, whole.size)
		}
		x := &exchange{answering: &answering{reply: whole}, course: course{module: route.NewModule("m")}}
		written := string(x.appendReplied(nil, whole.status)) + "\r\n"
		head, _, ok := strings.Cut(written, "\r\n\r\n")
		if !ok || len(head)+len(headEnd) != len(written) {
			t.Fatalf("%q is written as %q", raw, written)
		}
		for i, line := range strings.Split(head, "\r\n") {
			if i > 0 && !fieldLine.MatchString(latin1(line)) || i == 0 && !strings.HasPrefix(line, fmt.Sprintf("HTTP/1.1 %03d ", whole.status)) {
				t.Errorf("%q is written with the line %q", raw, line)
			}
			if name, _, _ := strings.Cut(line, ":"); i > 0 && (ofHop([]byte(name)) || folds([]byte(name), "contentlength") || folds([]byte(name), "transferencoding")) {
				t.Errorf("%q is written with %q, which is not relayed", raw, line)
			}
		}
	})
}

// puppet is an upstream whose answers a test writes itself, octet for octet,
// to one request after another of any connection.
type puppet struct {
	url   string
	conns int // guarded by mu
	mu    sync.Mutex
}

// puppetOf serves every connection by play, which gets its number, from 1 on,
// and what reads the next request, whole.
func puppetOf(t *testing.T, play func(c net.Conn, number int, next func() error)) *puppet {
	t.Helper()
	p := new(puppet)
	p.url = accepting(t, func(c net.Conn) {
		defer c.Close()
		p.mu.Lock()
		p.conns++
		number := p.conns
		p.mu.Unlock()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		r := bufio.NewReader(c)
		play(c, number, func() error {
			req, err := http.ReadRequest(r)
			if err == nil {
				_, err = io.Copy(io.Discard, req.Body)
			}
			return err
		})
	})
	return p
}

// An upstream that answers more than it was asked has no say in what others
// get: its connection is not used again.
func TestAnswerThatNobodyAskedForIsNobodys(t *testing.T) {
	const poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
	for name, c := range map[string]struct{ method, answer, want string }{
		"after a length":     {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok"},
		"after chunks":       {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "ok"},
		"after 204":          {"GET", "HTTP/1.1 204 No Content\r\n\r\n", ""},
		"204 with a length":  {"GET", "HTTP/1.1 204 No Content\r\nContent-Length: 50\r\n\r\n", ""},
		"204 in chunks":      {"GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ""},
		"after 304":          {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\n\r\n", ""},
		"after HEAD":         {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", ""},
		"103 with a length":  {"GET", "HTTP/1.1 103 Early Hints\r\nContent-Length: 50\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok"},
		"103 in chunks":      {"GET", "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok"},
		"after an empty one": {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
		"after the last one": {"GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "ok"},
	} {
		for _, at := range []string{"at once", "later"} {
			t.Run(name+", "+at, func(t *testing.T) {
				poisoned := make(chan struct{})
				up := puppetOf(t, func(conn net.Conn, number int, next func() error) {
					if next() != nil {
						return
					}
					if number > 1 {
						_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nclean")
						return
					}
					if at == "at once" {
						_, _ = io.WriteString(conn, c.answer+poison)
					} else {
						_, _ = io.WriteString(conn, c.answer)
						time.Sleep(5 * time.Millisecond) // so that the answer is read without it, mostly
						_, _ = io.WriteString(conn, poison)
					}
					close(poisoned)
					_ = next() // until the gateway closes
				})
				g := behind(t, up.url)
				_, r := g.raw(c.method + " /m HTTP/1.1\r\nHost: a\r\n\r\n")
				var resp *http.Response
				for resp == nil || resp.StatusCode < 200 {
					var err error
					if resp, err = http.ReadResponse(r, &http.Request{Method: c.method}); err != nil {
						t.Fatal(err)
					}
					if resp.StatusCode < 200 && (resp.ContentLength > 0 || len(resp.TransferEncoding) > 0) {
						t.Errorf("%d frames a body: %v %v", resp.StatusCode, resp.Header, resp.TransferEncoding)
					}
				}
				if b, err := io.ReadAll(resp.Body); err != nil || string(b) != c.want {
					t.Errorf("answer = %d %q, %v; want %q", resp.StatusCode, b, err, c.want)
				}
				<-poisoned
				for range 3 {
					if resp, body := g.do("GET", "/m", ""); resp.StatusCode != 200 || body != "clean" {
						t.Errorf("the next got %d %q, want its own answer", resp.StatusCode, body)
					}
				}
			})
		}
	}
}

// What frames a body where there is none (RFC 9112 6.3) may be followed by it:
// the answer is relayed, and its connection is not trusted.
func TestBodyWhereThereIsNoneEndsTheConnection(t *testing.T) {
	for name, answer := range map[string]string{
		"204 with a length": "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
		"204 in chunks":     "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
		"103 with a length": "HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			up := scripted(t, answer)
			g := behind(t, up.url)
			for range 2 {
				if resp, _ := g.do("GET", "/m", ""); resp.StatusCode != 204 || resp.ContentLength > 0 || len(resp.TransferEncoding) > 0 {
					t.Errorf("answer = %d, length %d %v", resp.StatusCode, resp.ContentLength, resp.TransferEncoding)
				}
			}
			if n := up.conns.Load(); n != 2 {
				t.Errorf("%d connections to the upstream, want one each", n)
			}
		})
	}
}

// Codings in several lines are one list (RFC 9110 5.3): with the last alone a
// client would decode a half.
func TestEveryContentCodingIsRelayed(t *testing.T) {
	g := behind(t, scripted(t, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\ncontent-encoding: br\r\nContent-Length: 2\r\n\r\nok").url)
	resp, _ := g.do("GET", "/m", "", "Accept-Encoding", "identity")
	if got := strings.Join(resp.Header["Content-Encoding"], ", "); got != "gzip, br" {
		t.Errorf("Content-Encoding = %q, want both", got)
	}
}

// Interim answers without an end have one all the same.
func TestFloodOfInterimAnswersIsBadGateway(t *testing.T) {
	up := puppetOf(t, func(c net.Conn, _ int, next func() error) {
		for err := next(); err == nil; {
			_, err = io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
		}
	})
	g := behind(t, up.url)
	_, r := g.raw(get)
	size := 0
	for {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode == 502 {
			break
		}
		if size += 40; resp.StatusCode != 103 || size > 17<<10 {
			t.Fatalf("answer = %d after %d bytes", resp.StatusCode, size)
		}
	}
}
