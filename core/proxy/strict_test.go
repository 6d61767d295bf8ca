package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// Every item of STRICT.md says where it is, and names tests that there are.
func TestEveryStrictItemHasItsTest(t *testing.T) {
	defined := make(map[string]bool)
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllSubmatch(b, -1) {
			defined[string(m[1])] = true
		}
	}
	source := regexp.MustCompile("`(\\w+\\.go)`")
	items := strictItems(t)
	for _, item := range items {
		if len(item.tests) == 0 {
			t.Errorf("no test holds %q", item.name)
		}
		for _, test := range item.tests {
			if !defined[test] {
				t.Errorf("%s, which is to hold %q, does not exist", test, item.name)
			}
		}
		for _, m := range source.FindAllStringSubmatch(item.where, -1) {
			if _, err := os.Stat(m[1]); err != nil {
				t.Errorf("%q: %v", item.name, err)
			}
		}
	}
	if len(items) < 70 {
		t.Errorf("%d items were found, want all", len(items))
	}
}

// RFC 9112 9.3.2.
func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	g := behind(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		time.Sleep(time.Duration(10-len(r.URL.Path)) * time.Millisecond) // the first take longest
		_, _ = fmt.Fprintf(w, "%s %s", r.URL.Path, b)
	}))
	var all strings.Builder
	for i := range 5 {
		path := "/m/" + strings.Repeat("x", i+1)
		fmt.Fprintf(&all, "GET %s HTTP/1.1\r\nHost: a\r\n\r\nPUT %s HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"+
			"PUT %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n", path, path, path)
	}
	_, r := g.raw(all.String())
	for i := range 5 {
		for _, body := range []string{"", "body", "body"} {
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(resp.Body)
			if want := "/m/" + strings.Repeat("x", i+1) + " " + body; err != nil || string(b) != want {
				t.Errorf("answer = %q, %v; want %q", b, err, want)
			}
		}
	}
}

// RFC 9112 9.3.
func TestConnectionIsKeptAsItsClientSays(t *testing.T) {
	g := behind(t, answers(t, "hello"))
	for name, c := range map[string]struct {
		head string
		kept bool
	}{
		"HTTP/1.1":                        {"GET /m HTTP/1.1\r\nHost: a\r\n", true},
		"HTTP/1.1, close":                 {"GET /m HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n", false},
		"HTTP/1.1, close among others":    {"GET /m HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\n", false},
		"HTTP/1.1, close in another line": {"GET /m HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n", false},
		"HTTP/1.0":                        {"GET /m HTTP/1.0\r\nHost: a\r\n", false},
		"HTTP/1.0, keep-alive":            {"GET /m HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n", true},
		"HTTP/1.0, both":                  {"GET /m HTTP/1.0\r\nHost: a\r\nConnection: close, keep-alive\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			c1, r := g.raw(c.head + "\r\n")
			for range 2 {
				resp, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Fatal(err)
				}
				if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "hello" {
					t.Errorf("body = %q, %v", b, err)
				}
				if !c.kept {
					if n, err := r.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
						t.Errorf("read after the answer = %d, %v; want the connection closed", n, err)
					}
					return
				}
				_, _ = io.WriteString(c1, c.head+"\r\n")
			}
		})
	}
}

// Its 100 is the gateway's, which has answered its client already, or has not
// asked for the body (RFC 9110 10.1.1); and HTTP/1.0 knows no interim answers
// (RFC 9110 15.2).
func TestInterimAnswersThatAreNotRelayed(t *testing.T) {
	for name, c := range map[string]struct{ interim, version string }{
		"100":          {"100 Continue", "1.1"},
		"103 to a 1.0": {"103 Early Hints", "1.0"},
	} {
		g := behind(t, scripted(t, "HTTP/1.1 "+c.interim+"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").url)
		_, r := g.raw("GET /m HTTP/" + c.version + "\r\nHost: a\r\n\r\n")
		if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 200 {
			t.Errorf("%s: first = %v, %v; want 200", name, resp, err)
		}
	}
}

// RFC 6455 7.4: a close code is said to the other end as it was said.
func TestWebSocketCloseCodesArriveBothWays(t *testing.T) {
	type end struct {
		code   websocket.StatusCode
		reason string
	}
	of := func(err error) end {
		var e websocket.CloseError
		if !errors.As(err, &e) {
			return end{reason: fmt.Sprint(err)}
		}
		return end{e.Code, e.Reason}
	}
	closes := end{4001, "from the module"}
	seen := make(chan end, 1)
	g := behind(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseNow()
		if strings.HasSuffix(r.URL.Path, "/closes") {
			_ = c.Close(closes.code, closes.reason)
			return
		}
		_, _, err = c.Read(r.Context())
		seen <- of(err)
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	dial := func(path string) *websocket.Conn {
		c, _, err := websocket.Dial(ctx, "ws://"+g.address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := dial("/m/closes")
	if _, _, err := c.Read(ctx); of(err) != closes {
		t.Errorf("the client sees %+v, want %+v", of(err), closes)
	}
	want := end{4002, "from the client"}
	if err := dial("/m/x").Close(want.code, want.reason); err != nil {
		t.Errorf("close: %v", err)
	}
	if got := <-seen; got != want {
		t.Errorf("the module sees %+v, want %+v", got, want)
	}
}

// RFC 7239 6: an IPv6 address is quoted and bracketed.
func TestForwardedNodes(t *testing.T) {
	for addr, want := range map[string]string{"": "unknown", "192.0.2.1": "192.0.2.1", "2001:db8::1": `"[2001:db8::1]"`} {
		var a netip.Addr
		if addr != "" {
			a = netip.MustParseAddr(addr)
		}
		if got := string(appendNode(nil, a)); got != want {
			t.Errorf("%q = %s, want %s", addr, got, want)
		}
	}
	ln, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("there is no IPv6 here:", err)
	}
	up := scripted(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	g := prepare(t)
	g.address = ln.Addr().String()
	g.serve(ln)
	g.ready(g.module("m"), instance("a", "m", "1.0.0", up.url))
	_, r := g.raw("GET /m HTTP/1.1\r\nHost: [::1]:80\r\nX-Forwarded-For: 6.6.6.6\r\nforwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Proto: https\r\n\r\n")
	if _, err := http.ReadResponse(r, nil); err != nil {
		t.Fatal(err)
	}
	got := up.head(t)
	for _, want := range []string{"X-Forwarded-For: ::1\r\n", "X-Forwarded-Host: [::1]:80\r\n", "X-Forwarded-Proto: http\r\n", `Forwarded: for="[::1]";host="[::1]:80";proto=http` + "\r\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
	if strings.Contains(got, "6.6.6.6") || strings.Contains(got, "evil") {
		t.Errorf("the upstream got what a client made up: %q", got)
	}
}

// RFC 9110 7.6.3: each protocol of a hop is named, and what was there is kept.
func TestViaNamesTheProtocol(t *testing.T) {
	up := scripted(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nVia: 1.1 inner\r\n\r\n")
	g := behind(t, up.url)
	for version, want := range map[string]string{"1.1": "Via: 1.1 modgate\r\n", "1.0": "Via: 1.0 modgate\r\n"} {
		_, r := g.raw("GET /m HTTP/" + version + "\r\nHost: a\r\nVia: 1.1 edge\r\n\r\n")
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := up.head(t); strings.Index(got, "Via: 1.1 edge\r\n") > strings.Index(got, want) || !strings.Contains(got, want) {
			t.Errorf("the upstream got %q, want %q after what was there", got, want)
		}
		if got := resp.Header["Via"]; len(got) != 1 || got[0] != "1.1 inner" {
			t.Errorf("the client got Via %q: a gateway adds none to answers (RFC 9110 7.6.3: it may)", got)
		}
	}
}
