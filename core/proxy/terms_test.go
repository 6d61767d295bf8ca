package proxy

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/modgate/modgate/core/keyring/keyringtest"
)

// theUpstream returns the one there is.
func theUpstream(g *gate) (up *upstream) {
	g.t.Helper()
	g.proxy.upstreams.all.Range(func(_, v any) bool {
		up = v.(*upstream)
		return false
	})
	if up == nil {
		g.t.Fatal("there is no upstream")
	}
	return up
}

// configure changes the gate's settings, which were the default ones.
func (g *gate) configure(change func(*Settings)) {
	var s Settings
	change(&s)
	g.proxy.Configure(s)
}

// sent sends requests on a connection that is there, and wants their statuses.
func sent(t *testing.T, w io.Writer, r *bufio.Reader, requests string, want ...int) {
	t.Helper()
	if _, err := io.WriteString(w, requests); err != nil {
		t.Fatal(err)
	}
	for i, status := range want {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		if resp.StatusCode != status {
			t.Errorf("answer %d = %d, want %d", i, resp.StatusCode, status)
		}
	}
}

// A kept connection has new settings with its next request, whatever of that
// was read already.
func TestKeptConnectionFollowsTheSettings(t *testing.T) {
	up := answers(t, "hello")
	g := behind(t, up)
	nc, r := g.raw("")
	post := func(size int) string {
		return fmt.Sprintf("POST /m HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("x", size))
	}
	long := func(size int) string {
		return "GET /m HTTP/1.1\r\nHost: a\r\nX-Long: " + strings.Repeat("x", size) + "\r\n\r\n"
	}
	sent(t, nc, r, long(8_000)+post(2_000), 200, 200)
	g.configure(func(s *Settings) { s.Limits.Head = 64 << 10 })
	sent(t, nc, r, long(60_000), 200)
	half := long(60_000)
	sent(t, nc, r, long(10)+half[:9_000], 200) // what is ahead has the room of then
	g.configure(func(s *Settings) { s.Limits.Head = 128 << 10 })
	sent(t, nc, r, half[9_000:]+long(100_000), 200, 200)
	g.configure(func(s *Settings) { s.Limits.Body = 1_000 })
	sent(t, nc, r, post(1_000), 200)
	sent(t, nc, r, post(1_001), 413)
	nc, r = g.raw("")
	sent(t, nc, r, long(8_000)+long(60_000), 200, 431)
}

// An upstream's answers, too, may have longer heads at once.
func TestKeptUpstreamFollowsTheSettings(t *testing.T) {
	g := behind(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", int(r.URL.Query().Get("n")[0]-'0')*1000))
	}))
	nc, r := g.raw("")
	get := func(kilo int) string { return fmt.Sprintf("GET /m?n=%d HTTP/1.1\r\nHost: a\r\n\r\n", kilo) }
	sent(t, nc, r, get(8), 200)
	g.configure(func(s *Settings) { s.Limits.Head = 4 << 10 })
	sent(t, nc, r, get(3)+get(8), 200, 502)
	g.configure(func(*Settings) {})
	sent(t, nc, r, get(8), 200)
}

func TestMoreConnectionsMayBeHadAtOnce(t *testing.T) {
	goOn := make(chan struct{})
	g := behind(t, upstreamOf(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			<-goOn
		}
	}), func(o *Options) { o.Limits.Upstream = 1 })
	g.do("GET", "/m", "")
	up := theUpstream(g)
	counts := func() (slots, waiting int) {
		up.mu.Lock()
		defer up.mu.Unlock()
		return up.slots, len(up.waiting)
	}
	var asked sync.WaitGroup
	for range 4 {
		asked.Go(func() {
			if resp, _ := g.do("POST", "/m", ""); resp.StatusCode != 200 {
				t.Errorf("answer = %d, want 200", resp.StatusCode)
			}
		})
	}
	eventually(t, "three wait", func() bool { slots, waiting := counts(); return slots == 1 && waiting == 3 })
	g.configure(func(s *Settings) { s.Limits.Upstream = 3 })
	eventually(t, "one waits", func() bool { slots, waiting := counts(); return slots == 3 && waiting == 1 })
	g.configure(func(s *Settings) { s.Limits.Upstream = 1 })
	close(goOn)
	asked.Wait()
	eventually(t, "one connection is left", func() bool { // who has one too many gives it up with the next request
		g.do("GET", "/m", "")
		slots, _ := counts()
		return slots == 1
	})
}

// A connection that speaks HTTP/2 keeps the bounds that it was told; those
// that come get the new ones, and nobody is sent away.
func TestH2ConnectionKeepsItsBounds(t *testing.T) {
	there, goOn := make(chan struct{}), make(chan struct{})
	g := behind(t, upstreamOf(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "wait" {
			close(there)
			<-goOn
		}
	}))
	old, young := overH2(t, nil), overH2(t, nil)
	get := func(c *http.Client, query string) {
		t.Helper()
		if resp, _ := ask(t, c, "GET", "http://"+g.address+"/m"+query, nil); resp.StatusCode != 200 {
			t.Errorf("answer = %d, want 200", resp.StatusCode)
		}
	}
	servers := func() int {
		g.proxy.h2.mu.Lock()
		defer g.proxy.h2.mu.Unlock()
		return len(g.proxy.h2.all)
	}
	var asked sync.WaitGroup
	asked.Go(func() { get(old, "?wait") })
	<-there
	g.configure(func(s *Settings) { s.Limits.Streams = 7 })
	g.configure(func(s *Settings) { s.Limits.Streams = 8 }) // nobody came in between
	get(old, "")
	get(young, "")
	if n := servers(); n != 2 {
		t.Errorf("%d servers, want that of the old connection and the present one", n)
	}
	close(goOn)
	asked.Wait()
	get(old, "")
	old.CloseIdleConnections()
	eventually(t, "the old server is gone", func() bool { return servers() == 1 })
	get(young, "")
}

// Whether a listener speaks TLS is a setting too; connections that are there
// go on as they began.
func TestListenerTurnsToTLS(t *testing.T) {
	g := behind(t, answers(t, "hello"))
	const request = "GET /m HTTP/1.1\r\nHost: gw.test\r\n\r\n"
	clear, r := g.raw("")
	sent(t, clear, r, request, 200)
	ca := keyringtest.New(t)
	g.configure(func(s *Settings) {
		s.ServerTLS = &tls.Config{Certificates: []tls.Certificate{ca.Certificate("gw.test")}}
	})
	secure, err := tls.Dial("tcp", g.address, &tls.Config{RootCAs: ca.Pool(), ServerName: "gw.test"})
	if err != nil {
		t.Fatal(err)
	}
	defer secure.Close()
	sent(t, secure, bufio.NewReader(secure), request, 200)
	sent(t, clear, r, request, 200)
	_, late := g.raw(request)
	if resp, err := http.ReadResponse(late, nil); err != nil || resp.StatusCode != 400 {
		t.Errorf("in clear text: %v, %v; want 400", resp, err)
	}
}
