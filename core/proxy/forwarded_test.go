package proxy

import (
	"bufio"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/park"
)

// Who asks is the last on the way whom a trusted proxy has seen and who is none
// itself, as far as the fields are well-formed and agree.
func TestClientIsTheLastThatATrustedProxySaw(t *testing.T) {
	trusted := Settings{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}}.terms()
	for name, c := range map[string]struct{ peer, lines, want string }{
		"a stranger's word":               {"192.0.2.9", "X-Forwarded-For: 6.6.6.6|Forwarded: for=6.6.6.6|", ""},
		"nothing is said":                 {"10.0.0.1", "", "10.0.0.1"},
		"one hop":                         {"10.0.0.1", "X-Forwarded-For: 192.0.2.1|", "192.0.2.1"},
		"made up by the client":           {"10.0.0.1", "X-Forwarded-For: 6.6.6.6, 192.0.2.1|", "192.0.2.1"},
		"two hops":                        {"10.0.0.1", "X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.0.0.2|", "192.0.2.1"},
		"two hops in two lines":           {"10.0.0.1", "X-Forwarded-For: 6.6.6.6, 192.0.2.1|x-forwarded-for: 10.0.0.2|", "192.0.2.1"},
		"an empty line":                   {"10.0.0.1", "X-Forwarded-For:|X-Forwarded-For: 192.0.2.1|", "192.0.2.1"},
		"all are trusted":                 {"10.0.0.1", "X-Forwarded-For: 10.0.0.3, 10.0.0.2|", "10.0.0.3"},
		"with a port":                     {"10.0.0.1", "X-Forwarded-For: 192.0.2.1:4711|", "192.0.2.1"},
		"IPv6":                            {"2001:db8::1", "X-Forwarded-For: 2001:db9::1, [2001:db8::2]:80, [2001:db8::3]|", "2001:db9::1"},
		"IPv4 in IPv6":                    {"10.0.0.1", "X-Forwarded-For: 192.0.2.1, ::ffff:10.0.0.2|", "192.0.2.1"},
		"no address":                      {"10.0.0.1", "X-Forwarded-For: 192.0.2.1, nobody, 10.0.0.2|", "10.0.0.2"},
		"an empty member":                 {"10.0.0.1", "X-Forwarded-For: 192.0.2.1, , 10.0.0.2|", "10.0.0.2"},
		"Forwarded":                       {"10.0.0.1", `Forwarded: for=6.6.6.6, For="192.0.2.1:80";proto=https, proto=http;for="10.0.0.2"|`, "192.0.2.1"},
		"Forwarded, IPv6":                 {"10.0.0.1", `Forwarded: for="[2001:db9::1]:4711";by=_x, for="[2001:db8::2]"|`, "2001:db9::1"},
		"Forwarded, in lines":             {"10.0.0.1", `Forwarded: for=192.0.2.1|Forwarded: for=10.0.0.2|`, "192.0.2.1"},
		"Forwarded, hidden":               {"10.0.0.1", `Forwarded: for=192.0.2.1, for=_gazonk, for=10.0.0.2|`, "10.0.0.2"},
		"Forwarded, unknown":              {"10.0.0.1", `Forwarded: for=unknown|`, "10.0.0.1"},
		"Forwarded, nobody":               {"10.0.0.1", `Forwarded: for=192.0.2.1, proto=https|`, "10.0.0.1"},
		"Forwarded, open string":          {"10.0.0.1", `Forwarded: for="192.0.2.1|`, "10.0.0.1"},
		"Forwarded, malformed":            {"10.0.0.1", `Forwarded: for=192.0.2.1 proto=https|`, "10.0.0.1"},
		"both agree":                      {"10.0.0.1", `X-Forwarded-For: 192.0.2.1, 10.0.0.2|Forwarded: for=192.0.2.1, for=10.0.0.2|`, "192.0.2.1"},
		"a Forwarded that is made up":     {"10.0.0.1", `X-Forwarded-For: 192.0.2.1|Forwarded: for=6.6.6.6|`, "10.0.0.1"},
		"and one made up more cleverly":   {"10.0.0.1", `X-Forwarded-For: 192.0.2.1, 10.0.0.2|Forwarded: for=6.6.6.6, for=10.0.0.2|`, "10.0.0.2"},
		"an X-Forwarded-For made up":      {"10.0.0.1", `X-Forwarded-For: 6.6.6.6|Forwarded: for=6.6.6.6, for=192.0.2.1|`, "10.0.0.1"},
		"one that is shorter than other":  {"10.0.0.1", `X-Forwarded-For: 10.0.0.2|Forwarded: for=6.6.6.6, for=10.0.0.2|`, "10.0.0.2"},
		"a malformed Forwarded is nobody": {"10.0.0.1", `X-Forwarded-For: 192.0.2.1|Forwarded: for="|`, "192.0.2.1"},
	} {
		t.Run(name, func(t *testing.T) {
			x := &exchange{terms: trusted}
			if err := x.head.parse([]byte("GET / HTTP/1.1\r\nHost: a\r\n" + strings.ReplaceAll(c.lines, "|", "\r\n") + "\r\n")); err != nil {
				t.Fatal(err)
			}
			var want netip.Addr
			if c.want != "" {
				want = netip.MustParseAddr(c.want)
			}
			if got := x.said(netip.MustParseAddr(c.peer)).client; got != want {
				t.Errorf("client = %v, want %v", got, want)
			}
		})
	}
}

// RFC 7239 4, 5, and the order of X-Forwarded-For: what a trusted proxy says is
// continued, and goes before what the gateway says.
func TestTrustedProxyIsContinued(t *testing.T) {
	up := scripted(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	for name, c := range map[string]struct {
		trusted string
		lines   string
		want    []string
		none    []string
	}{
		"X-Forwarded-For": {
			"127.0.0.0/8", "X-Forwarded-For: 6.6.6.6|X-Forwarded-For: 192.0.2.1|X-Forwarded-Proto: https|X-Forwarded-Host: library.example|X-Forwarded-Port: 443|x-forwarded-prefix: /x|X-Real-IP: 6.6.6.6|Client-Cert: :AA:|",
			[]string{
				"X-Forwarded-For: 6.6.6.6, 192.0.2.1, 127.0.0.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: library.example",
				"X-Forwarded-Port: 443", "x-forwarded-prefix: /x", `Forwarded: for=192.0.2.1, for=127.0.0.1;host="gw.test";proto=http`,
			},
			[]string{"X-Real-IP", "Client-Cert"},
		},
		"Forwarded": {
			"127.0.0.1/32", `Forwarded: for="[2001:db8::1]:80";proto=https;host=library.example|`,
			[]string{
				`Forwarded: for="[2001:db8::1]:80";proto=https;host=library.example, for=127.0.0.1;host="gw.test";proto=http`,
				"X-Forwarded-For: 2001:db8::1, 127.0.0.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: library.example",
			},
			nil,
		},
		"a Forwarded that would swallow ours": {
			"127.0.0.1/32", `Forwarded: for=6.6.6.6, for="|X-Forwarded-Proto: gopher|X-Forwarded-Host: a/b|`,
			[]string{`Forwarded: for=127.0.0.1;host="gw.test";proto=http`, "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: http", "X-Forwarded-Host: gw.test"},
			[]string{"6.6.6.6"},
		},
		"nothing": {
			"127.0.0.1/32", "",
			[]string{`Forwarded: for=127.0.0.1;host="gw.test";proto=http`, "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: http", "X-Forwarded-Host: gw.test"},
			nil,
		},
		"for this hop only": {
			"127.0.0.1/32", "Connection: X-Forwarded-Port|X-Forwarded-Port: 443|",
			[]string{"X-Forwarded-For: 127.0.0.1"},
			[]string{"X-Forwarded-Port"},
		},
		"somebody else's": {
			"10.0.0.0/8", "X-Forwarded-For: 6.6.6.6|X-Forwarded-Port: 443|Forwarded: for=6.6.6.6|X-Forwarded-Proto: https|",
			[]string{`Forwarded: for=127.0.0.1;host="gw.test";proto=http`, "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: http"},
			[]string{"6.6.6.6", "X-Forwarded-Port"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := behind(t, up.url, func(o *Options) { o.Trusted = []netip.Prefix{netip.MustParsePrefix(c.trusted)} })
			_, r := g.raw("GET /m HTTP/1.1\r\nHost: gw.test\r\n" + strings.ReplaceAll(c.lines, "|", "\r\n") + "\r\n")
			if _, err := http.ReadResponse(r, nil); err != nil {
				t.Fatal(err)
			}
			got := up.head(t)
			for _, want := range c.want {
				if strings.Count(got, want+"\r\n") != 1 {
					t.Errorf("%q is not in, once:\n%s", want, got)
				}
			}
			for _, none := range c.none {
				if strings.Contains(got, none) {
					t.Errorf("%q is in:\n%s", none, got)
				}
			}
		})
	}
}

// Fair is fair among clients, not among the proxies that they come by (A6).
func TestClientsOfATrustedProxyWaitApart(t *testing.T) {
	g := start(t, func(o *Options) {
		o.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
		o.Room = park.NewRoom(park.Limits{PerCaller: 1})
	})
	g.room = g.proxy.Room
	m := g.module("m")
	g.away(m, message.ReasonUpdating, 1<<40)
	var parked []*bufio.Reader
	for i, client := range []string{"192.0.2.1", "192.0.2.2"} {
		_, r := g.raw("GET /m HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: " + client + "\r\n\r\n")
		parked = append(parked, r)
		eventually(t, "parked", func() bool { return g.room.Parked("m").Parked == i+1 })
	}
	resp, body := g.do("GET", "/m", "", "X-Forwarded-For", "192.0.2.2")
	wantProblem(t, resp, body, 503, message.ProblemOverflow, message.ReasonUpdating)
	g.ready(m, instance("a", "m", "1.0.0", answers(t, "hello")))
	for _, r := range parked {
		if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("after the release: %v, %v", resp, err)
		}
	}
}

// FuzzForwarded reads what a proxy may say: what is accepted can be continued,
// and the gateway's own element is the last.
func FuzzForwarded(f *testing.F) {
	for _, seed := range []string{`for=192.0.2.1;proto=http, for="[::1]:80"`, `for="a\"b,c";;by=_x ,`, `for="`, `for="\`, `=`, `,;,`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		hops, ok := parseForwarded(text)
		if !ok || !isText(text) {
			return
		}
		all, ok := parseForwarded(append(append([]byte(nil), text...), `, for=127.0.0.1;host="gw.test";proto=http`...))
		if !ok || len(all) != len(hops)+1 || string(all[len(hops)].node) != "127.0.0.1" || string(all[len(hops)].host) != "gw.test" {
			t.Errorf("%q, continued, is read as %q", text, all)
		}
	})
}
