package proxy

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// egress opens a data listener of i's own, and returns the gate as i sees it.
func (g *gate) egress(i *route.Instance) *gate {
	g.t.Helper()
	_, c := g.caller(i)
	c.OnDelay = message.Reply
	return g.egressOf(func() *route.Caller { return c })
}

func (g *gate) egressOf(caller func() *route.Caller) *gate {
	g.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		g.t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		if err := g.proxy.ServeEgress(ln, caller); err != nil {
			g.t.Errorf("ServeEgress: %v", err)
		}
	})
	g.t.Cleanup(func() { ln.Close(); served.Wait() })
	return &gate{t: g.t, address: ln.Addr().String()}
}

// mute returns an instance of a module that passes on X-Okapi-Request-Id, and
// where the last request to it can be read.
func mute(t *testing.T, id, module string) (*route.Instance, *http.Header) {
	t.Helper()
	last := new(http.Header)
	i := instance(id, module, "1.0.0", upstreamOf(t, func(_ http.ResponseWriter, r *http.Request) { *last = r.Header.Clone() }))
	i.RunHeader = "X-Okapi-Request-Id"
	return i, last
}

// A mute module that holds an UPDATE calls a mute peer, which calls it back:
// the run leads back to the holder (U11, L4).
func TestRunHeaderStandsForModgateRun(t *testing.T) {
	g := start(t)
	holder, atHolder := mute(t, "h1", "loans")
	peer, atPeer := mute(t, "p1", "users")
	loans := g.module("loans")
	g.ready(g.module("users"), peer)
	g.set(loans, route.State{Availability: message.Delayed, Reason: message.ReasonUpdating, Until: time.Now().Add(time.Minute), Holder: holder})

	if resp, _ := g.egress(holder).do("GET", "/users", ""); resp.StatusCode != 200 {
		t.Fatalf("the holder calls its peer: %d", resp.StatusCode)
	}
	carried := atPeer.Get("X-Okapi-Request-Id")
	if carried == "" || carried != atPeer.Get("Modgate-Run") {
		t.Fatalf("the peer got %q", carried)
	}
	back := g.egress(peer)
	if resp, _ := back.do("GET", "/loans", "", "X-Okapi-Request-Id", carried); resp.StatusCode != 200 {
		t.Errorf("the peer calls back: %d", resp.StatusCode)
	}
	r := newRun([]byte("run key"))
	r.read([]byte(atHolder.Get("X-Okapi-Request-Id")), holder.Hop)
	if !r.verified() || r.count != 3 {
		t.Errorf("the holder got %d hops, want 3", r.count)
	}
	for what, value := range map[string]string{"none": "", "another's": strings.Replace(carried, "v1.", "v1.A", 1)} {
		if resp, _ := back.do("GET", "/loans", "", "X-Okapi-Request-Id", value); resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("with %s it calls back: %d", what, resp.StatusCode)
		}
	}
}

func TestRunHeaderKeepsWhatWasThere(t *testing.T) { // L4
	g := start(t)
	loans, atLoans := mute(t, "l1", "loans")
	users, atUsers := mute(t, "u1", "users")
	notes, atNotes := mute(t, "n1", "notes")
	notes.RunHeader = "X-Trace"
	files, atFiles := mute(t, "f1", "files")
	files.RunHeader = ""
	for _, i := range []*route.Instance{loans, users, notes, files} {
		g.ready(g.module(i.Module), i)
	}
	g.do("GET", "/loans", "", "X-Okapi-Request-Id", "123/loans", "X-Trace", "t1")
	first := atLoans.Get("X-Okapi-Request-Id")
	if first != "123/loans;"+atLoans.Get("Modgate-Run") || atLoans.Get("X-Trace") != "t1" {
		t.Errorf("loans got %v", *atLoans)
	}
	own := g.egress(loans)
	for _, path := range []string{"/users", "/notes", "/files"} {
		own.do("GET", path, "", "X-Okapi-Request-Id", first, "X-Trace", "t2")
	}
	for _, c := range []struct {
		module, field, got, want string
	}{
		{"users", "X-Okapi-Request-Id", atUsers.Get("X-Okapi-Request-Id"), "123/loans;" + atUsers.Get("Modgate-Run")},
		{"users", "X-Trace", atUsers.Get("X-Trace"), "t2"},
		{"notes", "X-Okapi-Request-Id", atNotes.Get("X-Okapi-Request-Id"), "123/loans"},
		{"notes", "X-Trace", atNotes.Get("X-Trace"), "t2;" + atNotes.Get("Modgate-Run")},
		{"files", "X-Okapi-Request-Id", atFiles.Get("X-Okapi-Request-Id"), "123/loans"},
		{"files", "X-Trace", atFiles.Get("X-Trace"), "t2"},
	} {
		if c.got != c.want {
			t.Errorf("%s got %s: %q, want %q", c.module, c.field, c.got, c.want)
		}
	}
	own.do("GET", "/files", "", "X-Okapi-Request-Id", atLoans.Get("Modgate-Run")) // nothing was there
	if values := atFiles.Values("X-Okapi-Request-Id"); values != nil {
		t.Errorf("files got %q", values)
	}
}

func TestWhatArrivesAtAnEgressIsItsInstances(t *testing.T) { // L4, I1
	g := start(t)
	loans, _ := mute(t, "l1", "loans")
	users, atUsers := mute(t, "u1", "users")
	g.set(g.module("users"), route.State{Availability: message.Ready, Serving: version(users), Identified: true})
	token, c := g.caller(loans)
	if resp, _ := g.do("GET", "/users", ""); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("at the data listener: %d", resp.StatusCode)
	}
	var present *route.Caller
	own := g.egressOf(func() *route.Caller { return present })
	for _, step := range []struct {
		what    string
		present *route.Caller
		fenced  bool
		token   string
		status  int
	}{
		{"nobody is registered", nil, false, token, 503},
		{"its own", c, false, "", 200},
		{"with a token that is none", c, false, "wrong", 200},
		{"fenced", c, true, "", 503},
	} {
		present = step.present
		c.SetFenced(step.fenced)
		var headers []string
		if step.token != "" {
			headers = []string{"Modgate-Token", step.token}
		}
		if resp, body := own.do("GET", "/users", "", headers...); resp.StatusCode != step.status || step.status == 503 && !strings.Contains(body, `"fenced"`) {
			t.Errorf("%s: %d %s", step.what, resp.StatusCode, body)
		}
	}
	if len(atUsers.Values("Modgate-Token")) > 0 {
		t.Error("the token was passed on")
	}
	r := newRun([]byte("run key"))
	r.read([]byte(atUsers.Get("Modgate-Run")), users.Hop)
	if !r.verified() || !r.find("loans", func(_, _ []byte) bool { return true }) {
		t.Errorf("the run does not begin with the caller: %s", atUsers.Get("Modgate-Run"))
	}
}

// An adapter sees the module's run header without the run, and edits what
// stands before it, as one for FOLIO's modules appends to X-Okapi-Request-Id.
func TestAdapterEditsWhatStandsBeforeTheRun(t *testing.T) {
	const name = "x-okapi-request-id"
	sees := make(chan string, 1)
	d := &dialect{request: func(x adapter.Exchange) (adapter.Call, error) {
		f := x.Fields(adapter.RequestHeader)
		value, _ := f.Get(name)
		at, ok := x.Property("module.egress")
		sees <- fmt.Sprintf("%s %s %v", value, at, ok)
		f.Set([]byte(name), append(append([]byte(nil), value...), ";2/users"...))
		return goOn(0)
	}}
	g := start(t)
	users := g.module("users")
	users.Adapter = new(adapter.Slot)
	users.Adapter.Store(d)
	at, got := mute(t, "u1", "users")
	at.Egress = "http://127.0.0.1:9301"
	g.ready(users, at)
	from, _ := mute(t, "l1", "loans")
	run := newRun([]byte("run key"))
	for _, c := range []struct {
		by         *gate
		sent, want string
	}{
		{g, "1/loans", "1/loans"},
		{g.egress(from), "1/loans;" + string(run.appended(nil, from.Hop, from.Hop)), "1/loans"},
	} {
		if resp, _ := c.by.do("GET", "/users", "", "X-Okapi-Request-Id", c.sent); resp.StatusCode != 200 {
			t.Fatalf("answered %d", resp.StatusCode)
		}
		if s, want := <-sees, c.want+" http://127.0.0.1:9301 true"; s != want {
			t.Errorf("the adapter sees %q, want %q", s, want)
		}
		values := got.Values(name)
		if want := c.want + ";2/users;" + got.Get("Modgate-Run"); len(values) != 1 || values[0] != want {
			t.Errorf("the module gets %q, want %q", values, want)
		}
	}
}
