package api

import (
	"bytes"
	"encoding/json"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/message"
)

// described is openapi.json, read once.
var described = sync.OnceValues(func() (*openapi3.T, error) {
	return openapi3.NewLoader().LoadFromData(openAPIDocument)
})

func document(t *testing.T) *openapi3.T {
	t.Helper()
	d, err := described()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestOpenAPIDocumentIsValid(t *testing.T) {
	d := document(t)
	if err := d.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(d.OpenAPI, "3.1.") {
		t.Errorf("OpenAPI %s, want 3.1", d.OpenAPI)
	}
}

func TestOpenAPIDocumentDescribesEveryCall(t *testing.T) {
	served := map[string][]string{}
	for path, calls := range (&server{Options: newPlatform(t).options}).paths() {
		served[path] = slices.Sorted(maps.Keys(calls))
	}
	d := document(t)
	for path, item := range d.Paths.Map() {
		if got, want := served[path], slices.Sorted(maps.Keys(item.Operations())); !slices.Equal(got, want) {
			t.Errorf("%s: served %v, described %v", path, got, want)
		}
		delete(served, path)
	}
	for path := range served {
		t.Errorf("%s is not described", path)
	}
}

func TestOpenAPIDocumentHasTheWordsOfTheCode(t *testing.T) {
	words := map[string][]string{}
	collect(words, "Availability", message.Ready)
	collect(words, "Reason", message.ReasonStarting)
	collect(words, "Phase", message.Starting)
	var overrides []string
	for _, v := range document(t).Components.Schemas["Override"].Value.Properties["type"].Value.Enum {
		overrides = append(overrides, v.(string))
	}
	collect(words, "", message.ForceResume)
	if want := words[""]; !slices.Equal(overrides, want) {
		t.Errorf("overrides: described %q, in the code %q", overrides, want)
	}
	delete(words, "")
	for schema, want := range words {
		var got []string
		for _, v := range document(t).Components.Schemas[schema].Value.Enum {
			got = append(got, v.(string))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: described %q, in the code %q", schema, got, want)
		}
	}
}

// collect notes the words of an enumeration from first on.
func collect[E interface {
	~uint8
	String() string
}](words map[string][]string, schema string, first E) {
	defer func() { recover() }() // beyond the last word
	for e := first; ; e++ {
		words[schema] = append(words[schema], e.String())
	}
}

// fits holds a call against the document: its answer is one of those that are
// described, with a body of that shape; and so is its own body, if it was
// followed.
func fits(t *testing.T, r *http.Request, body []byte, a answer) {
	t.Helper()
	op := operation(t, r)
	if op == nil {
		return // no such call; the answer's type is the test's business
	}
	given.Store(op.OperationID+" "+strconv.Itoa(a.StatusCode), true)
	response := op.Responses.Status(a.StatusCode)
	if response == nil {
		t.Errorf("%s: the answer %d is not described", op.OperationID, a.StatusCode)
		return
	}
	if a.StatusCode < 300 && op.RequestBody != nil {
		conforms(t, op.OperationID+"'s body", op.RequestBody.Value.Content["application/json"], body)
	}
	for name := range response.Value.Headers {
		if a.Header.Get(name) == "" && name != "Preference-Applied" {
			t.Errorf("%s: the answer %d lacks %s", op.OperationID, a.StatusCode, name)
		}
	}
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	content := response.Value.Content[kind]
	if content == nil && len(response.Value.Content)+len(a.body) > 0 {
		t.Errorf("%s: the answer %d of type %q is not described", op.OperationID, a.StatusCode, kind)
	}
	if strings.HasSuffix(kind, "json") {
		conforms(t, op.OperationID+"'s answer "+strconv.Itoa(a.StatusCode), content, a.body)
	}
}

// given has the answers that tests were given, as "operation status".
var given sync.Map

// operation finds what describes the call, or nil.
func operation(t *testing.T, r *http.Request) *openapi3.Operation {
	t.Helper()
	mux := http.NewServeMux()
	for path := range document(t).Paths.Map() {
		mux.HandleFunc(path, func(http.ResponseWriter, *http.Request) {})
	}
	_, path := mux.Handler(r)
	item := document(t).Paths.Value(path)
	if item == nil {
		return nil
	}
	return item.Operations()[r.Method]
}

func conforms(t *testing.T, what string, content *openapi3.MediaType, body []byte) {
	t.Helper()
	var v any
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&v); err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if err := content.Schema.Value.VisitJSON(v, openapi3.EnableJSONSchema2020()); err != nil {
		t.Errorf("%s does not conform: %v\n%s", what, err, body)
	}
}

// TestEveryDescribedAnswerIsGiven walks through the API; what is described and
// never answered is a promise that nobody keeps.
func TestEveryDescribedAnswerIsGiven(t *testing.T) { // 3.3
	given.Clear()
	synctest.Test(t, modulesStory)
	synctest.Test(t, administratorsStory)
	synctest.Test(t, overridesStory)
	processesStory(t)
	for _, item := range document(t).Paths.Map() {
		for _, op := range item.Operations() {
			for status := range op.Responses.Map() {
				if _, ok := given.Load(op.OperationID + " " + status); !ok && status != "500" {
					t.Errorf("%s: never answered %s", op.OperationID, status)
				}
			}
		}
	}
}

func modulesStory(t *testing.T) {
	p := newPlatform(t)
	p.serve("m", "1.0.0", "m-1", `,"requires":[{"id":"tags","range":"1","optional":true}],"lease":"5m","routes":[{"path":"/m"}],"provides":[{"id":"items","version":"1.3"}]`)
	run := p.run("m")
	p.register("m", "2.0.0", "m-2", `,"lease":"5m"`)
	p.announce("m-2", "update", "Prefer", "wait=1").want(http.StatusAccepted)
	run.Leave()
	synctest.Wait()
	p.announce("m-2", "resume").want(http.StatusOK)
	p.call("PUT", "/v1/instances/m-2/lease", "m-2", "").want(http.StatusOK)
	p.call("POST", "/v1/alerts", "m-2", `{"severity":"info","summary":"done"}`).want(http.StatusAccepted)
	for p.call("POST", "/v1/alerts", "m-2", `{"severity":"info","summary":"again"}`).StatusCode != http.StatusTooManyRequests {
	}
	p.call("POST", "/v1/alerts", "m-1", `{"severity":"info","summary":"stale"}`).problem(http.StatusConflict, message.ProblemFenced)
	p.call("PUT", "/v1/instances/m-1/lease", "m-1", "").problem(http.StatusConflict, message.ProblemFenced)
	p.announce("m-1", "resume").problem(http.StatusConflict, message.ProblemFenced)
	p.call("POST", "/v1/instances", "join", registration("other", "1.0.0", "m-2")).problem(http.StatusConflict, message.ProblemConflict)

	reading, stop := contextWith(t, time.Minute)
	defer stop()
	p.callWith(reading, "GET", "/v1/instances/m-2/notices", "m-2", "").want(http.StatusOK)

	for path, body := range map[string]string{
		"/v1/instances":                   registration("x", "1.0.0", "x-1"),
		"/v1/instances/m-2/announcements": `{"type":"resume","seq":99}`,
		"/v1/alerts":                      `{"severity":"info","summary":"x"}`,
	} {
		as := "m-2"
		if path == "/v1/instances" {
			as = "join"
		}
		p.call("POST", path, as, `{"no":1}`).problem(http.StatusBadRequest, message.ProblemInvalid)
		p.call("POST", path, as, strings.Repeat(" ", maxBody+1)).problem(http.StatusRequestEntityTooLarge, message.ProblemTooLarge)
		p.call("POST", path, as, body, "Content-Type", "text/plain").problem(http.StatusUnsupportedMediaType, message.ProblemMediaType)
		p.call("POST", path, "wrong", body).problem(http.StatusUnauthorized, message.ProblemTokenRequired)
		p.call("POST", path, "", body).problem(http.StatusUnauthorized, message.ProblemTokenRequired)
	}
	p.call("PUT", "/v1/instances/m-2/lease", "m-1", "").problem(http.StatusUnauthorized, message.ProblemTokenRequired)
	p.call("GET", "/v1/instances/m-2/notices", "", "").problem(http.StatusUnauthorized, message.ProblemTokenRequired)

	p.store.Close() // nothing can be saved from now on
	p.call("POST", "/v1/instances", "join", registration("late", "1.0.0", "late-1")).problem(http.StatusServiceUnavailable, message.ProblemUnavailable)
	p.announce("m-2", "disconnect").problem(http.StatusServiceUnavailable, message.ProblemUnavailable)
}

func administratorsStory(t *testing.T) {
	p := newPlatform(t, func(o *Options) { o.Open = false })
	p.serve("m", "1.0.0", "m-1", `,"requires":[{"id":"tags","range":"1"}],"routes":[{"methods":["GET"],"path":"/m"}]`)
	p.call("POST", "/v1/alerts", "m-1", `{"severity":"critical","summary":"s","detail":"d"}`).want(http.StatusAccepted)
	time.Sleep(time.Minute) // its lease runs out, and its TTL
	for _, path := range []string{
		"/v1/admin/modules", "/v1/admin/modules/m", "/v1/admin/modules/m/history", "/v1/admin/requirements", "/v1/admin/alerts",
		"/v1/admin/processes", "/v1/admin/plugins", "/livez", "/readyz", "/metrics",
	} {
		p.call("GET", path, "admin", "").want(http.StatusOK)
		p.call("GET", path, "wrong", "").problem(http.StatusUnauthorized, message.ProblemTokenRequired)
		p.call("GET", path, "m-1", "").problem(http.StatusUnauthorized, message.ProblemTokenRequired)
	}
	now := time.Now()
	p.plugins = []adapter.View{{
		Adapter: "okapi", Modules: []string{"users"}, State: adapter.Quarantined, Until: &now, Generation: 2, Loaded: &now, SHA256: "ab", Size: 7,
		Hooks: []string{"request", "encode"}, Instances: 2, Memory: 1 << 20, Calls: 9, Faults: 1, Refused: "why", LoadSeconds: 0.1,
		LastFault: &adapter.Fault{Adapter: "okapi", Module: "users", Generation: 1, Hook: "handle_request", Kind: adapter.Trap, Text: "t", Trace: "run()", Time: now, Quarantined: true},
	}}
	p.call("GET", "/v1/admin/plugins", "admin", "").want(http.StatusOK)
	p.call("GET", "/v1/openapi.json", "", "").want(http.StatusOK)
	p.call("GET", "/v1/admin/modules/nobody", "admin", "").problem(http.StatusNotFound, message.ProblemUnknown)
	p.call("GET", "/v1/admin/modules/nobody/history", "admin", "").problem(http.StatusNotFound, message.ProblemUnknown)
	p.call("GET", "/v1/admin/events", "", "").problem(http.StatusUnauthorized, message.ProblemTokenRequired)
	p.call("POST", "/v1/admin/reload", "m-1", "").problem(http.StatusUnauthorized, message.ProblemTokenRequired)

	reading, stop := contextWith(t, time.Minute)
	defer stop()
	p.callWith(reading, "GET", "/v1/admin/events", "admin", "").want(http.StatusOK)

	p.notReady = errStopping
	p.call("GET", "/readyz", "admin", "").problem(http.StatusServiceUnavailable, message.ProblemUnavailable)

	p.call("POST", "/v1/admin/reload", "admin", "").want(http.StatusOK)
	p.diagnostics = []map[string]any{{"severity": "error", "summary": "s", "detail": "d", "file": "f", "line": 1}}
	p.call("POST", "/v1/admin/reload", "admin", "").problem(http.StatusBadRequest, message.ProblemInvalid)
	p.call("POST", "/v1/admin/plan", "admin", "").problem(http.StatusBadRequest, message.ProblemInvalid)
	p.diagnostics = nil
	p.call("POST", "/v1/admin/plan", "admin", "").want(http.StatusOK)
	p.call("POST", "/v1/admin/plan", "m-1", "").problem(http.StatusUnauthorized, message.ProblemTokenRequired)
	p.reloadFails = errStopping
	p.call("POST", "/v1/admin/plan", "admin", "").problem(http.StatusServiceUnavailable, message.ProblemUnavailable)
	p.call("POST", "/v1/admin/reload", "admin", "").problem(http.StatusServiceUnavailable, message.ProblemUnavailable)
}

func processesStory(t *testing.T) {
	p := newPlatform(t)
	const worker = "/v1/admin/processes/worker/"
	p.call("POST", worker+"start", "admin", "").want(http.StatusOK)
	p.call("POST", worker+"start", "admin", "").problem(http.StatusConflict, message.ProblemConflict)
	p.call("GET", "/v1/admin/processes", "admin", "").want(http.StatusOK)
	p.call("POST", worker+"stop", "admin", "").want(http.StatusOK)
	p.call("POST", worker+"stop", "admin", "").problem(http.StatusConflict, message.ProblemConflict)
	p.call("POST", "/v1/admin/processes/broken/start", "admin", "").problem(http.StatusConflict, message.ProblemConflict)
	for _, verb := range []string{"start", "stop"} {
		p.call("POST", worker+verb, "", "").problem(http.StatusUnauthorized, message.ProblemTokenRequired)
		p.call("POST", "/v1/admin/processes/nobody/"+verb, "admin", "").problem(http.StatusNotFound, message.ProblemUnknown)
	}
}
