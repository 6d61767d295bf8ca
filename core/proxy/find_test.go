package proxy

import (
	"io"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// seen is what an upstream got.
type seen struct{ header http.Header }

// named makes an instance whose upstream answers with its id and keeps what
// it last got.
func named(t *testing.T, id, mod, v string) (*route.Instance, *seen) {
	t.Helper()
	s := new(seen)
	return instance(id, mod, v, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		s.header = r.Header.Clone()
		_, _ = io.WriteString(w, id)
	})), s
}

func wantFrom(t *testing.T, what, want string, resp *http.Response, body string) {
	t.Helper()
	if resp.StatusCode != 200 || body != want {
		t.Errorf("%s: %d %q, want it from %q", what, resp.StatusCode, body, want)
	}
}

func TestHolderIsItsOwnUpstream(t *testing.T) {
	// U3: while updating, requests from the holder to its own module go to
	// the holder itself; to others as always.
	g := start(t)
	m, other := g.module("m"), g.module("other")
	holder, _ := named(t, "new", "m", "2.0.0")
	o, _ := named(t, "o", "other", "1.0.0")
	g.ready(other, o)
	g.set(m, route.State{
		Availability: message.Delayed, Reason: message.ReasonUpdating, Holder: holder, Until: time.Now().Add(time.Minute),
	})
	token, _ := g.caller(holder)
	resp, body := g.do("GET", "/m", "", "Modgate-Token", token)
	wantFrom(t, "to its own module", "new", resp, body)
	resp, body = g.do("GET", "/other", "", "Modgate-Token", token)
	wantFrom(t, "to another", "o", resp, body)
}

func TestRunBegunInDrainingVersionStaysThere(t *testing.T) {
	// U2, U11: a request that came through the draining 1.0.0 and through
	// another module comes back to 1.0.0, while 2.0.0 serves everyone else.
	g := start(t)
	m, other := g.module("m"), g.module("other")
	old, oldSeen := named(t, "old", "m", "1.0.0")
	next, _ := named(t, "next", "m", "2.0.0")
	o, otherSeen := named(t, "o", "other", "1.0.0")
	g.ready(m, old)
	g.ready(other, o)
	oldToken, _ := g.caller(old)
	otherToken, _ := g.caller(o)

	g.do("GET", "/m", "")
	run := oldSeen.header.Get("Modgate-Run")
	g.do("GET", "/other", "", "Modgate-Token", oldToken, "Modgate-Run", run)
	longer := otherSeen.header.Get("Modgate-Run")

	drained := version(old)
	drained.DrainedAt, drained.Sunset = time.Unix(1_700_000_000, 0), time.Unix(1_700_000_030, 0)
	g.set(m, route.State{Availability: message.Ready, Serving: version(next), Own: []*route.Version{drained}})
	old.EnterOwn(0) // a run in flight, which keeps it from being drained
	old.Drain(g.turn)

	resp, body := g.do("GET", "/m", "", "Modgate-Token", otherToken, "Modgate-Run", longer)
	wantFrom(t, "a run through the old version", "old", resp, body)
	if got := resp.Header.Get("Deprecation"); got != "@1700000000" { // V2, RFC 9745
		t.Errorf("Deprecation = %q", got)
	}
	if got := resp.Header.Get("Sunset"); got != "Tue, 14 Nov 2023 22:13:50 GMT" { // V2, RFC 8594
		t.Errorf("Sunset = %q", got)
	}
	resp, body = g.do("GET", "/m", "", "Modgate-Token", oldToken)
	wantFrom(t, "the old version's own request", "old", resp, body)
	resp, body = g.do("GET", "/m", "", "Modgate-Token", otherToken)
	wantFrom(t, "without the run", "next", resp, body)
	resp, body = g.do("GET", "/m", "", "Modgate-Token", otherToken, "Modgate-Run", run)
	wantFrom(t, "a run that is not the caller's", "next", resp, body)
	resp, body = g.do("GET", "/m", "")
	wantFrom(t, "a client", "next", resp, body)
}

func TestCallersUnmetRequirement(t *testing.T) {
	// D3.
	g := start(t)
	m := g.module("m", route.Entry{Path: "/m", Interface: "items"})
	a, _ := named(t, "a", "m", "1.0.0")
	g.ready(m, a)
	me, _ := named(t, "me", "caller", "1.0.0")
	token, c := g.caller(me)
	for _, k := range []struct {
		name  string
		unmet route.Unmet
		want  message.ProblemType // "": relayed
	}{
		{"on the module, missing", route.Unmet{State: message.UnmetMissing, Range: ">= 2", Found: "1.0.0"}, message.ProblemMissing},
		{"on the interface, missing", route.Unmet{Interface: "items", State: message.UnmetMissing}, message.ProblemMissing},
		{"on another interface", route.Unmet{Interface: "tags", State: message.UnmetMissing}, ""},
		{"delayed", route.Unmet{State: message.UnmetDelayed, Range: ">= 2", Until: time.Now().Add(time.Minute)}, message.ProblemDelay},
	} {
		t.Run(k.name, func(t *testing.T) {
			c.OnDelay = message.Reply
			c.SetUnmet(map[*route.Module][]route.Unmet{m: {k.unmet}})
			resp, body := g.do("GET", "/m", "", "Modgate-Token", token)
			if k.want == "" {
				wantFrom(t, k.name, "a", resp, body)
				return
			}
			p := wantProblem(t, resp, body, 503, k.want, message.ReasonVersion)
			if p.Required != k.unmet.Range || p.Found != k.unmet.Found {
				t.Errorf("required %q found %q, want %q and %q", p.Required, p.Found, k.unmet.Range, k.unmet.Found)
			}
		})
	}
	c.SetUnmet(nil)
	resp, body := g.do("GET", "/m", "", "Modgate-Token", token)
	wantFrom(t, "met", "a", resp, body)
}

func TestCallerThatWantsAReplyIsNotParked(t *testing.T) {
	// A8.
	g := start(t)
	m := g.module("m")
	g.away(m, message.ReasonLost, time.Minute)
	me, _ := named(t, "me", "caller", "1.0.0")
	token, c := g.caller(me)
	c.OnDelay = message.Reply
	resp, body := g.do("GET", "/m", "", "Modgate-Token", token)
	wantProblem(t, resp, body, 503, message.ProblemDelay, message.ReasonLost)
}

func TestCallerThatServesTheTargetIsNotParked(t *testing.T) {
	// U11: other serves a request of m's and asks m back, which is away: m
	// may be waiting for that very answer.
	g := start(t)
	m, other := g.module("m"), g.module("other")
	a, aSeen := named(t, "a", "m", "1.0.0")
	o, oSeen := named(t, "o", "other", "1.0.0")
	g.ready(m, a)
	g.ready(other, o)
	aToken, _ := g.caller(a)
	oToken, _ := g.caller(o)
	g.do("GET", "/m", "")
	g.do("GET", "/other", "", "Modgate-Token", aToken, "Modgate-Run", aSeen.header.Get("Modgate-Run"))
	g.away(m, message.ReasonLost, time.Minute)

	resp, body := g.do("GET", "/m", "", "Modgate-Token", oToken, "Modgate-Run", oSeen.header.Get("Modgate-Run"))
	wantProblem(t, resp, body, 503, message.ProblemDelay, message.ReasonCycle)
	if n := g.cycles.Load(); n != 1 {
		t.Errorf("%d cycles reported, want 1", n)
	}
}

func TestRunOfSixteenHopsIsACycle(t *testing.T) {
	g := start(t)
	m := g.module("m")
	a, aSeen := named(t, "a", "m", "1.0.0")
	g.ready(m, a)
	token, _ := g.caller(a)
	var resp *http.Response
	var body string
	for range maxHops - 1 { // the first begins the run with two
		run := ""
		if aSeen.header != nil {
			run = aSeen.header.Get("Modgate-Run")
		}
		resp, body = g.do("GET", "/m", "", "Modgate-Token", token, "Modgate-Run", run)
		wantFrom(t, "a hop", "a", resp, body)
	}
	resp, body = g.do("GET", "/m", "", "Modgate-Token", token, "Modgate-Run", aSeen.header.Get("Modgate-Run"))
	wantProblem(t, resp, body, 503, message.ProblemDelay, message.ReasonCycle)
}

func TestBusyInstanceIsPassedOver(t *testing.T) {
	g := start(t)
	m := g.module("m")
	a, _ := named(t, "a", "m", "1.0.0")
	b, _ := named(t, "b", "m", "1.0.0")
	g.ready(m, a, b)
	a.Enter(0) // one run more than b, all the time
	for range 20 {
		resp, body := g.do("GET", "/m", "")
		wantFrom(t, "the less busy of two", "b", resp, body)
	}
	b.Close()
	resp, body := g.do("GET", "/m", "")
	wantFrom(t, "the only one that is open", "a", resp, body)
}

func TestInstanceThatClosesBetweenLookAndEntryIsLookedUpAgain(t *testing.T) {
	// Enter against drain (architecture.md 4): the state still shows the
	// instance, which is closed already.
	g := start(t)
	m := g.module("m")
	a, _ := named(t, "a", "m", "1.0.0")
	b, _ := named(t, "b", "m", "1.0.0")
	g.ready(m, a)
	a.Close()
	resp, body := g.do("GET", "/m", "")
	wantProblem(t, resp, body, 503, message.ProblemDelay, message.NoReason)
	g.ready(m, b)
	resp, body = g.do("GET", "/m", "")
	wantFrom(t, "the new state", "b", resp, body)
}

func TestRunsAreCountedInAndOut(t *testing.T) {
	g := start(t)
	m := g.module("m")
	var during int64
	var a *route.Instance
	a = instance("a", "m", "1.0.0", upstreamOf(t, func(http.ResponseWriter, *http.Request) { during = a.Runs() }))
	g.ready(m, a)
	g.do("GET", "/m", "")
	if during != 1 || a.Runs() != 0 {
		t.Errorf("runs = %d while serving and %d afterwards, want 1 and 0", during, a.Runs())
	}
}

func TestProcessorIsOneThatThereIs(t *testing.T) {
	if n := processor(); n >= uint32(runtime.GOMAXPROCS(0)) {
		t.Errorf("processor %d of %d", n, runtime.GOMAXPROCS(0))
	}
}
