package proxy

import (
	"bytes"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// FuzzForward sends a client's bytes down one connection. Whatever they are:
// what reaches the upstream is clean, and where a stupid strict parser finds
// requests in them, these and no others were forwarded.
func FuzzForward(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0\r\nX: 1\r\n\r\n",
		"PUT http://b/ HTTP/1.0\r\nHost: a\r\nConnection: keep-alive, X-Y\r\nX-Y: 1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
	} {
		f.Add([]byte(seed))
	}
	for _, raw := range corpusSeeds(f) {
		f.Add(raw)
	}
	g, r := theatre(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 32<<10 {
			return
		}
		r.forget()
		g.exchange(t, raw)
		got := r.seen(t, "fuzz")
		want, rest := requestsOf(raw)
		if len(rest) == 0 && len(got) > len(want) {
			t.Fatalf("%d requests reached the upstream, sent were %d", len(got), len(want))
		}
		for i := range min(len(got), len(want)) {
			if got[i].line != strings.ReplaceAll(want[i].line, "#", "%23") || got[i].body != want[i].body {
				t.Errorf("request %d reached the upstream as %q with %q; sent was %q with %q",
					i, got[i].line, got[i].body, want[i].line, want[i].body)
			}
		}
	})
}

// corpusSeeds returns what the cases of the corpus send, if there is one.
func corpusSeeds(f *testing.F) (seeds [][]byte) {
	if sharedAbove() == "" {
		return nil
	}
	cases := append(corpus(f, "http11probe.jsonl"), corpus(f, "aws-desync-guardian.jsonl")...)
	for i, a := range corpus(f, "te-mutations.jsonl") {
		if i%20 == 0 { // they are much alike, and each is run before the first new input
			cases = append(cases, a)
		}
	}
	for _, a := range cases {
		seeds = append(seeds, a.whole())
	}
	return seeds
}

// exchange sends raw, and reads until the gateway closes.
func (g *gate) exchange(t *testing.T, raw []byte) {
	t.Helper()
	c, err := net.Dial("tcp", g.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = c.Write(raw)
	_ = c.(*net.TCPConn).CloseWrite()
	if _, err := io.Copy(io.Discard, c); err != nil && !isReset(err) {
		t.Fatalf("read the answers: %v", err)
	}
}

// requestsOf returns the requests in raw for which there is no doubt, as far
// as an upstream is to see them, and what follows the last of them.
func requestsOf(raw []byte) (requests []captured, rest []byte) {
	for len(raw) > 0 {
		m, rest, ok := cutMessage(raw)
		if !ok || m.dirt != "" {
			break
		}
		method, _, _ := strings.Cut(m.line, " ")
		if !strings.HasPrefix(m.line, "OPTIONS * ") && slices.Contains(takes, method) { // else it is the gateway's own to answer
			requests = append(requests, m)
		}
		raw = rest
	}
	return requests, raw
}

// whole returns all that a sends.
func (a attack) whole() []byte {
	var b bytes.Buffer
	for _, s := range a.Steps {
		b.Write(s.Bytes)
	}
	return b.Bytes()
}
