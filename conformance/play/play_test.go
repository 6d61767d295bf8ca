package play

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/conformance/driver"
	"github.com/modgate/modgate/conformance/script"
	"github.com/modgate/modgate/conformance/wire"
)

// tiny is a core that knows one module: it routes to the latest instance that
// said RESUME, delays until one has, and tells every stream about it.
type tiny struct {
	mu       sync.Mutex
	upstream map[string]string
	serving  string
	resumed  chan struct{} // closed by the first RESUME
	seen     []string      // names that came over the wire
}

func (c *tiny) control(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var in struct{ Instance, Upstream, Module, Type string }
	json.Unmarshal(body, &in) //nolint:errcheck // some have no body
	parts := strings.Split(r.URL.Path, "/")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, in.Module, r.URL.Path)
	switch {
	case r.URL.Path == "/v1/instances":
		c.upstream[in.Instance] = in.Upstream
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"token":"token of %s","epoch":4,"state":{"module":%q}}`, in.Instance, in.Module)
	case in.Type == "resume":
		if c.serving == "" {
			close(c.resumed)
		}
		c.serving = c.upstream[parts[3]]
		fmt.Fprintf(w, `{"outcome":"resumed","epoch":4,"state":{"phase":"serving"}}`)
	case strings.HasSuffix(r.URL.Path, "/notices"):
		c.mu.Unlock()
		defer c.mu.Lock()
		io.WriteString(w, "event: synced\ndata: {}\n\n")
		http.NewResponseController(w).Flush() //nolint:errcheck // the test sees it
		select {
		case <-c.resumed:
			for range 2 { // the second is a repetition
				io.WriteString(w, "id: 3\nevent: dev.modgate.resume.v1\ndata: {\"id\":\"books/books/2\",\"subject\":\"books\",\"data\":{\"epoch\":4}}\n\n")
			}
			http.NewResponseController(w).Flush() //nolint:errcheck // the test sees it
			<-r.Context().Done()
		case <-r.Context().Done():
		}
	default:
		w.WriteHeader(http.StatusConflict)
		io.WriteString(w, `{"type":"urn:modgate:fenced"}`)
	}
}

func (c *tiny) data(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	serving := c.serving
	c.mu.Unlock()
	if r.Header.Get("Prefer") != "" && serving == "" {
		w.Header().Set("Retry-After", "3")
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Modgate-Request-Id", "1")
		w.Header().Set("Proxy-Status", `modgate; error=destination_unavailable; details="delay"`)
		w.Header().Set("Modgate-Status", `delay;module="books";reason=starting;ttl=3`)
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, `{"type":"urn:modgate:delay","status":503,"module":"books","reason":"starting","ttl":"2.5s","request_id":"1"}`)
		return
	}
	select {
	case <-c.resumed:
	case <-r.Context().Done():
		return
	}
	c.mu.Lock()
	serving = c.serving
	c.mu.Unlock()
	req, err := http.NewRequestWithContext(r.Context(), r.Method, serving+r.URL.RequestURI(), r.Body)
	if err != nil {
		panic(err)
	}
	req.Header.Set("Modgate-Run", "v1.a.b")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	io.Copy(w, resp.Body) // the client is gone
}

// play plays steps against a tiny core.
func playSteps(t *testing.T, tag, steps string) (*tiny, error) {
	t.Helper()
	c, wrong := script.Parse("test.case", "A test.\nrules A1\nsteps\n"+steps)
	if wrong != nil {
		t.Fatal(wrong)
	}
	core := &tiny{upstream: map[string]string{}, resumed: make(chan struct{})}
	control, data := httptest.NewServer(http.HandlerFunc(core.control)), httptest.NewServer(http.HandlerFunc(core.data))
	defer control.Close()
	defer data.Close()
	address := func(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "http://") }
	return core, Play(context.Background(), c, Target{
		Data: address(data), Control: address(control), Join: "join", Admin: "admin", Ports: &driver.Ports{}, Scale: 1, Tag: tag,
	})
}

const whole = `
    a registers books 1.0.0 -> 201 epoch:=e state.module=books
    a listens
    a hears synced
    a hears-no resume for=50ms
    client sends GET /books/1 wait=1s -> DELAY reason=starting
    client sends POST /books/2 body=parked times=3 as r
    r waits 100ms
    a resumes -> 200 epoch=$e outcome=resumed in<5s
    r gets -> 200 from=a body=a
    r counts 3 -> 200
    r counts 0 -> 503
    a hears-next resume -> subject=books epoch=$e
    a hears-no for=50ms
    a got -> method=POST path=/books/2 body=parked
    a has-served 3
    a answers 404 body=none @X-A=b
    client sends GET /books/1 -> 404 @X-A=b body~on body!~x
    a answers 200
    a holds
    client-b sends GET /books/3 as held
    a has 1
    b registers books 1.0.0
    b sends GET /books/4 run=a as inner
    a has 2
    a releases
    held gets
    inner gets -> 200
    a has 0
    client loads GET /books/5 clients=2 as load
    time passes 50ms
    load ends least=2
    a refuses
    client sends GET /books/1 -> 502
    a accepts
    client tries GET /books/1 -> 200 from=a
    a renews -> 409 type=urn:modgate:fenced
    client sends GET /books/6 @X=1 as gone
    gone leaves
`

func TestCaseThatHoldsPasses(t *testing.T) {
	if _, err := playSteps(t, "", whole); err != nil {
		t.Error(err)
	}
}

func TestNamesAreTheCasesOwnWhereACoreIsShared(t *testing.T) {
	core, err := playSteps(t, "x7", whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range core.seen {
		if name != "" && name != "/v1/instances" && !strings.Contains(name, "-x7") {
			t.Errorf("%q is not the case's own", name)
		}
	}
}

// Each fails at its last step, by what is said.
func TestStepThatDoesNotHoldIsTold(t *testing.T) {
	const serving = "    a registers books 1.0.0\n    a resumes\n"
	for steps, want := range map[string]string{
		"    a registers books 1.0.0 -> 409":                                          `status=409 (it is "201")`,
		"    a registers books 1.0.0 -> epoch>4":                                      "epoch>4 (it is 4)",
		"    a registers books 1.0.0 -> epoch!":                                       `epoch! (it is "4")`,
		"    a registers books 1.0.0 -> lease?":                                       "lease? (it is absent)",
		"    a registers books 1.0.0 -> token>4":                                      "is no number",
		"    a registers books 1.0.0 -> in>5s":                                        "in>5s (it is",
		"    a registers books 1.0.0 -> FENCED":                                       `FENCED: status=409 (it is "201")`,
		"    client sends GET /books/1 wait=1s -> MISSING":                            `MISSING: @Retry-After! (it is "3")`,
		"    client sends GET /books/1 timeout=50ms":                                  "an answer",
		serving + "    client sends GET /books/1 -> from!":                            `from! (it is "a")`,
		serving + "    client sends GET /books/1 as r\n    r waits 500ms":             "no answer yet",
		"    client sends GET /books/1 as r\n    r gets within=50ms":                  "all answers",
		serving + "    client sends GET /books/1 times=2 as r\n    r counts 1 -> 200": "2 of 2",
		serving + "    a has-served 1":                                                "1 requests",
		serving + "    a has 1 within=20ms":                                           "1 requests in its hands",
		serving + "    a got -> method=GET":                                           "a request",
		serving + "    a hears delay":                                                 "it does not listen",
		serving + "    a listens\n    a hears delay within=50ms":                      "a notice delay",
		serving + "    a listens\n    a hears-next delay within=50ms":                 "only synced",
		serving + "    a listens\n    a hears resume\n    a hears-no\n    a hears-no synced\n    a loses-stream within=20ms": "the stream closed",
		serving + "    a listens\n    a hears-no resume for=100ms":                                                           "no such notice",
		"    core dies": "not started by the suite",
	} {
		_, err := playSteps(t, "", steps+"\n")
		var f *Failure
		if !errors.As(err, &f) || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "test.case:") {
			t.Errorf("%s\n got %v\nwant %s", steps, err, want)
		}
	}
}

func TestWholeAnswersAreThoseOfTheGrammar(t *testing.T) {
	for macro, row := range rows {
		for _, text := range strings.Fields(row) {
			if _, err := script.ParseCheck(text); err != nil {
				t.Errorf("%s: %v", macro, err)
			}
		}
		if !strings.Contains(script.Tables()["answers"], "`"+macro+"`") {
			t.Errorf("%s is no answer that a case may name", macro)
		}
	}
}

// What a busy machine sends late has waited no less than the case says.
func TestWaitingBeginsWhenTheRequestIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{ctx: t.Context(), pending: map[string]*pending{}, Target: Target{Scale: 1}}
		begun := time.Now()
		if err := w.perform(script.Step{Label: "r"}, 2, func(ctx context.Context) wire.Answer {
			time.Sleep(time.Second)
			onItsWay(ctx)
			time.Sleep(time.Second)
			return wire.Answer{}
		}); err != nil {
			t.Fatal(err)
		}
		r := w.pending["r"]
		if err := w.waits(script.Step{}, r); err != nil || time.Since(begun) != 1300*time.Millisecond {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		if err := w.waits(script.Step{}, r); err != nil || time.Since(begun) != 1600*time.Millisecond {
			t.Errorf("the second time, after %v: %v", time.Since(begun), err)
		}
		if err := w.waits(script.Step{Args: []string{"600ms"}}, r); err == nil {
			t.Error("an answer came meanwhile")
		}
	})
}
