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
