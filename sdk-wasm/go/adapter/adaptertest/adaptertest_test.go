//go:build !wasip1

package adaptertest_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/sdk-wasm/go/adapter"
	"github.com/modgate/modgate/sdk-wasm/go/adapter/adaptertest"
)

func header(f ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(f); i += 2 {
		h.Add(f[i], f[i+1])
	}
	return h
}

func TestRequestIsReadAndEdited(t *testing.T) {
	h := adaptertest.New(t, adapter.Adapter{Features: adapter.Trailers, OnRequest: func(r *adapter.Request) {
		var many, names []string
		for v := range r.Header.Values("many") {
			many = append(many, v)
		}
		for n := range r.Header.Names() {
			names = append(names, n)
		}
		r.Header.Set("Seen", fmt.Sprint(r.Method(), r.Target(), r.Path(), r.Query(), r.Protocol(), r.Source(), many, names, r.Header.Has("none")))
		r.Header.Set("injected", "a\r\nb")
		r.Header.Remove("MANY")
		r.Trailer.Set("t", "end")
		r.SetMethod("PURGE")
		r.SetPath("/new path")
		r.Body.SetString(strings.ToUpper(r.Body.String()))
		_, _ = io.WriteString(&r.Body, "!")
	}}, adaptertest.Options{})
	x := &adaptertest.Exchange{Method: "POST", Target: "/a?b=1", Source: "[::1]:80", Header: header("Many", "1", "Many", "2"), Body: "hello"}
	if !h.Request(x) {
		t.Fatal("it does not go on")
	}
	if got, want := x.Header.Get("seen"), "POST/a?b=1/ab=1HTTP/1.1[::1]:80[1 2] [many] false"; got != want {
		t.Errorf("it sees %q, want %q", got, want)
	}
	got := fmt.Sprint(x.Method, x.Target, x.Header["Injected"], x.Header["Many"], x.Trailer, x.Body)
	if want := `PURGE/new%20path?b=1[a  b] [] map[T:[end]]HELLO!`; got != want {
		t.Errorf("it makes %s, want %s", got, want)
	}
}

// What a request leaves is its own, also if others come between it and its
// answer.
func TestRequestsKeepTheirOwn(t *testing.T) {
	h := adaptertest.New(t, adapter.Adapter{
		OnRequest: func(r *adapter.Request) {
			r.SetTag(uint32(len(r.Path())))
			r.Keep(r.Path())
		},
		OnResponse: func(r *adapter.Response) {
			r.Header.Set("was", fmt.Sprint(r.Request.Kept(), " ", r.Request.Tag(), " ", r.Status(), " ", r.Failed))
		},
	}, adaptertest.Options{})
	all := []*adaptertest.Exchange{{Target: "/a"}, {Target: "/bb"}, {Target: "/ccc"}}
	for range 3 { // what is free is used again
		for i, x := range all {
			if h.Request(x); i == 1 {
				h.Response(x) // not reached
			}
		}
		for i, want := range []string{"/a 2 418 false", "", "/ccc 4 418 false"} {
			if i == 1 {
				continue
			}
			all[i].Answer = &adaptertest.Answer{Status: 418}
			if h.Response(all[i]); all[i].Answer.Header.Get("Was") != want {
				t.Errorf("got %s, want %s", all[i].Answer.Header.Get("was"), want)
			}
		}
	}
}

func TestAnswerIsMadeInTheModulesPlace(t *testing.T) {
	h := adaptertest.New(t, adapter.Adapter{
		OnRequest:  func(r *adapter.Request) { r.Answer(400).Body.SetString("which tenant?") },
		OnResponse: func(*adapter.Response) { t.Error("it is asked about its own answer") },
	}, adaptertest.Options{})
	x := &adaptertest.Exchange{}
	if h.Request(x) || x.Answer.Status != 400 || x.Answer.Body != "which tenant?" {
		t.Errorf("answered %+v", x.Answer)
	}
}

func TestConfigurationIsTakenOrRefused(t *testing.T) {
	a := adapter.Adapter{Configure: func(c *adapter.Config) error {
		if c.Text != "right" {
			return errors.New("the configuration is not right")
		}
		c.Log(adapter.Info, "begun")
		return nil
	}}
	if got := adaptertest.Refused(t, a, adaptertest.Options{}); got != "error: the configuration is not right" {
		t.Errorf("refused with %q", got)
	}
	if h := adaptertest.New(t, a, adaptertest.Options{Config: "right"}); fmt.Sprint(h.Lines) != "[info: begun]" {
		t.Errorf("it logs %q", h.Lines)
	}
}

// legacy speaks of pause, of jobs, and of its health.
var legacy = adapter.Adapter{
	Encode: func(e *adapter.Event, r *adapter.Request) adapter.Encoding {
		r.SetTag(7)
		job, _ := e.Attribute("job")
		switch {
		case e.Type == adapter.Poll:
			r.SetTarget("/jobs/" + job)
		case e.Granted():
			r.SetTarget(fmt.Sprint("/upgrade?epoch=", e.Epoch()))
		case e.Type == adapter.Delay:
			r.SetTarget(fmt.Sprint("/pause?ms=", e.TTL().Milliseconds(), "&why=", e.Reason()))
			r.Body.SetString(e.JSON())
		case e.Type == adapter.Missing:
			r.SetTarget("/lost")
			return adapter.Default
		default:
			return adapter.Nothing
		}
		return adapter.Edited
	},
	Reply: func(r *adapter.Reply) adapter.Verdict {
		if r.Request.Tag() != 7 {
			return adapter.GiveUp
		}
		switch r.Status() {
		case 202:
			r.After(20 * time.Millisecond)
			r.Remember("job", r.Header.Get("Job"))
			return adapter.InProgress
		case 500:
			r.Reason(r.Body.String())
			return adapter.GiveUp
		}
		return r.ByRule()
	},
	Decode: func(m *adapter.Message) {
		switch m.Path() {
		case "/update":
			m.Announce(adapter.Announcement{})
			m.Announce(adapter.Announcement{Type: adapter.Update, Seq: 3, Expected: time.Minute, Reason: "new"})
			m.Answer(202)
		case "/ping":
			m.Answer(204)
		case "/bad":
			m.Malformed()
		}
	},
	HealthRequest: func(r *adapter.Request) { r.SetTarget("/admin") },
	HealthResponse: func(r *adapter.Response) adapter.Health {
		if r.Failed {
			return adapter.Down
		}
		return adapter.Degraded
	},
}

func TestLifecycleIsTranslated(t *testing.T) {
	h := adaptertest.New(t, legacy, adaptertest.Options{})
	encode := func(kind adapter.EventType, attributes ...string) *adaptertest.Exchange {
		e := adaptertest.Event{Type: kind, Attributes: map[string]string{}}
		for i := 0; i < len(attributes); i += 2 {
			e.Attributes[attributes[i]] = attributes[i+1]
		}
		return h.Encode(e)
	}
	x := encode(adapter.Delay, "ttl", "1.5s", "reason", "updating", "module", "users")
	if x.Method != "POST" || x.Target != "/pause?ms=1500&why=updating" || !strings.Contains(x.Body, `"type":"dev.modgate.delay.v1"`) || !strings.Contains(x.Body, `"module":"users"`) {
		t.Errorf("told by %+v", x)
	}
	if r := h.Reply(x); r.Verdict != adapter.Retry {
		t.Errorf("not reached is %+v", r)
	}
	if x := encode(adapter.Missing); x.Target != "/_modgate" {
		t.Errorf("the default is %+v", x)
	}
	if x := encode(adapter.Resume); x != nil {
		t.Errorf("told by %+v", x)
	}

	x = encode(adapter.Resume, "outcome", "granted", "epoch", "9")
	if x.Target != "/upgrade?epoch=9" {
		t.Errorf("granted by %+v", x)
	}
	x.Answer = &adaptertest.Answer{Status: 202, Header: header("Job", "j1")}
	r := h.Reply(x)
	if r.Verdict != adapter.InProgress || r.After != 50*time.Millisecond || r.Memory["job"] != "j1" || len(r.Memory) != 1 {
		t.Errorf("reply %+v", r)
	}
	x = encode(adapter.Poll, "job", r.Memory["job"])
	if x.Target != "/jobs/j1" {
		t.Errorf("asked by %+v", x)
	}
	x.Answer = &adaptertest.Answer{Status: 500, Body: "disk full"}
	if r := h.Reply(x); r.Verdict != adapter.GiveUp || r.Reason != "disk full" || len(r.Memory) != 0 {
		t.Errorf("reply %+v", r)
	}
}

func TestMessagesOfTheModuleAreUnderstood(t *testing.T) {
	h := adaptertest.New(t, legacy, adaptertest.Options{})
	for target, want := range map[string]string{
		"/update": "{true false [{16 3 1m0s new}]} 202",
		"/ping":   "{true false []} 204",
		"/bad":    "{true true []} 0",
		"/items":  "{false false []} 0",
	} {
		x := &adaptertest.Exchange{Target: target}
		d, status := h.Decode(x), 0
		if x.Answer != nil {
			status = x.Answer.Status
		}
		if got := fmt.Sprint(d, " ", status); got != want {
			t.Errorf("%s is %s, want %s", target, got, want)
		}
	}
}

func TestHealthIsJudged(t *testing.T) {
	h := adaptertest.New(t, legacy, adaptertest.Options{})
	x := h.Probe()
	if x.Target != "/admin" || h.Judge(x) != adapter.Down {
		t.Errorf("probed by %+v", x)
	}
	x.Answer = &adaptertest.Answer{}
	if got := h.Judge(x); got != adapter.Degraded {
		t.Errorf("judged %d", got)
	}
	if h := adaptertest.New(t, adapter.Adapter{}, adaptertest.Options{}); h.Judge(h.Probe()) != adapter.ByRule {
		t.Error("without hooks it is judged")
	}
}

func TestMisusePanics(t *testing.T) {
	for name, f := range map[string]func(r *adapter.Request){
		"trailer":  func(r *adapter.Request) { r.Trailer.Set("a", "b") },
		"name":     func(r *adapter.Request) { r.Header.Set("a b", "c") },
		"no name":  func(r *adapter.Request) { r.Header.Get("") },
		"method":   func(r *adapter.Request) { r.SetMethod("A B") },
		"absolute": func(r *adapter.Request) { r.SetTarget("http://x/") },
		"status":   func(r *adapter.Request) { r.Answer(100) },
		"late":     nil,
		"body":     nil,
	} {
		t.Run(name, func(t *testing.T) {
			h := adaptertest.New(t, adapter.Adapter{OnRequest: f, OnResponse: func(r *adapter.Response) {
				if name == "late" {
					r.Request.SetMethod("PUT")
				}
				r.Body.Bytes()
			}}, adaptertest.Options{})
			defer func() {
				var wrong adaptertest.Misuse
				if err, ok := recover().(error); !ok || !errors.As(err, &wrong) || wrong == "" {
					t.Errorf("got %v, want misuse", err)
				}
			}()
			x := &adaptertest.Exchange{}
			h.Request(x)
			h.Response(x)
		})
	}
}

func TestGatewayIsAsked(t *testing.T) {
	now := time.Unix(1000, 0)
	o := adaptertest.Options{Now: now, Properties: map[string]string{"module.name": "billing"}}
	a := adapter.Adapter{OnRequest: func(r *adapter.Request) {
		name, _ := r.Property("module.name")
		_, unknown := r.Property("unknown")
		before, _ := r.SharedGet("count")
		kept := r.SharedSet("count", before+"1", time.Minute)
		r.Header.Set("x", fmt.Sprintln(name, unknown, before, kept, r.Now().Equal(now), r.Logs(adapter.Debug)))
	}}
	h := adaptertest.New(t, a, o)
	for _, want := range []string{"billing false  true true true", "billing false 1 true true true"} {
		x := &adaptertest.Exchange{}
		if h.Request(x); x.Header.Get("X") != want+" " {
			t.Errorf("got %q, want %q", x.Header.Get("X"), want)
		}
	}
	o.Unshared = true
	x := &adaptertest.Exchange{}
	if adaptertest.New(t, a, o).Request(x); x.Header.Get("X") != "billing false  false true true " {
		t.Errorf("got %q, want nothing kept", x.Header.Get("X"))
	}
}

// Long texts, more than there is room for at first, come whole, and stay as
// they are.
func TestTextsStayAsTheyAre(t *testing.T) {
	var kept []string
	h := adaptertest.New(t, adapter.Adapter{OnRequest: func(r *adapter.Request) {
		kept = append(kept, r.Target(), r.Header.Get("x"), r.Method(), r.Source(), r.Body.String())
	}}, adaptertest.Options{})
	var want []string
	for n := 1; n < 20_000; n += 611 {
		text := strings.Repeat(string(rune('a'+n%26)), n)
		h.Request(&adaptertest.Exchange{Method: text, Target: "/" + text, Header: header("X", text), Source: text, Body: text})
		want = append(want, "/"+text, text, text, text, text)
	}
	for i := range want {
		if kept[i] != want[i] {
			t.Fatalf("text %d has become %.20q, want %.20q", i, kept[i], want[i])
		}
	}
}

// What the package itself costs is one piece of 4 KiB for so many requests.
func TestSteadyStateAllocatesNextToNothing(t *testing.T) {
	var total int
	h := adaptertest.New(t, adapter.Adapter{
		OnRequest:  func(r *adapter.Request) { total += len(r.Target()) + len(r.Method()) + len(r.Path()); r.SetTag(3) },
		OnResponse: func(r *adapter.Response) { total += int(r.Request.Tag()) },
	}, adaptertest.Options{})
	x := &adaptertest.Exchange{Target: "/items/1234567890", Header: http.Header{}, Trailer: http.Header{}}
	if n := testing.AllocsPerRun(1000, func() { h.Request(x); h.Response(x) }); n != 0 {
		t.Errorf("%v allocations a request, want none", n)
	}
}
