package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/modgate/modgate/core/adapter"
)

func TestAdapterEditsTheAnswer(t *testing.T) {
	edit := func(x adapter.Exchange, failed bool) error {
		f := x.Fields(adapter.ResponseHeader)
		if v, _ := f.Get("x-upstream"); string(v) != "yes" || failed {
			t.Errorf("it sees x-upstream = %q, failed %v", v, failed)
		}
		f.Remove([]byte("x-upstream"))
		f.Add([]byte("Set-Cookie"), []byte("a=1"))
		f.Add([]byte("Set-Cookie"), []byte("b=2"))
		f.Set([]byte("content-type"), []byte("text/x-dialect"))
		f.Set([]byte("Modgate-Request-Id"), []byte("mine"))
		f.Set([]byte("Content-Length"), []byte("7"))
		x.SetStatus(202)
		return nil
	}
	for name, buffer := range map[string]int{"streamed": 0, "buffered": 1000, "longer than the buffer": 5} {
		t.Run(name, func(t *testing.T) {
			d := &dialect{
				request: func(x adapter.Exchange) (adapter.Call, error) {
					x.Fields(adapter.ResponseHeader).Set([]byte("X-Early"), []byte("kept"))
					return goOn(buffer)
				},
				response: func(x adapter.Exchange, failed bool) error {
					_, err := x.Body(adapter.Response, max(buffer, 1))
					if whole := buffer == 1000; whole != (err == nil) {
						t.Errorf("it reads the body: %v", err)
					}
					return edit(x, failed)
				},
			}
			g := adaptedGate(t, d, mirror)
			resp, body := g.do("GET", "/m", "")
			h := resp.Header
			if resp.StatusCode != 202 || h.Get("X-Upstream") != "" || len(h["Set-Cookie"]) != 2 || h.Get("Content-Type") != "text/x-dialect" ||
				h.Get("X-Early") != "kept" || h.Get("Modgate-Request-Id") == "mine" {
				t.Errorf("got %d %v", resp.StatusCode, h)
			}
			if !strings.HasPrefix(body, "GET /m host=") || !strings.HasSuffix(body, "err=<nil>") || resp.Trailer.Get("X-End") != "upstream" {
				t.Errorf("got %s, trailers %v", body, resp.Trailer)
			}
			d.wants(t, "200 false")
		})
	}
}

func TestAdapterReplacesTheAnswersBodyAndTrailers(t *testing.T) {
	d := &dialect{
		request: func(adapter.Exchange) (adapter.Call, error) { return goOn(1000) },
		response: func(x adapter.Exchange, _ bool) error {
			b, err := x.Body(adapter.Response, 1000)
			if err != nil {
				return err
			}
			x.SetBody(adapter.Response, []byte(strings.ToUpper(string(b[:6]))))
			f := x.Fields(adapter.ResponseTrailer)
			if v, _ := f.Get("x-end"); string(v) != "upstream" {
				t.Errorf("it sees the trailer %q", v)
			}
			f.Set([]byte("X-End"), []byte("adapter"))
			f.Add([]byte("X-More"), []byte("1"))
			return nil
		},
	}
	g := adaptedGate(t, d, mirror)
	for range 2 {
		resp, body := g.do("GET", "/m", "")
		if body != "GET /M" || resp.Trailer.Get("X-End") != "adapter" || resp.Trailer.Get("X-More") != "1" {
			t.Errorf("got %q, trailers %v", body, resp.Trailer)
		}
	}
}

// The length that the module gave is of another body than the adapter's.
func TestAdapterReplacesABodyOfAKnownLength(t *testing.T) {
	for _, edited := range []string{"longer than it was", "short", ""} {
		d := &dialect{
			request: func(adapter.Exchange) (adapter.Call, error) { return goOn(1000) },
			response: func(x adapter.Exchange, _ bool) error {
				x.SetBody(adapter.Response, []byte(edited))
				return nil
			},
		}
		g := adaptedGate(t, d, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ten octets") })
		for proto, c := range map[string]*http.Client{"HTTP/1.1": {Transport: &http.Transport{DisableKeepAlives: true}}, "HTTP/2.0": overH2(t, nil)} {
			for _, method := range []string{"GET", "HEAD"} {
				want := edited
				if method == "HEAD" {
					want = ""
				}
				resp, body := ask(t, c, method, "http://"+g.address+"/m", nil)
				if body != want || resp.Proto != proto || resp.ContentLength != int64(len(edited)) {
					t.Errorf("%s, %s: got %q, length %d, want %q", proto, method, body, resp.ContentLength, want)
				}
			}
		}
	}
}

// The module's trailers come after the adapter was asked: what it sets takes
// the place of those of the same name.
func TestAdapterSetsTrailersOfAnAnswerThatStreams(t *testing.T) {
	d := &dialect{response: func(x adapter.Exchange, _ bool) error {
		f := x.Fields(adapter.ResponseTrailer)
		f.Set([]byte("X-End"), []byte("adapter"))
		f.Add([]byte("X-More"), []byte("1"))
		f.Add([]byte("X-More"), []byte("2"))
		f.Add([]byte("Content-Length"), []byte("7"))
		return nil
	}}
	long := strings.Repeat("0123456789", 10_000)
	for name, answer := range map[string]http.HandlerFunc{
		"chunked": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "X-End, X-Own")
			_, _ = io.WriteString(w, long)
			w.Header().Set("X-End", "upstream")
			w.Header().Set("X-Own", "kept")
		},
		"of a known length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(long)))
			_, _ = io.WriteString(w, long)
		},
	} {
		g := adaptedGate(t, d, answer)
		for proto, c := range map[string]*http.Client{"HTTP/1.1": {Transport: &http.Transport{DisableKeepAlives: true}}, "HTTP/2.0": overH2(t, nil)} {
			resp, err := c.Get("http://" + g.address + "/m")
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			got := fmt.Sprint(resp.Trailer["X-End"], resp.Trailer["X-More"], resp.Trailer["X-Own"], resp.Trailer["Content-Length"])
			want := "[adapter] [1 2] [] []"
			if name == "chunked" {
				want = "[adapter] [1 2] [kept] []"
			}
			if err != nil || string(body) != long || got != want || resp.Proto != proto {
				t.Errorf("%s, %s: %d bytes, %v, trailers %s, want %s", name, resp.Proto, len(body), err, got, want)
			}
		}
	}
}

func TestAdapterAnswersItself(t *testing.T) {
	d := &dialect{request: func(x adapter.Exchange) (adapter.Call, error) {
		x.SetStatus(401)
		x.Fields(adapter.ResponseHeader).Set([]byte("WWW-Authenticate"), []byte("Dialect"))
		x.SetBody(adapter.Response, []byte("who are you?"))
		return adapter.Call{}, nil
	}}
	g := adaptedGate(t, d, func(http.ResponseWriter, *http.Request) { t.Error("the module was asked") })
	for _, body := range []string{"", "small", strings.Repeat("long ", 10_000)} {
		resp, got := g.do("POST", "/m", body)
		if resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") != "Dialect" || got != "who are you?" || resp.Header.Get("Modgate-Request-Id") == "" {
			t.Errorf("got %d %v %s", resp.StatusCode, resp.Header, got)
		}
	}
	d.wants(t)
	if n := g.proxy.Stats().Adapted; n != 3 {
		t.Errorf("%d answers counted, want 3", n)
	}
}

func TestAdapterThatFailsIsNotToldToClients(t *testing.T) {
	secret := errors.New("secret")
	fails := &dialect{request: func(adapter.Exchange) (adapter.Call, error) { return adapter.Call{}, secret }}
	late := &dialect{response: func(adapter.Exchange, bool) error { return secret }}
	large := &dialect{request: func(adapter.Exchange) (adapter.Call, error) {
		return adapter.Call{}, fmt.Errorf("%w: secret", adapter.ErrTooLarge)
	}}
	for want, d := range map[string]*dialect{"503 first": fails, "503 second": late, "413 first": large} {
		g := adaptedGate(t, d, mirror)
		resp, body := g.do("POST", "/m", "body")
		if got := fmt.Sprint(resp.StatusCode); got != want[:3] || strings.Contains(body, "secret") || strings.Contains(fmt.Sprint(resp.Header), "secret") {
			t.Errorf("%s: got %s %v %s", want, got, resp.Header, body)
		}
		if resp, _ := g.do("GET", "/healthy", ""); resp.StatusCode != 404 {
			t.Errorf("%s: the next request got %d", want, resp.StatusCode)
		}
	}
}

func TestAdapterIsToldOnceThatNoAnswerCame(t *testing.T) {
	d := &dialect{}
	g := adaptedGate(t, d, func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			c.Close()
		}
	})
	if resp, _ := g.do("POST", "/m", "x"); resp.StatusCode != 502 {
		t.Errorf("got %d", resp.StatusCode)
	}
	d.wants(t, "502 true")

	m := g.gen.Modules["m"]
	g.ready(m, instance("b", "m", "1.0.0", "http://127.0.0.1:1"))
	if resp, _ := g.do("GET", "/m", ""); resp.StatusCode != 503 {
		t.Errorf("got %d", resp.StatusCode)
	}
	d.wants(t, "502 true", "503 true")
}
