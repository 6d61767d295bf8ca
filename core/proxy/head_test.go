package proxy

import (
	"bytes"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/modgate/modgate/core/message"
)

func parse(method, target, version, lines string) (*head, error) {
	h := new(head)
	err := h.parse([]byte(method + " " + target + " " + version + "\r\n" + strings.ReplaceAll(lines, "|", "\r\n") + "\r\n"))
	return h, err
}

func TestHeadIsRefused(t *testing.T) {
	// architecture.md 6: nothing about a head is repaired.
	for _, c := range []struct {
		name, method, target, version, lines string
		want                                 error
	}{
		{"version 9.9", "GET", "/", "HTTP/9.9", "Host: a|", errVersion},
		{"version 1.2", "GET", "/", "HTTP/1.2", "Host: a|", errVersion},
		{"CONNECT", "CONNECT", "a:443", "HTTP/1.1", "Host: a|", errConnect},
		{"folded line", "GET", "/", "HTTP/1.1", "Host: a|X: 1| 2|", errLine},
		{"line feed alone", "GET", "/", "HTTP/1.1", "Host: a\nX: 1|", errLine},
		{"space before colon", "GET", "/", "HTTP/1.1", "Host: a|X : 1|", errName},
		{"space in name", "GET", "/", "HTTP/1.1", "Host: a|X Y: 1|", errName},
		{"no name", "GET", "/", "HTTP/1.1", "Host: a|: 1|", errName},
		{"control character", "GET", "/", "HTTP/1.1", "Host: a|X: 12345678\x01|Y: 1|", errOctet},
		{"control character at the end", "GET", "/", "HTTP/1.1", "Host: a|X: \x01|", errOctet},
		{"DEL at the end", "GET", "/", "HTTP/1.1", "Host: a|X: \x7f|", errOctet},
		{"no colon", "GET", "/", "HTTP/1.1", "Host: a|X|", errName},
		{"Transfer_Encoding", "POST", "/", "HTTP/1.1", "Host: a|Transfer_Encoding: chunked|", errFolded},
		{"content.length", "POST", "/", "HTTP/1.1", "Host: a|content.length: 3|", errFolded},
		{"-Transfer-Encoding-", "POST", "/", "HTTP/1.1", "Host: a|-Transfer-Encoding-: chunked|", errFolded},
		{"long fold", "POST", "/", "HTTP/1.1", "Host: a|T-r-a-n-s-f-e-r-E-n-c-o-d-i-n-g-----: chunked|", errFolded},
		{"two lengths", "POST", "/", "HTTP/1.1", "Host: a|Content-Length: 3|Content-Length: 3|", errFraming},
		{"list of lengths", "POST", "/", "HTTP/1.1", "Host: a|Content-Length: 3, 3|", errFraming},
		{"signed length", "POST", "/", "HTTP/1.1", "Host: a|Content-Length: +3|", errFraming},
		{"length and coding", "POST", "/", "HTTP/1.1", "Host: a|Content-Length: 3|Transfer-Encoding: chunked|", errFraming},
		{"two codings", "POST", "/", "HTTP/1.1", "Host: a|Transfer-Encoding: chunked|Transfer-Encoding: chunked|", errFraming},
		{"unknown coding", "POST", "/", "HTTP/1.1", "Host: a|Transfer-Encoding: zstd, chunked|", errCoding},
		{"unknown coding in a line of its own", "POST", "/", "HTTP/1.1", "Host: a|Transfer-Encoding: zstd|Transfer-Encoding: chunked|", errCoding},
		{"unknown coding at the end", "POST", "/", "HTTP/1.1", "Host: a|Transfer-Encoding: chunked, gzip|", errFraming},
		{"coding without chunks", "POST", "/", "HTTP/1.1", "Host: a|Transfer-Encoding: gzip|", errFraming},
		{"coding and length", "POST", "/", "HTTP/1.1", "Host: a|Content-Length: 3|Transfer-Encoding: gzip|", errFraming},
		{"codings in 1.0", "POST", "/", "HTTP/1.0", "Host: a|Transfer-Encoding: gzip, chunked|", errFraming},
		{"chunks twice", "POST", "/", "HTTP/1.1", "Host: a|Transfer-Encoding: chunked, chunked|", errFraming},
		{"coding after chunks", "POST", "/", "HTTP/1.1", "Host: a|Transfer-Encoding: chunked|Transfer-Encoding: identity|", errFraming},
		{"codings, and an empty one", "POST", "/", "HTTP/1.1", "Host: a|Transfer-Encoding: , chunked|", errFraming},
		{"no coding", "POST", "/", "HTTP/1.1", "Host: a|Transfer-Encoding:|", errFraming},
		{"coding with a quoted parameter", "POST", "/", "HTTP/1.1", "Host: a|Transfer-Encoding: chunked;q=\"1\"|", errFraming},
		{"coding that is no token", "POST", "/", "HTTP/1.1", "Host: a|Transfer-Encoding: x chunked|", errFraming},
		{"identity", "POST", "/", "HTTP/1.1", "Host: a|Transfer-Encoding: identity|", errFraming},
		{"coding in 1.0", "POST", "/", "HTTP/1.0", "Host: a|Transfer-Encoding: chunked|", errFraming},
		{"no host", "GET", "/", "HTTP/1.1", "X: 1|", errHost},
		{"two hosts", "GET", "/", "HTTP/1.1", "Host: a|Host: a|", errHost},
		{"host with user", "GET", "/", "HTTP/1.1", "Host: u@a|", errHost},
		{"host with path", "GET", "/", "HTTP/1.1", "Host: a/b|", errHost},
		{"empty host", "GET", "/", "HTTP/1.1", "Host:|", errHost},
		{"empty host in 1.0", "GET", "/", "HTTP/1.0", "Host:|", errHost},
		{"list of hosts", "GET", "/", "HTTP/1.1", "Host: a, b|", errHost},
		{"host with two ports", "GET", "/", "HTTP/1.1", "Host: a:80:80|", errHost},
		{"port that is none", "GET", "/", "HTTP/1.1", "Host: a:http|", errHost},
		{"port that is too high", "GET", "/", "HTTP/1.1", "Host: a:65536|", errHost},
		{"signed port", "GET", "/", "HTTP/1.1", "Host: a:+80|", errHost},
		{"port without host", "GET", "/", "HTTP/1.1", "Host: :80|", errHost},
		{"IPv6 without brackets", "GET", "/", "HTTP/1.1", "Host: ::1|", errHost},
		{"open bracket", "GET", "/", "HTTP/1.1", "Host: [::1|", errHost},
		{"IPv4 in brackets", "GET", "/", "HTTP/1.1", "Host: [1.2.3.4]|", errHost},
		{"IPv6 with a zone", "GET", "/", "HTTP/1.1", "Host: [fe80::1%25a]|", errHost},
		{"name after brackets", "GET", "/", "HTTP/1.1", "Host: [::1]a|", errHost},
		{"percent in a host", "GET", "/", "HTTP/1.1", "Host: a%2fb|", errHost},
		{"quote in a host", "GET", "/", "HTTP/1.1", "Host: a\";for=b|", errHost},
		{"absolute, bad port", "GET", "http://a:x/", "HTTP/1.1", "Host: a|", errTarget},
		{"absolute, and no host", "GET", "http://a/", "HTTP/1.1", "X: 1|", errHost},
		{"non-ASCII target", "GET", "/\xc3\xa9", "HTTP/1.1", "Host: a|", errTarget},
		{"fragment", "GET", "/a#b", "HTTP/1.1", "Host: a|", errTarget},
		{"fragment before a query", "GET", "/a#b?c", "HTTP/1.1", "Host: a|", errTarget},
		{"two spaces", "GET", " /", "HTTP/1.1", "Host: a|", errVersion},
		{"space after the version", "GET", "/", "HTTP/1.1 ", "Host: a|", errVersion},
		{"asterisk with GET", "GET", "*", "HTTP/1.1", "Host: a|", errTarget},
		{"authority-form", "GET", "a:80", "HTTP/1.1", "Host: a|", errTarget},
		{"other scheme", "GET", "ftp://a/", "HTTP/1.1", "Host: a|", errTarget},
		{"absolute with user", "GET", "http://u@a/", "HTTP/1.1", "Host: a|", errTarget},
		{"absolute without host", "GET", "http:///x", "HTTP/1.1", "Host: a|", errTarget},
		{"too many options", "GET", "/", "HTTP/1.1", "Host: a|Connection: " + strings.Repeat("x,", mostOptions) + "y|", errOptions},
		{"too many options in lines", "GET", "/", "HTTP/1.1", "Host: a|" + strings.Repeat("Connection: x|", mostOptions+1), errOptions},
		{"too many fields", "GET", "/", "HTTP/1.1", "Host: a|" + strings.Repeat("x:|", mostFields), errHeadTooLarge},
		{"unknown expectation", "POST", "/", "HTTP/1.1", "Host: a|Expect: cake|", errExpectation},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := parse(c.method, c.target, c.version, c.lines); !errors.Is(err, c.want) {
				t.Errorf("err = %v, want %v", err, c.want)
			}
		})
	}
}

func TestHosts(t *testing.T) {
	// RFC 3986 3.2.2, 3.2.3.
	for _, host := range []string{"a", "a.b-c_d", "a:80", "a:", "1.2.3.4:8080", "[::1]", "[2001:db8::1]:443", "[::ffff:1.2.3.4]", "xn--bcher-kva.example"} {
		if h, err := parse("GET", "/", "HTTP/1.1", "Host: "+host+"|"); err != nil || string(h.host) != host {
			t.Errorf("Host %s: %q, %v", host, h.host, err)
		}
		if h, err := parse("GET", "http://"+host+"/x", "HTTP/1.1", "Host: other|"); err != nil || string(h.host) != host {
			t.Errorf("absolute %s: %q, %v", host, h.host, err)
		}
	}
}

func TestHeadTarget(t *testing.T) {
	for _, c := range []struct{ name, method, target, wantTarget, wantPath, wantHost string }{
		{"none", "GET", "", "/", "/", "a"},
		{"number sign in a query", "GET", "/a?b#c", "/a?b%23c", "/a", "a"},
		{"origin-form", "GET", "/a%2fb//../c;d?q=%20&r", "/a%2fb//../c;d?q=%20&r", "/a%2fb//../c;d", "a"},
		{"absolute-form", "GET", "http://b:8080/x?y", "/x?y", "/x", "b:8080"},
		{"absolute, upper case", "GET", "HTTPS://b/x", "/x", "/x", "b"},
		{"absolute, no path", "GET", "http://b", "/", "/", "b"},
		{"absolute, query only", "GET", "http://b?y", "/?y", "/", "b"},
		{"asterisk-form", "OPTIONS", "*", "*", "*", "a"},
		{"absolute asterisk", "OPTIONS", "http://b", "*", "*", "b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := parse(c.method, c.target, "HTTP/1.1", "Host: a|")
			if err != nil {
				t.Fatal(err)
			}
			if got := string(h.target); got != c.wantTarget {
				t.Errorf("target = %q, want %q", got, c.wantTarget)
			}
			if got := string(h.path); got != c.wantPath {
				t.Errorf("path = %q, want %q", got, c.wantPath)
			}
			if got := string(h.host); got != c.wantHost {
				t.Errorf("host = %q, want %q", got, c.wantHost)
			}
		})
	}
}

func TestHopByHopFieldsAreDropped(t *testing.T) {
	// RFC 9110 7.6.1, and what only the gateway may say.
	h, err := parse("GET", "/", "HTTP/1.1", "Host: a|Connection: close, X-Mine|connection: x-other|X-Mine: 1|X-OTHER: 2|"+
		"Keep-Alive: 5|Proxy-Authorization: b|TE: trailers, deflate|X-Forwarded-For: 6.6.6.6|x-forwarded-anything: 1|Forwarded: for=x|"+
		"Modgate-Token: t|Modgate-Epoch: 9|Modgate-Other: 9|HTTP2-Settings: x|Upgrade: h2c|X-Kept: 1|accept: x|Trailer: T|")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range h.fields {
		if f.kind == relayed {
			got = append(got, string(h.raw[f.start:f.end]))
		}
	}
	if want := "X-Kept: 1,accept: x,Trailer: T"; strings.Join(got, ",") != want {
		t.Errorf("relayed = %q, want %q", got, want)
	}
	if !h.trailers {
		t.Error("TE: trailers was not noticed")
	}
	if h.upgrades() {
		t.Error("h2c must not be tunnelled")
	}
}

// FuzzHead compares what is accepted with what a stupid strict parser makes of
// it, and so what the server is told of it.
func FuzzHead(f *testing.F) {
	f.Add([]byte("GET /a?b HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\nX: 1\r\n\r\n"))
	f.Add([]byte("POST http://b/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"))
	f.Add([]byte("PUT / HTTP/1.0\r\nContent-Length: 5\r\nVia: 1.1 modgate\r\nMax-Forwards: 3\r\nExpect: 100-continue\r\n\r\n"))
	for _, raw := range corpusSeeds(f) {
		if end := bytes.Index(raw, headEnd); end >= 0 {
			f.Add(raw[:end+len(headEnd)])
		}
	}
	line := regexp.MustCompile(`^[!#$%&'*+\-.^_` + "`" + `|~0-9A-Za-z]+ [!-~]* HTTP/1\.[01]$`)
	f.Fuzz(func(t *testing.T, raw []byte) {
		x := new(exchange)
		h := &x.head
		if raw = ended(raw); h.parse(raw) != nil {
			return
		}
		if len(h.path) == 0 || h.path[0] != '/' && string(h.path) != "*" {
			t.Errorf("path = %q of the accepted head %q", h.path, raw)
		}
		lines := strings.Split(string(raw[:len(raw)-len(headEnd)]), "\r\n")
		if !line.MatchString(lines[0]) {
			t.Errorf("accepted the request line %q", lines[0])
		}
		var m captured
		var codings []string
		for _, l := range lines[1:] {
			parts := fieldLine.FindStringSubmatch(latin1(l))
			if parts == nil {
				t.Fatalf("accepted the line %q", l)
			}
			name, value := strings.ToLower(parts[1]), parts[2]
			if name == "transfer-encoding" {
				codings = append(codings, strings.Split(strings.ToLower(value), ",")...)
				continue
			}
			m.names, m.values = append(m.names, name), append(m.values, value)
		}
		for i, c := range codings {
			name, _, _ := strings.Cut(c, ";")
			last := i == len(codings)-1
			if last {
				m.names, m.values = append(m.names, "transfer-encoding"), append(m.values, "chunked") // it is forwarded so
			}
			if name = strings.TrimSpace(name); (name == "chunked") != last || !slices.Contains(spoken, name) {
				t.Errorf("accepted the codings %q", codings)
			}
		}
		if dirt := m.framing(); dirt != "" && !(h.http10 && dirt == "by 0 Host fields") {
			t.Errorf("accepted %q, dirty %s", raw, dirt)
		}
		body := make([]byte, min(max(h.size, 0), 1<<10))
		told, _, ok := cutMessage(append(bytes.Replace(x.framing(), []byte("HTTP/1.0"), []byte("HTTP/1.1"), 1), body...))
		if int64(len(body)) == h.size && (!ok || told.dirt != "") {
			t.Errorf("of %q the server is told %q (%s)", raw, x.framing(), told.dirt)
		}
		if chunks := len(m.get("transfer-encoding")) > 0; chunks != h.chunked || chunks != bytes.Contains(x.framing(), []byte("chunked")) {
			t.Errorf("of %q the server is told %q", raw, x.framing())
		}
		if lengths := m.get("content-length"); len(lengths) == 1 && lengths[0] != strconv.FormatInt(h.size, 10) {
			t.Errorf("%q has the length %d", raw, h.size)
		}
	})
}

// spoken are the transfer codings that are.
var spoken = []string{"chunked", "gzip", "x-gzip", "deflate", "compress", "x-compress", "identity"}

// ended returns raw up to where a head ends, if need be with such an end.
func ended(raw []byte) []byte {
	raw = append(bytes.Clone(raw), headEnd...)
	return raw[:bytes.Index(raw, headEnd)+len(headEnd)]
}

func TestMalformedRequestsNeverReachAnUpstream(t *testing.T) {
	g := start(t)
	m := g.module("m")
	g.ready(m, instance("a", "m", "1.0.0", upstreamOf(t, func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the upstream got %s %s", r.Method, r.URL)
	})))
	for name, text := range map[string]string{
		"folded line":        "GET /m HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n",
		"carriage return":    "GET /m HTTP/1.1\r\nHost: a\r\nX: 1\r2\r\n\r\n",
		"control octet":      "GET /m HTTP/1.1\r\nHost: a\r\nX: 1\x002\r\n\r\n",
		"line feed":          "GET /m HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n",
		"space before colon": "GET /m HTTP/1.1\r\nHost : a\r\n\r\n",
		"space in name":      "POST /m HTTP/1.1\r\nHost: a\r\nTransfer Encoding: chunked\r\n\r\n",
		"length and coding":  "POST /m HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"version":            "GET /m HTTP/9.9\r\nHost: a\r\n\r\n",
		"no host":            "GET /m HTTP/1.1\r\n\r\n",
		"no header":          "GET /m HTTP/1.1\r\n\r\n",
		"non-ASCII target":   "GET /m\xff HTTP/1.1\r\nHost: a\r\n\r\n",
		"garbage":            "\x16\x03\x01\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			c, r := g.raw(text)
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatalf("read answer: %v", err)
			}
			if resp.StatusCode != 400 || resp.Header.Get("Content-Type") != "application/problem+json" || !resp.Close {
				t.Errorf("answer = %d, %v, close %v; want 400, a problem, close", resp.StatusCode, resp.Header, resp.Close)
			}
			wantClosed(t, c, resp)
		})
	}
}

func TestServerWideOptionsIsTheGateways(t *testing.T) {
	g := start(t)
	_, r := g.raw("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != 204 {
		t.Errorf("answer = %v, %v; want 204", resp, err)
	}
}

func TestRefusalsHaveTheirStatus(t *testing.T) {
	g := behind(t, upstreamOf(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the upstream got %s", r.Method) }))
	for name, c := range map[string]struct {
		head string
		want int
	}{
		"RFC 9112 6.1: a coding that is not spoken": {"POST /m HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: zstd, chunked\r\n", 501},
		"RFC 9110 10.1.1: an expectation":           {"POST /m HTTP/1.1\r\nHost: a\r\nExpect: cake\r\nContent-Length: 1\r\n", 417},
		"RFC 9110 9.3.6: CONNECT":                   {"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n", 400},
		"RFC 9110 9.3.8: TRACE with a body":         {"TRACE /m HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n", 400},
		"RFC 9110 7.6.2: TRACE that ends here":      {"TRACE /m HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n", 501},
	} {
		_, r := g.raw(c.head + "\r\n")
		resp, err := http.ReadResponse(r, nil)
		if err != nil || resp.StatusCode != c.want || !resp.Close {
			t.Errorf("%s: %v, %v; want %d and the connection closed", name, resp, err, c.want)
		}
	}
}

// RFC 9110 7.6.2.
func TestMaxForwardsIsCountedDown(t *testing.T) {
	up := scripted(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	g := behind(t, up.url)
	for name, c := range map[string]struct{ method, sent, want string }{
		"OPTIONS":         {"OPTIONS", "Max-Forwards: 2\r\n", "Max-Forwards: 1\r\n"},
		"TRACE":           {"TRACE", "max-forwards: 1\r\n", "Max-Forwards: 0\r\n"},
		"twice":           {"TRACE", "Max-Forwards: 9\r\nMax-Forwards: 3\r\n", "Max-Forwards: 2\r\n"},
		"another method":  {"GET", "Max-Forwards: 0\r\n", "Max-Forwards: 0\r\n"},
		"not a number":    {"OPTIONS", "Max-Forwards: x\r\n", "Max-Forwards: x\r\n"},
		"nothing is said": {"OPTIONS", "", ""},
	} {
		_, r := g.raw(c.method + " /m HTTP/1.1\r\nHost: a\r\n" + c.sent + "\r\n")
		if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: %v, %v", name, resp, err)
		}
		if got := up.head(t); strings.Count(got, "Max-Forwards:") != strings.Count(c.want, "Max") || !strings.Contains(got, c.want) {
			t.Errorf("%s: the upstream got %q, want %q", name, got, c.want)
		}
	}
	before := len(up.heads)
	_, r := g.raw("OPTIONS /m HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n")
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 204 || len(up.heads) != before {
		t.Errorf("OPTIONS that ends here: %v, %v; the upstream got %d", resp, err, len(up.heads)-before)
	}
}

// A gateway whose upstream is itself answers, after sixteen rounds.
func TestRequestThatGoesInACircleIsEnded(t *testing.T) {
	g := start(t)
	g.ready(g.module("m"), instance("a", "m", "1.0.0", "http://"+g.address))
	resp, body := g.do("POST", "/m", "hello", "Via", "1.1 edge, 1.0 modgate-of-others")
	wantProblem(t, resp, body, 508, message.ProblemInvalid, message.NoReason)
	if got := resp.Header.Get("Proxy-Status"); got != "modgate; error=proxy_loop_detected" {
		t.Errorf("Proxy-Status = %q", got)
	}
	if n := g.proxy.Stats().Relayed; n != mostPasses {
		t.Errorf("it went round %d times, want %d", n, mostPasses)
	}
}
