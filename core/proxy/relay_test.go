package proxy

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/modgate/modgate/core/message"
)

func TestRequestAsTheUpstreamGetsIt(t *testing.T) {
	up := scripted(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	g := behind(t, up.url)
	_, r := g.raw("PUT /m/a%2Fb?q=%20&r HTTP/1.1\r\nhost: gw.test\r\nX-CaSe: 1\r\nX-Case: 2\r\nConnection: X-Nominated\r\nX-Nominated: 1\r\n" +
		"Keep-Alive: 5\r\nTE: trailers\r\nVia: 1.0 before\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nModgate-Epoch: 99\r\n" +
		"Modgate-Request-Id: id-1\r\nCookie: a=b; c=d\r\nContent-Length: 4\r\n\r\nbody")
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 200 {
		t.Fatalf("answer = %v, %v", resp, err)
	}
	got := up.head(t)
	run := newRun([]byte("run key"))
	want := strings.ReplaceAll("PUT /m/a%2Fb?q=%20&r HTTP/1.1|Host: gw.test|X-CaSe: 1|X-Case: 2|Via: 1.0 before|Cookie: a=b; c=d|"+
		"Content-Length: 4|Connection: TE|TE: trailers|Via: 1.1 modgate|X-Forwarded-Proto: http|X-Forwarded-Host: gw.test|"+
		`X-Forwarded-For: 127.0.0.1|Forwarded: for=127.0.0.1;host="gw.test";proto=http|`+
		"Modgate-Request-Id: id-1|Modgate-Epoch: 7|Modgate-Run: "+string(run.appended(nil, "", "m@1.0.0/a"))+"||body", "|", "\r\n")
	if got != want {
		t.Errorf("the upstream got\n%s\nwant\n%s", got, want)
	}
}

func TestAbsoluteTargetReplacesHost(t *testing.T) {
	// RFC 9112 3.2.2.
	up := scripted(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	g := behind(t, up.url)
	_, r := g.raw("GET http://real.test/m?x HTTP/1.1\r\nHost: other.test\r\n\r\n")
	if _, err := http.ReadResponse(r, nil); err != nil {
		t.Fatal(err)
	}
	if got := up.head(t); !strings.HasPrefix(got, "GET /m?x HTTP/1.1\r\nHost: real.test\r\n") {
		t.Errorf("the upstream got %q", got)
	}
}

func TestAnswerIsRelayedWithoutWhatIsForTheHop(t *testing.T) {
	up := scripted(t, "HTTP/1.1 201 Made It\r\nX-CaSe: 1\r\nconnection: keep-alive, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\n"+
		"Set-Cookie: a=b\r\nSet-Cookie: c=d\r\nServer: theirs\r\nDate: Mon, 23 Nov 2026 00:00:00 GMT\r\nModgate-Status: forged\r\n"+
		"Modgate-Request-Id: forged\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok")
	g := behind(t, up.url)
	_, r := g.raw("GET /m HTTP/1.1\r\nHost: a\r\nModgate-Request-Id: id-1\r\n\r\n")
	var got bytes.Buffer
	resp, err := http.ReadResponse(bufio.NewReader(io.TeeReader(r, &got)), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	want := "HTTP/1.1 201 Made It|X-CaSe: 1|Set-Cookie: a=b|Set-Cookie: c=d|Server: theirs|Date: Mon, 23 Nov 2026 00:00:00 GMT|" +
		"Content-Type: text/plain|Content-Length: 2|Modgate-Request-Id: id-1||ok"
	if got := strings.ReplaceAll(got.String(), "\r\n", "|"); got != want {
		t.Errorf("the client got\n%s\nwant\n%s", got, want)
	}
}

func TestAnswersWithoutABody(t *testing.T) {
	for _, c := range []struct{ name, method, answer, wantLength string }{
		{"HEAD with a length", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", "5000"},
		{"HEAD of a stream", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", ""},
		{"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", ""},
		{"304", "GET", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n", ""},
		{"empty", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			up := scripted(t, c.answer)
			g := behind(t, up.url)
			_, r := g.raw(strings.Repeat(c.method+" /m HTTP/1.1\r\nHost: a\r\n\r\n", 2))
			for range 2 { // the second shows that the first had no body
				resp, err := http.ReadResponse(r, &http.Request{Method: c.method})
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(resp.Body)
				if err != nil || len(b) != 0 || resp.Header.Get("Content-Length") != c.wantLength {
					t.Errorf("body %q, %v, Content-Length %q; want none and %q", b, err, resp.Header.Get("Content-Length"), c.wantLength)
				}
			}
			if n := up.conns.Load(); n != 1 {
				t.Errorf("%d connections to the upstream, want 1", n)
			}
		})
	}
}

func TestBodiesAreRelayedWhole(t *testing.T) {
	// Every size around the buffers', with and without a known length, both ways.
	g := behind(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("upstream read: %v", err)
		}
		if r.Header.Get("X-Known") != "" {
			w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		} else {
			w.(http.Flusher).Flush()
		}
		_, _ = w.Write(b)
	}))
	for _, size := range []int{0, 1, readAhead - 1, readAhead, readAhead + 1, 16 << 10, 32<<10 - 1, 100_000, 3 << 20} {
		for _, known := range []bool{true, false} {
			body := make([]byte, size)
			_, _ = rand.Read(body)
			req, err := http.NewRequest("POST", "http://"+g.address+"/m", bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if known {
				req.Header.Set("X-Known", "1")
			} else {
				req.ContentLength = -1
			}
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || !bytes.Equal(got, body) {
				t.Errorf("%d bytes, length known %v: got %d bytes, %v", size, known, len(got), err)
			}
		}
	}
}

func TestFirstEventOfAStreamArrivesAtOnce(t *testing.T) {
	for name, header := range map[string]string{"events": "", "of known length": "8"} {
		t.Run(name, func(t *testing.T) {
			next := make(chan struct{})
			g := behind(t, upstreamOf(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				if header != "" {
					w.Header().Set("Content-Length", header)
				}
				w.(http.Flusher).Flush()
				<-next
				_, _ = io.WriteString(w, "one\n")
				w.(http.Flusher).Flush()
				<-next
				_, _ = io.WriteString(w, "two\n")
			}))
			resp, err := http.Get("http://" + g.address + "/m") // the head, before any event
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			r := bufio.NewReader(resp.Body)
			for _, want := range []string{"one\n", "two\n"} {
				next <- struct{}{}
				if line, err := r.ReadString('\n'); err != nil || line != want {
					t.Fatalf("event = %q, %v; want %q before the next is sent", line, err, want)
				}
			}
			if b, err := io.ReadAll(r); err != nil || len(b) != 0 {
				t.Errorf("rest = %q, %v", b, err)
			}
		})
	}
}

func TestUpstreamMayAnswerWhileItReads(t *testing.T) {
	// Both directions at once: each line is echoed before the next is sent.
	g := behind(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			t.Error(err)
		}
		lines := bufio.NewReader(r.Body)
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			_, _ = io.WriteString(w, line)
			w.(http.Flusher).Flush()
		}
	}))
	pr, pw := io.Pipe()
	req, err := http.NewRequest("POST", "http://"+g.address+"/m", pr)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	r := bufio.NewReader(resp.Body)
	for i := range 50 {
		line := fmt.Sprintln("line", i)
		if _, err := io.WriteString(pw, line); err != nil {
			t.Fatal(err)
		}
		if got, err := r.ReadString('\n'); err != nil || got != line {
			t.Fatalf("echo = %q, %v; want %q", got, err, line)
		}
	}
	pw.Close()
	if _, err := io.ReadAll(r); err != nil {
		t.Errorf("end of the answer: %v", err)
	}
}

func TestTrailersAreRelayedBothWays(t *testing.T) {
	g := behind(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.WriteString(w, "body")
		w.(http.Flusher).Flush()
		w.Header().Set("X-Sum", "got "+r.Trailer.Get("X-Checksum"))
	}))
	_, r := g.raw("POST /m HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: X-Checksum\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"5\r\nhello\r\n0\r\nX-Checksum: 123\r\n\r\n")
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "body" {
		t.Errorf("body = %q, %v", b, err)
	}
	if got := resp.Trailer.Get("X-Sum"); got != "got 123" {
		t.Errorf("trailer = %q, want %q", got, "got 123")
	}
}

// What routes, frames, or must be known before the body is no trailer (RFC
// 9110 6.5.1), in neither direction.
func TestForbiddenTrailersAreDropped(t *testing.T) {
	const bad = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: evil\r\nAuthorization: x\r\nSet-Cookie: a=b\r\nConnection: X-Kept\r\n" +
		"Modgate-Status: delay\r\nModgate-Token: x\r\nX-Forwarded-For: 6.6.6.6\r\nCache-Control: public\r\nLocation: /\r\nIf-Match: a\r\n"
	up := scripted(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"+bad+"X-Kept: 1\r\n\r\n")
	g := behind(t, up.url)
	_, r := g.raw("POST /m HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nab\r\n0\r\n" + bad + "X-Kept: 1\r\n\r\n")
	all, err := io.ReadAll(r)
	if _, trailers, _ := strings.Cut(string(all), "2\r\nok\r\n0\r\n"); err != nil || trailers != "X-Kept: 1\r\n\r\n" {
		t.Errorf("the client got %q, %v", all, err)
	}
	if _, trailers, _ := strings.Cut(up.head(t), "2\r\nab\r\n0\r\n"); trailers != "X-Kept: 1\r\n\r\n" {
		t.Errorf("the upstream got %q", up.head(t))
	}
}

func TestEarlyHintsAreRelayed(t *testing.T) {
	up := scripted(t, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: X-Secret\r\nX-Secret: 1\r\n\r\n"+
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	g := behind(t, up.url)
	_, r := g.raw(get)
	hints, err := http.ReadResponse(r, nil)
	if err != nil || hints.StatusCode != 103 || hints.Header.Get("Link") != "</a.css>" || hints.Header.Get("X-Secret") != "" {
		t.Errorf("first = %+v, %v; want 103 with Link alone", hints, err)
	}
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 200 || resp.Header.Get("Link") != "" {
		t.Errorf("second = %v, %v; want 200 without the hint", resp, err)
	}
}

// An upstream that speaks HTTP/1.0 has its answers framed as the client's
// version wants it (RFC 9110 2.5).
func TestAnswerOfHTTP10(t *testing.T) {
	for name, answer := range map[string]string{
		"until EOF": "HTTP/1.0 200 OK\r\n\r\nhello",
		"length":    "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
	} {
		t.Run(name, func(t *testing.T) {
			g := behind(t, scripted(t, answer).url)
			_, r := g.raw("GET /m HTTP/1.1\r\nHost: a\r\n\r\n")
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(resp.Body)
			if err != nil || string(b) != "hello" || resp.Proto != "HTTP/1.1" || resp.Close {
				t.Errorf("%s, body %q, %v, close %v", resp.Proto, b, err, resp.Close)
			}
		})
	}
}

func TestAnswerForHTTP10(t *testing.T) {
	for name, answer := range map[string]string{
		"chunked":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n",
		"until EOF": "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello",
		"length":    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
	} {
		t.Run(name, func(t *testing.T) {
			g := behind(t, scripted(t, answer).url)
			_, r := g.raw("GET /m HTTP/1.0\r\nHost: a\r\n\r\n")
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(resp.Body)
			if err != nil || string(b) != "hello" || len(resp.TransferEncoding) > 0 {
				t.Errorf("body = %q, %v, encoding %q", b, err, resp.TransferEncoding)
			}
		})
	}
}

func TestBrokenAnswerIsNeverCompleted(t *testing.T) {
	// A body that ends early must not look whole to the client.
	for name, answer := range map[string]string{
		"short length":   "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 50\r\n\r\nhello",
		"no last chunk":  "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"malformed size": "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n",
		"no CRLF":        "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloooo\r\n0\r\n\r\n",
		"bad trailer":    "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX : 1\r\n\r\n",
		"LF in trailers": "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: 1\n\r\n",
		"long trailers":  "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n" + strings.Repeat("X: 0123456789\r\n", 2000) + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			g := behind(t, scripted(t, answer).url)
			_, r := g.raw(get)
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode == 502 {
				return // its end came before its head was relayed
			}
			if b, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("body = %q, %v; want it cut off", b, err)
			}
		})
	}
}

func TestMalformedAnswerIsBadGateway(t *testing.T) {
	for name, answer := range map[string]string{
		"no HTTP":      "SSH-2.0-OpenSSH\r\n\r\n",
		"two lengths":  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
		"two codings":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"unasked 101":  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
		"long head":    "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n\r\n",
		"control char": "HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			g := behind(t, scripted(t, answer).url)
			resp, body := g.do("GET", "/m", "")
			wantProblem(t, resp, body, 502, message.ProblemUpstream, message.NoReason)
			if got := resp.Header.Get("Proxy-Status"); got != "modgate; error=http_protocol_error" {
				t.Errorf("Proxy-Status = %q", got)
			}
		})
	}
}
