package proxy

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modgate/modgate/core/message"
)

// overH2 sends requests by HTTP/2, in clear text with prior knowledge, or
// under TLS by ALPN.
func overH2(t *testing.T, config *tls.Config) *http.Client {
	t.Helper()
	if config != nil {
		config = config.Clone() // the transport writes to it
	}
	transport := &http.Transport{TLSClientConfig: config, Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP2(config != nil)
	transport.Protocols.SetUnencryptedHTTP2(config == nil)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// ask sends a request and returns the answer with its body read.
func ask(t *testing.T, c *http.Client, method, url string, body io.Reader, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: read body: %v", method, url, err)
	}
	return resp, string(b)
}

// withH2 lets clients choose HTTP/2 by ALPN.
func withH2(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} }

func TestOneListenerSpeaksBothProtocols(t *testing.T) {
	g := behind(t, answers(t, "hello"))
	for range 2 {
		resp, body := ask(t, overH2(t, nil), "GET", "http://"+g.address+"/m", nil)
		if resp.Proto != "HTTP/2.0" || body != "hello" || resp.Header.Get("Modgate-Request-Id") == "" {
			t.Errorf("by prior knowledge: %s %d %q %v", resp.Proto, resp.StatusCode, body, resp.Header)
		}
		if resp, body := g.do("GET", "/m", ""); resp.Proto != "HTTP/1.1" || body != "hello" {
			t.Errorf("HTTP/1.1: %s %d %q", resp.Proto, resp.StatusCode, body)
		}
	}

	g, config := secure(t, withH2)
	g.ready(g.module("m"), instance("a", "m", "1.0.0", upstreamOf(t, headers("X-Forwarded-Proto"))))
	for proto, client := range map[string]*http.Client{"HTTP/2.0": overH2(t, config), "HTTP/1.1": over(t, config)} {
		if resp, body := ask(t, client, "GET", "https://"+g.address+"/m", nil); resp.Proto != proto || body != "X-Forwarded-Proto=https\n" {
			t.Errorf("by ALPN: %s %d %q, want %s", resp.Proto, resp.StatusCode, body, proto)
		}
	}
}

// A preface that comes in pieces, and one that is none, are told apart.
func TestPrefaceInPieces(t *testing.T) {
	g := behind(t, answers(t, "hello"))
	c, r := g.raw("PR")
	for _, piece := range []string{"I * HTTP", "/2.0\r\n\r\nSM", "\r\n\r\n", "\x00\x00\x00\x04\x00\x00\x00\x00\x00"} {
		time.Sleep(time.Millisecond) // so that it is a piece, mostly
		_, _ = io.WriteString(c, piece)
	}
	if head, err := r.Peek(9); err != nil || head[3] != 4 { // SETTINGS
		t.Errorf("answer to the preface = %x, %v; want settings", head, err)
	}
	_, r = g.raw("PROPFIND /m HTTP/1.1\r\nHost: x\r\n\r\n")
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 200 {
		t.Errorf("a method that begins like the preface: %v, %v", resp, err)
	}
	_, r = g.raw("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 400 {
		t.Errorf("half a preface: %v, %v; want 400", resp, err)
	}
}

func TestH2RequestAsTheUpstreamGetsIt(t *testing.T) {
	up := scripted(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	g := behind(t, up.url)
	ask(t, overH2(t, nil), "PUT", "http://"+g.address+"/m/a%2Fb?q=%20&r", strings.NewReader("body"),
		"X-Case", "1", "TE", "trailers", "X-Forwarded-For", "6.6.6.6", "Modgate-Epoch", "99", "Modgate-Request-Id", "id-1", "Cookie", "a=b; c=d", "User-Agent", "test")
	got := up.head(t)
	for _, want := range []string{
		"PUT /m/a%2Fb?q=%20&r HTTP/1.1\r\n", "\r\nHost: " + g.address + "\r\n", "X-Case: 1\r\n", "Cookie: a=b; c=d\r\n", "Content-Length: 4\r\n",
		"Connection: TE\r\nTE: trailers\r\n", "Via: 2 modgate\r\n", "X-Forwarded-For: 127.0.0.1\r\n", "Modgate-Epoch: 7\r\n", "Modgate-Request-Id: id-1\r\n", "\r\n\r\n",
	} {
		if strings.Count(got, want) != 1 {
			t.Errorf("%q is not there once in\n%s", want, got)
		}
	}
	if strings.Contains(got, "6.6.6.6") || strings.Contains(got, "Epoch: 99") {
		t.Errorf("upstream got what only the gateway says:\n%s", got)
	}
}

func TestH2BodiesStreamBothWays(t *testing.T) {
	g := behind(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		buf := make([]byte, 4096)
		for {
			n, err := r.Body.Read(buf)
			_, _ = w.Write(buf[:n])
			w.(http.Flusher).Flush()
			if err != nil {
				return
			}
		}
	}))
	in, out := io.Pipe()
	req, err := http.NewRequest("POST", "http://"+g.address+"/m", in)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := overH2(t, nil).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	r := bufio.NewReader(resp.Body)
	for _, line := range []string{"one\n", "two\n", "three\n"} {
		_, _ = io.WriteString(out, line)
		if got, err := r.ReadString('\n'); err != nil || got != line {
			t.Fatalf("echo = %q, %v; want %q at once", got, err, line)
		}
	}
	out.Close()
	if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
		t.Errorf("the end = %q, %v", rest, err)
	}
}

func TestLargeH2Bodies(t *testing.T) {
	g := behind(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("upstream: %v", err)
		}
		_, _ = w.Write(b)
	}))
	sent := make([]byte, 1<<20)                   // more than a window
	_, _ = rand.NewChaCha8([32]byte{}).Read(sent) // never fails
	client := overH2(t, nil)
	var all sync.WaitGroup
	for range 3 { // at once, on one connection
		all.Go(func() {
			req, _ := http.NewRequest("POST", "http://"+g.address+"/m", struct{ io.Reader }{bytes.NewReader(sent)})
			resp, err := client.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if err != nil || sha256.Sum256(b) != sha256.Sum256(sent) {
				t.Errorf("%d bytes came back, %v; want the %d that were sent", len(b), err, len(sent))
			}
		})
	}
	all.Wait()
}

func TestH2Trailers(t *testing.T) {
	g := behind(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "X-Declared")
		_, _ = w.Write(b)
		w.Header().Set("X-Declared", r.Trailer.Get("X-Sum"))
		w.Header().Set(http.TrailerPrefix+"X-Undeclared", "2")
	}))
	req, err := http.NewRequest("POST", "http://"+g.address+"/m", struct{ io.Reader }{strings.NewReader("body")})
	if err != nil {
		t.Fatal(err)
	}
	req.Trailer = http.Header{"X-Sum": {"42"}}
	resp, err := overH2(t, nil).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || string(b) != "body" || resp.Trailer.Get("X-Declared") != "42" || resp.Trailer.Get("X-Undeclared") != "2" {
		t.Errorf("body %q, %v, trailers %v", b, err, resp.Trailer)
	}
}

func TestH2InterimAnswersAreRelayed(t *testing.T) {
	g := behind(t, upstreamOf(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		_, _ = io.WriteString(w, "hello")
	}))
	var hints textproto.MIMEHeader
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		if code == http.StatusEarlyHints {
			hints = h
		}
		return nil
	}})
	req, _ := http.NewRequestWithContext(ctx, "GET", "http://"+g.address+"/m", nil)
	resp, err := overH2(t, nil).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != "hello" || hints.Get("Link") == "" || resp.Header.Get("Link") != "" {
		t.Errorf("body %q, hints %v, headers %v", b, hints, resp.Header)
	}
}

func TestH2AnswersWithoutABody(t *testing.T) {
	g := behind(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/m/204":
			w.WriteHeader(http.StatusNoContent)
		case "/m/304":
			w.Header().Set("ETag", `"1"`)
			w.WriteHeader(http.StatusNotModified)
		default:
			w.Header().Set("Content-Length", "5")
			_, _ = io.WriteString(w, "hello")
		}
	}))
	client := overH2(t, nil)
	for path, want := range map[string]int{"/m/204": 204, "/m/304": 304} {
		if resp, body := ask(t, client, "GET", "http://"+g.address+path, nil); resp.StatusCode != want || body != "" {
			t.Errorf("%s: %d %q", path, resp.StatusCode, body)
		}
	}
	if resp, body := ask(t, client, "HEAD", "http://"+g.address+"/m", nil); resp.StatusCode != 200 || body != "" || resp.ContentLength != 5 {
		t.Errorf("HEAD: %d %q, length %d", resp.StatusCode, body, resp.ContentLength)
	}
}

// DELAY, MISSING and the rest are told in the same words (3.2).
func TestH2AnswersOfTheGateway(t *testing.T) {
	g := start(t, func(o *Options) { o.Limits.Body = 1000 })
	m := g.module("m")
	g.ready(g.module("ready"), instance("a", "ready", "1.0.0", answers(t, "hello")))
	client := overH2(t, nil)
	problem := func(resp *http.Response, body string, kind message.ProblemType, status int) {
		t.Helper()
		var p message.Problem
		if err := json.Unmarshal([]byte(body), &p); err != nil || p.Type != kind || resp.StatusCode != status || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%d %v %s, want %d %s", resp.StatusCode, resp.Header, body, status, kind)
		}
	}
	g.away(m, message.ReasonUpdating, time.Minute)
	resp, body := ask(t, client, "GET", "http://"+g.address+"/m", nil, "Prefer", "wait=0")
	problem(resp, body, message.ProblemDelay, 503)
	if resp.Header.Get("Retry-After") != "60" || !strings.HasPrefix(resp.Header.Get("Modgate-Status"), `delay;module="m";reason=updating`) {
		t.Errorf("DELAY: %v", resp.Header)
	}
	resp, body = ask(t, client, "GET", "http://"+g.address+"/other", nil)
	problem(resp, body, message.ProblemUnknown, 404)
	resp, body = ask(t, client, "GET", "http://"+g.address+"/m", nil, "Modgate-Token", "nobody's")
	problem(resp, body, message.ProblemMissing, 503)
	resp, body = ask(t, client, "POST", "http://"+g.address+"/ready", strings.NewReader(strings.Repeat("x", 2000)))
	problem(resp, body, message.ProblemTooLarge, 413)
	resp, body = ask(t, client, "POST", "http://"+g.address+"/ready", struct{ io.Reader }{strings.NewReader(strings.Repeat("x", 20000))})
	problem(resp, body, message.ProblemTooLarge, 413)
	resp, body = ask(t, client, "GET", "http://"+g.address+"/m", nil, "Modgate-Timeout", "soon")
	problem(resp, body, message.ProblemInvalid, 400)
}
