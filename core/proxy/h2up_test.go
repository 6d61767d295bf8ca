package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// behindH2C makes a gateway before an upstream that speaks HTTP/2 in clear
// text, and nothing else.
func behindH2C(t *testing.T, h http.HandlerFunc, adjust ...func(*Options)) (*gate, *route.Instance) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	g := start(t, adjust...)
	i := instance("a", "m", "1.0.0", s.URL)
	i.Protocol = message.H2C
	g.ready(g.module("m", route.Entry{Path: "/"}, route.Entry{Path: "/*"}), i)
	return g, i
}

// A request is the same, whatever the client speaks and whatever the upstream
// does.
func TestRequestAsAnH2UpstreamGetsIt(t *testing.T) {
	g, _ := behindH2C(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %s %s %s|%s|%d|%s", r.Proto, r.Method, r.RequestURI, r.Host, b, r.ContentLength, strings.Join(r.Header["X-Multi"], ","))
		for _, name := range []string{"Connection", "Te", "Via", "X-Forwarded-Proto", "Modgate-Epoch", "User-Agent", "Accept-Encoding", "Modgate-Token"} {
			_, _ = fmt.Fprintf(w, "|%s", strings.Join(r.Header[name], ","))
		}
	})
	for _, target := range []string{"/a%2Fb?q=%20&r", "/?", "//x//y?z", "/\"<>{}|^`"} {
		_, r := g.raw("PUT " + target + " HTTP/1.1\r\nHost: gw.test\r\nX-Multi: 1\r\nX-Multi: 2\r\nConnection: X-Nominated, TE\r\nX-Nominated: 1\r\n" +
			"TE: trailers\r\nContent-Length: 4\r\n\r\nbody")
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		want := "HTTP/2.0 PUT " + target + " gw.test|body|4|1,2||trailers|1.1 modgate|http|7|||"
		if string(b) != want {
			t.Errorf("%s: upstream got %q, want %q", target, b, want)
		}
	}
	if _, body := ask(t, overH2(t, nil), "GET", "http://"+g.address+"/x", nil); !strings.HasPrefix(body, "HTTP/2.0 GET /x "+g.address) || !strings.Contains(body, "|2 modgate|") {
		t.Errorf("by HTTP/2: %q", body)
	}
}

func TestTrailersOfAnH2Upstream(t *testing.T) {
	g, _ := behindH2C(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "X-Declared")
		if r.URL.Path == "/length" {
			w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		}
		_, _ = w.Write(b)
		w.(http.Flusher).Flush() // else the length is known
		w.Header().Set("X-Declared", r.Trailer.Get("X-Sum"))
		w.Header().Set(http.TrailerPrefix+"X-Undeclared", "2")
	})
	for name, client := range map[string]*http.Client{"HTTP/2": overH2(t, nil), "HTTP/1.1": http.DefaultClient} {
		for _, path := range []string{"/", "/length"} {
			req, err := http.NewRequest("POST", "http://"+g.address+path, struct{ io.Reader }{strings.NewReader("body")})
			if err != nil {
				t.Fatal(err)
			}
			req.Trailer = http.Header{"X-Sum": {"42"}}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			got := resp.Trailer.Get("X-Declared") + resp.Trailer.Get("X-Undeclared")
			want := "422"
			if name == "HTTP/1.1" && path == "/length" {
				want = "" // HTTP/1.1 has trailers after chunks only
			}
			if err != nil || string(b) != "body" || got != want {
				t.Errorf("%s %s: body %q, %v, trailers %v; want %q", name, path, b, err, resp.Trailer, want)
			}
		}
	}
}

func TestAnswersOfAnH2Upstream(t *testing.T) {
	g, i := behindH2C(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/204":
			w.WriteHeader(http.StatusNoContent)
		case "/hints":
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			_, _ = io.WriteString(w, "hello")
		case "/broken":
			_, _ = io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case "/cookies":
			w.Header().Add("Set-Cookie", "a=1; Path=/")
			w.Header().Add("Set-Cookie", "b=2")
			_, _ = io.WriteString(w, "hello")
		default:
			w.Header().Set("Content-Length", "5")
			_, _ = io.WriteString(w, "hello")
		}
	})
	base := "http://" + g.address
	for name, client := range map[string]*http.Client{"HTTP/2": overH2(t, nil), "HTTP/1.1": {Transport: &http.Transport{}}} {
		if resp, body := ask(t, client, "HEAD", base+"/", nil); resp.StatusCode != 200 || body != "" || resp.ContentLength != 5 {
			t.Errorf("%s HEAD: %d %q, length %d", name, resp.StatusCode, body, resp.ContentLength)
		}
		if resp, body := ask(t, client, "GET", base+"/204", nil); resp.StatusCode != 204 || body != "" {
			t.Errorf("%s 204: %d %q", name, resp.StatusCode, body)
		}
		if resp, _ := ask(t, client, "GET", base+"/cookies", nil); len(resp.Cookies()) != 2 {
			t.Errorf("%s cookies: %v", name, resp.Header["Set-Cookie"])
		}
		hinted := false
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hinted = code == http.StatusEarlyHints && h.Get("Link") != ""
			return nil
		}})
		req, _ := http.NewRequestWithContext(ctx, "GET", base+"/hints", nil)
		if resp, err := client.Do(req); err != nil || !hinted {
			t.Errorf("%s 103: %v, %v", name, hinted, err)
		} else {
			resp.Body.Close()
		}
		resp, err := client.Get(base + "/broken")
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("%s: a broken answer was read as %q", name, b)
		}
		resp.Body.Close()
		if t, ok := client.Transport.(*http.Transport); ok {
			t.CloseIdleConnections()
		}
	}
	eventually(t, "all runs ended", func() bool { return i.Runs() == 0 })
}

func TestEventStreamOfAnH2Upstream(t *testing.T) {
	ended := make(chan struct{})
	g, _ := behindH2C(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: first\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(ended)
	})
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", "http://"+g.address+"/", nil)
	resp, err := overH2(t, nil).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if line, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil || line != "data: first\n" {
		t.Errorf("first event = %q, %v", line, err)
	}
	cancel()
	<-ended
}

// An upstream that is not what it is declared is a fault that is told, and one
// that is not there is tried again (L6).
func TestH2UpstreamThatIsNone(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	g := start(t, func(o *Options) { o.Limits.FirstByte, o.Limits.Wait = 200*time.Millisecond, 200*time.Millisecond })
	m := g.module("m")
	one := instance("a", "m", "1.0.0", answers(t, "HTTP/1.1 only"))
	one.Protocol = message.H2C
	g.ready(m, one)
	if resp, _ := g.do("POST", "/m", ""); resp.StatusCode/100 != 5 {
		t.Errorf("an upstream of HTTP/1.1: %d, want 502 or 504", resp.StatusCode)
	}
	gone := instance("b", "m", "1.0.0", nobody(t))
	gone.Protocol = message.H2C
	g.ready(m, gone)
	go func() {
		eventually(t, "out", func() bool { return g.unreachable.Load() == 1 })
		g.away(m, message.ReasonLost, 100*time.Millisecond)
	}()
	if resp, _ := g.do("GET", "/m", ""); resp.StatusCode != 503 {
		t.Errorf("nobody there: %d, want 503", resp.StatusCode)
	}
}

// A request whose time is over frees its stream, and the link goes on.
func TestSlowH2UpstreamIsGatewayTimeout(t *testing.T) {
	ended := make(chan struct{}, 1)
	g, _ := behindH2C(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
			ended <- struct{}{}
		}
	}, func(o *Options) { o.Limits.FirstByte = 50 * time.Millisecond })
	if resp, _ := g.do("GET", "/slow", ""); resp.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("slow: %d, want 504", resp.StatusCode)
	}
	<-ended
	if resp, _ := g.do("GET", "/", ""); resp.StatusCode != 200 {
		t.Errorf("afterwards: %d", resp.StatusCode)
	}
}

func TestFloodOfInterimAnswersOfAnH2UpstreamIsBadGateway(t *testing.T) {
	g, _ := behindH2C(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			w.WriteHeader(http.StatusEarlyHints)
		}
	})
	resp, body := ask(t, http.DefaultClient, "GET", "http://"+g.address+"/", nil)
	wantProblem(t, resp, body, 502, message.ProblemUpstream, message.NoReason)
	if got := resp.Header.Get("Proxy-Status"); got != "modgate; error=http_protocol_error" {
		t.Errorf("Proxy-Status = %q", got)
	}
}
