package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// dialect is an adapter made of functions.
type dialect struct {
	adapter.None
	request  func(x adapter.Exchange) (adapter.Call, error)
	response func(x adapter.Exchange, failed bool) error

	mu    sync.Mutex
	ended []string // what Response saw; guarded by mu
}

func (d *dialect) Hooks() adapter.Hooks { return adapter.HookTraffic }

func (d *dialect) Request(x adapter.Exchange) (adapter.Call, error) {
	if d.request == nil {
		return adapter.Call{Next: true, Response: true}, nil
	}
	return d.request(x)
}

func (d *dialect) Response(_ adapter.Call, x adapter.Exchange, failed bool) error {
	d.mu.Lock()
	d.ended = append(d.ended, fmt.Sprint(x.Status(), failed))
	d.mu.Unlock()
	if d.response == nil {
		return nil
	}
	return d.response(x, failed)
}

func (d *dialect) wants(t *testing.T, want ...string) {
	t.Helper()
	eventually(t, fmt.Sprintf("ends %q", want), func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return fmt.Sprint(d.ended) == fmt.Sprint(want)
	})
}

// mirror answers with what it got.
func mirror(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	w.Header().Set("X-Upstream", "yes")
	w.Header()["Trailer"] = []string{"X-End"}
	fmt.Fprintf(w, "%s %s host=%s x=%s length=%d body=%s trailers=%v err=%v", r.Method, r.RequestURI, r.Host, r.Header["X"], r.ContentLength, body, r.Trailer, err)
	w.(http.Flusher).Flush()
	w.Header().Set("X-End", "upstream")
}

// adaptedGate is a gateway whose module m has the adapter.
func adaptedGate(t *testing.T, d *dialect, h http.HandlerFunc) *gate {
	t.Helper()
	g := start(t)
	m := g.module("m")
	m.Adapter = new(adapter.Slot)
	m.Adapter.Store(d)
	g.ready(m, instance("a", "m", "1.0.0", upstreamOf(t, h)))
	return g
}

func goOn(buffer int) (adapter.Call, error) {
	return adapter.Call{Next: true, Response: true, Buffer: buffer}, nil
}

func TestAdapterEditsTheRequest(t *testing.T) {
	d := &dialect{request: func(x adapter.Exchange) (adapter.Call, error) {
		f := x.Fields(adapter.RequestHeader)
		for _, secret := range []string{"modgate-token", "x-forwarded-for", "connection"} {
			if _, ok := f.Get(secret); ok {
				t.Errorf("the adapter sees %s", secret)
			}
		}
		if v, _ := f.Get("x"); string(v) != "1" {
			t.Errorf("it sees x = %q", v)
		}
		if !x.Source().IsValid() || x.Protocol() != "HTTP/1.1" || string(x.Target()) != "/m/a?b=%26" || string(x.Method()) != "GET" {
			t.Errorf("it sees %v %s %s %s", x.Source(), x.Protocol(), x.Method(), x.Target())
		}
		for name, want := range map[string]string{"module.name": "m", "module.version": "1.0.0", "module.instance": "a", "route.name": "/m/{rest}", "request.id": "r1"} {
			if v, ok := x.Property(name); !ok || string(v) != want {
				t.Errorf("property %s is %q, want %q", name, v, want)
			}
		}
		x.SetMethod([]byte("PUT"))
		x.SetTarget([]byte("/other?c=d"))
		f.Set([]byte("x"), []byte("2"))
		f.Set([]byte("host"), []byte("dialect.example"))
		for _, forbidden := range []string{"content-length", "transfer-encoding", "connection", "modgate-epoch", "x-forwarded-for", "transfer_encoding"} {
			f.Set([]byte(forbidden), []byte("7"))
		}
		return goOn(0)
	}}
	g := adaptedGate(t, d, mirror)
	_, body := g.do("GET", "/m/a?b=%26", "", "X", "1", "Modgate-Request-Id", "r1", "X-Forwarded-For", "9.9.9.9")
	if want := "PUT /other?c=d host=dialect.example x=[2] length=0 body= trailers=map[] err=<nil>"; body != want {
		t.Errorf("the module got %s, want %s", body, want)
	}
	d.wants(t, "200 false")
}

func TestAdapterReadsAndReplacesBodies(t *testing.T) {
	long := strings.Repeat("long ", 10_000)
	const limit = 60_000
	for name, c := range map[string]struct {
		body, replace string
		chunked       bool
		want          string
	}{
		"none":                   {"", "", false, "length=0 body= "},
		"none, replaced":         {"", "new", false, "length=3 body=new "},
		"small":                  {"small", "", false, "length=5 body=small "},
		"small, replaced":        {"small", "new", false, "length=3 body=new "},
		"small, chunked":         {"small", "", true, "length=5 body=small "},
		"long":                   {long, "", false, "length=50000 body=" + long + " "},
		"long, chunked":          {long, "", true, "length=50000 body=" + long + " "},
		"long, replaced":         {long, "new", true, "length=3 body=new "},
		"beyond":                 {long + long, "", false, "length=100000 body=" + long + long + " "},
		"beyond, chunked":        {long + long, "", true, "length=-1 body=" + long + long + " "},
		"beyond, replaced":       {long + long, "new", false, "length=3 body=new "},
		"beyond, chunked, twice": {long + long, "", true, "length=-1 body=" + long + long + " "},
	} {
		t.Run(name, func(t *testing.T) {
			d := &dialect{request: func(x adapter.Exchange) (adapter.Call, error) {
				for range 2 {
					b, err := x.Body(adapter.Request, limit)
					if tooLong := len(c.body) > limit; tooLong != errors.Is(err, adapter.ErrTooLarge) || !tooLong && string(b) != c.body {
						t.Errorf("it reads %d bytes, %v", len(b), err)
					}
				}
				if c.replace != "" {
					x.SetBody(adapter.Request, []byte(c.replace))
				}
				return goOn(0)
			}}
			g := adaptedGate(t, d, mirror)
			for range 2 {
				var body io.Reader = strings.NewReader(c.body)
				if c.chunked {
					body = io.MultiReader(body) // of a length that nobody knows
				}
				req, err := http.NewRequest("POST", "http://"+g.address+"/m", body)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := http.DefaultTransport.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || !strings.Contains(string(got), c.want) {
					t.Fatalf("got %.300s, %v; want %.100s", got, err, c.want)
				}
			}
		})
	}
}

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

// The adapter sees what the client speaks, and the client of HTTP/2 what the
// adapter has made.
func TestAdapterOfAnH2Request(t *testing.T) {
	d := &dialect{
		request: func(x adapter.Exchange) (adapter.Call, error) {
			b, err := x.Body(adapter.Request, 1000)
			if err != nil || x.Protocol() != "HTTP/2.0" || string(b) != "body" || !x.Source().IsValid() {
				t.Errorf("it sees %s from %v, %q, %v", x.Protocol(), x.Source(), b, err)
			}
			if v, _ := x.Fields(adapter.RequestHeader).Get("x"); string(v) != "1" {
				t.Errorf("it sees x = %q", v)
			}
			x.SetTarget([]byte("/other"))
			x.SetBody(adapter.Request, []byte("another"))
			return goOn(1000)
		},
		response: func(x adapter.Exchange, _ bool) error {
			x.SetStatus(202)
			x.Fields(adapter.ResponseHeader).Set([]byte("x-seen"), []byte("yes"))
			b, err := x.Body(adapter.Response, 1000)
			if err != nil {
				return err
			}
			x.SetBody(adapter.Response, append([]byte("adapted: "), b...))
			x.Fields(adapter.ResponseTrailer).Set([]byte("X-End"), []byte("adapter"))
			return nil
		},
	}
	g := adaptedGate(t, d, mirror)
	req, err := http.NewRequest("POST", "http://"+g.address+"/m", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X", "1")
	resp, err := overH2(t, nil).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 202 || resp.Header.Get("X-Seen") != "yes" || resp.Trailer.Get("X-End") != "adapter" ||
		!strings.HasPrefix(string(body), "adapted: POST /other ") || !strings.Contains(string(body), "length=7 body=another ") {
		t.Errorf("got %d %q %v, trailers %v, %v", resp.StatusCode, body, resp.Header, resp.Trailer, err)
	}
	d.wants(t, "200 false")
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

// speaker is an adapter that understands what its module says.
type speaker struct{ adapter.None }

func (speaker) Hooks() adapter.Hooks { return adapter.HookDecode }

func (speaker) Decode(x adapter.Exchange) (adapter.Decoded, error) {
	b, err := x.Body(adapter.Request, 100)
	switch {
	case err != nil && !errors.Is(err, adapter.ErrTooLarge):
		return adapter.Decoded{}, err
	case string(b) == "bad":
		return adapter.Decoded{Message: true, Malformed: true}, nil
	case string(b) != "pause" && string(b) != "refused":
		return adapter.Decoded{}, nil
	}
	x.SetStatus(202)
	x.SetBody(adapter.Response, []byte("noted"))
	return adapter.Decoded{Message: true, Announcements: []message.Announcement{{Type: message.Update, Reason: string(b)}}}, nil
}

func TestWhatAModuleSaysIsAnnounced(t *testing.T) { // L4
	var said []string
	g := start(t, func(o *Options) {
		o.Announce = func(who *route.Caller, what []message.Announcement) error {
			said = append(said, who.Instance.ID+" "+what[0].Type.String())
			if what[0].Reason == "refused" {
				return errors.New("secret")
			}
			return nil
		}
	})
	m, speaks := g.module("m"), g.module("speaks")
	g.ready(m, instance("a", "m", "1.0.0", upstreamOf(t, mirror)))
	i := instance("s", "speaks", "1.0.0", answers(t, "s"))
	g.ready(speaks, i)
	token, c := g.caller(i)
	c.Adapter = new(adapter.Slot)
	c.Adapter.Store(speaker{})

	long := strings.Repeat("long ", 10_000)
	for body, want := range map[string]string{
		"pause": "202 noted", "bad": "400 ", "refused": "409 ", "traffic": "200 POST /m host=", long: "200 POST /m host=",
	} {
		resp, got := g.do("POST", "/m", body, "Modgate-Token", token)
		if got = fmt.Sprint(resp.StatusCode, " ", got); !strings.HasPrefix(got, want) || strings.Contains(got, "secret") {
			t.Errorf("%.20s: got %.200s, want %s", body, got, want)
		}
		if strings.HasPrefix(want, "200") && !strings.Contains(got, "body="+body+" ") {
			t.Errorf("%.20s: the body is lost: %.200s", body, got)
		}
	}
	if resp, got := g.do("POST", "/m", "pause"); resp.StatusCode != 200 || len(said) != 2 {
		t.Errorf("a client's words count: %d %s, said %q", resp.StatusCode, got, said)
	}
}

func TestModuleWithoutAdapterPaysNothing(t *testing.T) {
	g := start(t)
	m := g.module("m")
	m.Adapter = new(adapter.Slot)
	x := newExchange(g.proxy)
	x.module, x.place.instance = m, instance("a", "m", "1.0.0", "http://127.0.0.1:1")
	if n := testing.AllocsPerRun(100, func() {
		if !x.adapt() || x.adapted != nil {
			t.Fatal("it was adapted")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
	g.set(m, route.State{Availability: message.Ready})
}
