package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/message"
)

var errStopping = errors.New("the gateway is stopping")

func contextWith(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

func TestFaultsOfBodyAreAllPlaced(t *testing.T) { // 3.3: errors: [{pointer, detail}]
	p := newPlatform(t)
	for _, tt := range []struct {
		name, body string
		want       []string // pointers
	}{
		{"nothing", ``, []string{""}},
		{"no JSON", `{"module":`, []string{""}},
		{"two values", registration("m", "1.0.0", "m-1") + `{}`, []string{""}},
		{"not an object", `[1]`, []string{""}},
		{"null", `null`, []string{""}},
		{"wrong types", `{"module":1,"version":2,"routes":{},"requires":[{"id":"a","optional":"yes"}],"lease":10}`, []string{
			"/lease", "/module", "/requires/0/optional", "/routes", "/version",
		}},
		{"unknown members", `{"modul":"m","routes":[{"path":"/a"},{"path":"/b","verbs":["GET"]}],"a/b~c":1}`, []string{
			"/a~1b~0c", "/modul", "/routes/1/verbs",
		}},
		{"other case", `{"Module":"m"}`, []string{"/Module"}},
		{"texts that types refuse", `{"module":"m","version":"1","lease":"10","on_delay":"wait"}`, []string{"/lease", "/on_delay", "/version"}},
		{"values that make no sense", `{"module":"-m","version":"1.0.0","instance":"a/b","upstream":"h:1","webhook":"ftp://h","lease":"-1s",` +
			`"routes":[{"path":"x"}],"provides":[{"id":""}],"requires":[{"id":"t","range":"one"}]}`, []string{
			"/module", "/instance", "/upstream", "/webhook", "/lease", "/routes/0/path", "/provides/0/id", "/requires/0/range",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			problem := p.call("POST", "/v1/instances", "join", tt.body).problem(http.StatusBadRequest, message.ProblemInvalid)
			var got []string
			for _, f := range problem.Errors {
				got = append(got, f.Pointer)
				if f.Detail == "" {
					t.Errorf("%s: no detail", f.Pointer)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("faults at %q, want %q: %+v", got, tt.want, problem.Errors)
			}
		})
	}
}

func TestAnnouncementAndAlertAreChecked(t *testing.T) { // 3.3
	p := newPlatform(t)
	p.register("m", "1.0.0", "m-1")
	for body, want := range map[string]string{
		`{"seq":1}`:                              "/type",
		`{"type":"pause","seq":1}`:               "/type",
		`{"type":"update"}`:                      "/seq",
		`{"type":"update","seq":-1}`:             "/seq",
		`{"type":"update","seq":1.5}`:            "/seq",
		`{"type":"update","seq":1,"expected":1}`: "/expected",
		fmt.Sprintf(`{"type":"update","seq":1,"reason":%q}`, strings.Repeat("x", 1025)): "/reason",
	} {
		problem := p.call("POST", "/v1/instances/m-1/announcements", "m-1", body).problem(http.StatusBadRequest, message.ProblemInvalid)
		if got := problem.Errors[0].Pointer; got != want {
			t.Errorf("%s: fault at %q, want %q", body, got, want)
		}
	}
	for body, want := range map[string]string{
		`{"summary":"s"}`:                      "/severity",
		`{"severity":"loud","summary":"s"}`:    "/severity",
		`{"severity":"info"}`:                  "/summary",
		`{"severity":"info","summary":"a\nb"}`: "/summary",
		`{"severity":"info","summary":["a"]}`:  "/summary",
		`{"severity":"info","summary":"` + strings.Repeat("x", maxSummary+1) + `"}`:             "/summary",
		`{"severity":"info","summary":"s","detail":"` + strings.Repeat("x", maxDetail+1) + `"}`: "/detail",
	} {
		problem := p.call("POST", "/v1/alerts", "m-1", body).problem(http.StatusBadRequest, message.ProblemInvalid)
		if got := problem.Errors[0].Pointer; got != want {
			t.Errorf("%.60s: fault at %q, want %q", body, got, want)
		}
	}
}

func TestWrongMethodNamesTheRightOnes(t *testing.T) {
	p := newPlatform(t)
	for call, allow := range map[string]string{
		"GET /v1/instances":                       "POST",
		"DELETE /v1/instances/m-1/lease":          "PUT",
		"POST /v1/instances/m-1/notices":          "GET, HEAD",
		"HEAD /v1/alerts":                         "POST",
		"PUT /v1/admin/modules":                   "GET, HEAD",
		"OPTIONS /v1/admin/processes/worker/stop": "POST",
	} {
		method, path, _ := strings.Cut(call, " ")
		a := p.call(method, path, "admin", "")
		if got := a.Header.Get("Allow"); got != allow {
			t.Errorf("%s: Allow %q, want %q", call, got, allow)
		}
		a.problem(http.StatusMethodNotAllowed, message.ProblemMethod)
	}
	for _, path := range []string{"/", "/v1", "/v1/", "/v1/instances/", "/v1/instances/m-1", "/v2/instances", "/v1/admin", "/metrics/"} {
		p.call("GET", path, "admin", "").problem(http.StatusNotFound, message.ProblemUnknown)
	}
}

func TestTokenOpensOnlyWhatItIsFor(t *testing.T) { // I1, I2
	p := newPlatform(t)
	p.register("m", "1.0.0", "m-1")
	p.register("m", "1.0.0", "m-2")
	for _, tt := range []struct{ method, path, as string }{
		{"POST", "/v1/instances", "m-1"},
		{"POST", "/v1/instances", "admin"},
		{"PUT", "/v1/instances/m-1/lease", "m-2"},
		{"PUT", "/v1/instances/m-1/lease", "join"},
		{"PUT", "/v1/instances/m-1/lease", "admin"},
		{"PUT", "/v1/instances/nobody/lease", "m-1"},
		{"GET", "/v1/instances/m-1/notices", "m-2"},
		{"POST", "/v1/alerts", "admin"},
		{"GET", "/v1/admin/modules", "join"},
		{"GET", "/v1/admin/modules", "m-1"},
		{"GET", "/v1/admin/modules", ""},
	} {
		body := ""
		if tt.path == "/v1/instances" {
			body = registration("m", "1.0.0", "m-3")
		}
		a := p.call(tt.method, tt.path, tt.as, body)
		a.problem(http.StatusUnauthorized, message.ProblemTokenRequired)
		if got := a.Header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Bearer ") {
			t.Errorf("%s %s: WWW-Authenticate %q", tt.method, tt.path, got)
		}
	}
	for _, authorization := range []string{"bearer  " + adminToken, "BEARER " + adminToken} {
		p.call("GET", "/v1/admin/modules", "", "", "Authorization", authorization).want(http.StatusOK)
	}
	for _, authorization := range []string{adminToken, "Basic " + adminToken, "Bearer", "Bearer " + adminToken + "x"} {
		p.call("GET", "/v1/admin/modules", "", "", "Authorization", authorization).want(http.StatusUnauthorized)
	}
}

func TestReplacedProcessHasNoToken(t *testing.T) { // 3.3: the same id replaces the process
	p := newPlatform(t)
	p.register("m", "1.0.0", "m-1")
	p.tokens["former"] = p.tokens["m-1"]
	p.register("m", "1.0.0", "m-1")
	p.call("PUT", "/v1/instances/m-1/lease", "former", "").problem(http.StatusUnauthorized, message.ProblemTokenRequired)
	p.call("PUT", "/v1/instances/m-1/lease", "m-1", "").want(http.StatusOK)
}

func TestHealthAndMetricsAreOpenOnLoopbackOnly(t *testing.T) { // 3.3
	for _, path := range []string{"/livez", "/readyz", "/metrics"} {
		newPlatform(t).call("GET", path, "", "").want(http.StatusOK)
		abroad := newPlatform(t, func(o *Options) { o.Open = false })
		abroad.call("GET", path, "", "").problem(http.StatusUnauthorized, message.ProblemTokenRequired)
		abroad.call("GET", path, "admin", "").want(http.StatusOK)
	}
}

func TestAnnouncementIsHeldAsLongAsPreferred(t *testing.T) { // 3.3, RFC 7240
	for _, tt := range []struct {
		prefer, applied string
		held            time.Duration
	}{
		{"", "", 0},
		{"wait=2", "wait=2", 2 * time.Second},
		{`respond-async, Wait = "3"; foo=bar`, "wait=3", 3 * time.Second},
		{"wait=1, wait=2", "wait=1", time.Second},
		{"wait=-1", "", 0},
		{"wait=soon", "", 0},
		{"wait=0", "wait=0", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPlatform(t)
			p.serve("m", "1.0.0", "m-1")
			p.run("m")
			p.register("m", "2.0.0", "m-2")
			start := time.Now()
			a := p.announce("m-2", "update", "Prefer", tt.prefer).want(http.StatusAccepted)
			if got := time.Since(start); got != tt.held {
				t.Errorf("%q: held for %v, want %v", tt.prefer, got, tt.held)
			}
			if got := a.Header.Get("Preference-Applied"); got != tt.applied {
				t.Errorf("%q: Preference-Applied %q, want %q", tt.prefer, got, tt.applied)
			}
			var pending message.Answer
			a.decode(&pending)
			if got, want := a.Header.Get("Retry-After"), fmt.Sprint(message.RetryAfter(time.Duration(pending.TTL))); got != want || pending.Notice != "delay" {
				t.Errorf("Retry-After %s, want %s; %+v", got, want, pending)
			}
		})
	}
}

func TestHeldAnnouncementIsAnsweredAtItsEnd(t *testing.T) { // U2: granted when the last run is done
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		p.serve("m", "1.0.0", "m-1")
		run := p.run("m")
		p.register("m", "2.0.0", "m-2")
		time.AfterFunc(2*time.Second, run.Leave)
		start := time.Now()
		a := p.announce("m-2", "update", "Prefer", "wait=60").want(http.StatusOK)
		var granted message.Answer
		a.decode(&granted)
		if held := time.Since(start); granted.Outcome != message.Granted || held != 2*time.Second {
			t.Errorf("%v after %v, want granted after 2s", granted.Outcome, held)
		}
	})
}

func TestHeldAnnouncementEndsWithItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		p.serve("m", "1.0.0", "m-1")
		p.run("m")
		p.register("m", "2.0.0", "m-2")
		leaving, stop := contextWith(t, time.Second)
		defer stop()
		start := time.Now()
		p.callWith(leaving, "POST", "/v1/instances/m-2/announcements", "m-2", `{"type":"update","seq":1}`, "Prefer", "wait=60").want(http.StatusAccepted)
		if held := time.Since(start); held != time.Second {
			t.Errorf("held for %v although the request ended after 1s", held)
		}
	})
}

func TestDelayedAndExpiredModulesAreShown(t *testing.T) { // A1, A4, G5
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		p.serve("m", "1.0.0", "m-1")
		state := func() moduleView {
			var v moduleView
			p.call("GET", "/v1/admin/modules/m", "admin", "").want(http.StatusOK).decode(&v)
			return v
		}
		if v := state(); v.State.State != message.Ready || v.Parked != 3 || time.Duration(v.LongestWait) != 1500*time.Millisecond {
			t.Errorf("%+v, want ready and 3 parked for up to 1.5s", v)
		}
		time.Sleep(11 * time.Second)
		if v := state(); v.State.State != message.Delayed || v.Reason != message.ReasonLost || v.TTL <= 0 {
			t.Errorf("%+v, want delayed, lost, with time left", v)
		}
		time.Sleep(time.Minute)
		if v := state(); v.State.State != message.Missing {
			t.Errorf("%+v, want missing", v)
		}
		var open struct {
			Incidents []struct{ Key, Module string }
		}
		p.call("GET", "/v1/admin/alerts", "admin", "").want(http.StatusOK).decode(&open)
		if len(open.Incidents) == 0 || open.Incidents[0].Module != "m" {
			t.Errorf("incidents %+v, want those of m", open.Incidents)
		}
	})
}

func TestPanicIsAnswered500(t *testing.T) {
	p := newPlatform(t, func(o *Options) { o.Ready = func() error { panic("a fault") } })
	p.call("GET", "/readyz", "", "").problem(http.StatusInternalServerError, message.ProblemInternal)
}

func TestBodyOfUnknownLengthIsBounded(t *testing.T) { // 3.3: 256 KiB
	p := newPlatform(t)
	s := httptest.NewServer(p.handler)
	defer s.Close()
	pad := strings.Repeat(" ", maxBody)
	for body, want := range map[string]int{
		registration("m", "1.0.0", "m-1") + pad[len(registration("m", "1.0.0", "m-1")):]: http.StatusCreated,
		registration("m", "1.0.0", "m-1") + pad:                                          http.StatusRequestEntityTooLarge,
	} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/v1/instances", struct{ *strings.Reader }{strings.NewReader(body)})
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = -1
		r.Header.Set("Authorization", "Bearer "+joinSecret)
		resp, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%d bytes in chunks: %d, want %d", len(body), resp.StatusCode, want)
		}
	}
}
