package proxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// oracle is a plan that a test says, and that remembers what it was asked.
type oracle struct {
	mu    sync.Mutex
	say   func(q *fallback.Query) fallback.Decision
	asked []fallback.Query
}

func (o *oracle) Request(q *fallback.Query) fallback.Decision {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, q.Clone())
	return o.say(q)
}

// says replaces what o says.
func (o *oracle) says(say func(q *fallback.Query) fallback.Decision) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.say = say
}

func (o *oracle) questions() []fallback.Query {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked
}

func TestPolicyIsToldOfTheRequest(t *testing.T) { // A3
	g := start(t, func(o *Options) { o.Tenant = "x-okapi-tenant" })
	m := g.module("m", route.Entry{Path: "/m/{id}"})
	token, c := g.caller(instance("s-1", "search", "1.2.3", "http://s"))
	c.OnDelay = message.Reply
	o := &oracle{say: func(*fallback.Query) fallback.Decision { return fallback.Decision{Action: fallback.Delay} }}
	g.set(m, route.State{
		Availability: message.Delayed, Reason: message.ReasonLost, Plan: o,
		Since: time.Now().Add(-90 * time.Second), Until: time.Now().Add(time.Hour),
	})
	g.do("PUT", "/m/7?q=1", "hello", "X-Okapi-Tenant", "diku", "Idempotency-Key", "k", "Modgate-Token", token, "Host", "books")
	g.do("GET", "/m/8", "", "X-Other", "diku", "Prefer", "wait=0")
	got := o.questions()
	if len(got) != 2 {
		t.Fatalf("asked %d times, want 2", len(got))
	}
	want := fallback.HTTP{Method: "PUT", Path: "/m/7", Route: "/m/{id}", Host: got[0].HTTP.Host, Tenant: "diku", Size: 5, Repeatable: true}
	if got[0].HTTP != want || got[0].HTTP.Host == "" {
		t.Errorf("asked of %+v, want %+v", got[0].HTTP, want)
	}
	if want := (fallback.Caller{Module: "search", Version: "1.2.3", OnDelay: message.Reply}); got[0].Caller != want {
		t.Errorf("asked for %+v, want %+v", got[0].Caller, want)
	}
	if q := got[0]; q.Entrypoint != fallback.Request || q.Target.Absent < 90*time.Second || q.Target.TTLLeft < 59*time.Minute || q.Now.IsZero() || q.Parked.Limit != 10_000 {
		t.Errorf("asked %+v", q)
	}
	if h := got[1].HTTP; h.Tenant != "" || h.Size != 0 || h.Repeatable || got[1].Caller != (fallback.Caller{}) {
		t.Errorf("asked of %+v for %+v", h, got[1].Caller)
	}
}

func TestPolicyDressesDelayAndMissing(t *testing.T) { // 3.2
	g := start(t)
	m := g.module("m")
	st := *g.away(m, message.ReasonUpdating, time.Minute)
	for _, c := range []struct {
		d          fallback.Decision
		status     int
		retryAfter string
		word       string
	}{
		{fallback.Decision{Action: fallback.Delay, Reply: true, Status: 429, Retry: 7 * time.Second, Headers: [][2]string{{"X-Why", "tier"}}}, 429, "7", "delay"},
		{fallback.Decision{Action: fallback.Miss, Status: 410, Headers: [][2]string{{"X-Why", "tier"}}, Detail: "Gone for good."}, 410, "", "missing"},
	} {
		st.Plan = fallback.Always(c.d)
		g.set(m, st)
		resp, body := g.do("GET", "/m", "")
		word, _ := statusOf(t, resp)
		if resp.StatusCode != c.status || resp.Header.Get("Retry-After") != c.retryAfter || resp.Header.Get("X-Why") != "tier" || word != c.word || !strings.Contains(body, c.d.Detail) {
			t.Errorf("%+v: got %d %v %s", c.d, resp.StatusCode, resp.Header, body)
		}
	}
	if m.Delayed.Load() != 1 || m.Missing.Load() != 1 {
		t.Errorf("counted %d delayed, %d missing", m.Delayed.Load(), m.Missing.Load())
	}
}

func TestWatchedModuleIsAskedAboutThoughItIsReady(t *testing.T) { // A2
	g := start(t)
	m := g.module("m")
	mirror := g.module("mirror")
	a := instance("a", "m", "1.0.0", answers(t, "m"))
	g.ready(mirror, instance("b", "mirror", "1.0.0", answers(t, "mirror")))
	o := &oracle{}
	st := route.State{Availability: message.Ready, Serving: version(a), Plan: o, Watched: true}
	g.set(m, st)
	for _, c := range []struct {
		d      fallback.Decision
		status int
		body   string
		reason message.Reason
	}{
		{fallback.Decision{}, 200, "m", message.NoReason},
		{fallback.Decision{Action: fallback.Pass}, 200, "m", message.NoReason},
		{fallback.Decision{Action: fallback.Delay, Reply: true}, 503, "", message.ReasonRefused},
		{fallback.Decision{Action: fallback.Miss}, 503, "", message.ReasonRefused},
		{fallback.Decision{Action: fallback.Substitute, Fallback: fallback.Fallback{Module: "mirror"}}, 200, "mirror", message.NoReason},
		{fallback.Decision{Action: fallback.Substitute, Fallback: fallback.Fallback{Static: &fallback.Static{Status: 202, Body: "later"}}}, 202, "later", message.NoReason},
		{fallback.Decision{Action: fallback.Substitute, Fallback: fallback.Fallback{Module: "nobody"}}, 200, "m", message.NoReason},
	} {
		o.says(func(*fallback.Query) fallback.Decision { return c.d })
		resp, body := g.do("GET", "/m", "")
		if resp.StatusCode != c.status || c.body != "" && body != c.body {
			t.Errorf("%+v: got %d %s", c.d, resp.StatusCode, body)
		}
		if c.reason != message.NoReason && !strings.Contains(body, `"reason":"`+c.reason.String()) {
			t.Errorf("%+v: got %s, want the reason %s", c.d, body, c.reason)
		}
	}
	before := len(o.questions())
	st.Watched = false
	g.set(m, st)
	if resp, body := g.do("GET", "/m", ""); resp.StatusCode != 200 || body != "m" || len(o.questions()) != before {
		t.Errorf("not watched: got %d %s", resp.StatusCode, body)
	}
}

func TestFallbackToAModuleKeepsItsDoor(t *testing.T) { // A3, I1
	var told []string
	g := start(t, func(o *Options) {
		o.Astray = func(module string, d *fallback.Decision, why string) {
			told = append(told, module+" to "+d.Fallback.Module+": "+why)
		}
		o.Lacking = func(from, to *route.Module) { told = append(told, from.Name+" lacks "+to.Name) }
	})
	m, vault := g.module("m"), g.module("vault")
	i := instance("v", "vault", "1.0.0", answers(t, "vault"))
	g.set(vault, route.State{Availability: message.Ready, Serving: version(i), Identified: true})
	st := *g.away(m, message.ReasonUpdating, time.Minute)
	st.Plan = fallback.Always{Action: fallback.Substitute, Fallback: fallback.Fallback{Module: "vault"}}
	g.set(m, st)
	if resp, _ := g.do("GET", "/m", "", "Prefer", "wait=0"); resp.StatusCode != 503 {
		t.Errorf("without a token: got %d, want DELAY", resp.StatusCode)
	}
	token, _ := g.caller(instance("c", "caller", "1.0.0", "http://c"))
	if resp, body := g.do("GET", "/m", "", "Modgate-Token", token); resp.StatusCode != 200 || body != "vault" {
		t.Errorf("with one: got %d %s", resp.StatusCode, body)
	}
	st.Plan = fallback.Always{Action: fallback.Substitute, Fallback: fallback.Fallback{Module: "nobody"}}
	g.set(m, st)
	if resp, _ := g.do("GET", "/m", "", "Prefer", "wait=0"); resp.StatusCode != 503 {
		t.Errorf("to nobody: got %d", resp.StatusCode)
	}
	st.Plan = fallback.Always{Action: fallback.Substitute, Fallback: fallback.Fallback{Module: "vault"}}
	g.set(m, st)
	g.away(vault, message.ReasonLost, time.Minute)
	if resp, _ := g.do("GET", "/m", "", "Prefer", "wait=0", "Modgate-Token", token); resp.StatusCode != 503 {
		t.Errorf("to a module that is away: got %d", resp.StatusCode)
	}
	want := []string{"m to vault: it takes no request without a token", "m to nobody: there is no such module", "m lacks vault"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// TestParkedAreReviewed: a change of policy or state answers those whom it
// turns away, wakes nobody else, and asks once for each of them.
func TestParkedAreReviewed(t *testing.T) { // A3, A4
	synctest.Test(t, func(t *testing.T) {
		up := memoryUpstream(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
		g := bubble(t, func(o *Options) {
			o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				return up.dial(ctx, network, address)
			}
			o.Tenant = "Tenant"
		})
		m := g.module("m")
		o := &oracle{say: func(*fallback.Query) fallback.Decision { return fallback.Decision{Action: fallback.Delay} }}
		st := *g.away(m, message.ReasonUpdating, time.Minute)
		st.Plan = o
		g.set(m, st)
		request := func(tenant string) <-chan timedAnswer {
			return g.send("GET /m HTTP/1.1\r\nHost: a\r\nTenant: " + tenant + "\r\n\r\n")
		}
		gold, bronze, silver := request("gold"), request("bronze"), request("silver")
		time.Sleep(5 * time.Second)
		o.says(func(q *fallback.Query) fallback.Decision {
			switch q.HTTP.Tenant {
			case "bronze":
				return fallback.Decision{Action: fallback.Delay, Reply: true}
			case "silver":
				return fallback.Decision{Action: fallback.Delay, Wait: 20 * time.Second}
			default:
				return fallback.Decision{Action: fallback.Delay, Wait: 50 * time.Second}
			}
		})
		next := *m.State()
		next.Edition++
		m.SetState(&next)
		g.room.Review("m", next.Edition)
		(<-bronze).want(t, 503, 5*time.Second)
		(<-silver).want(t, 503, 20*time.Second)
		time.Sleep(10 * time.Second)
		g.ready(m, instance("a", "m", "1.0.0", "http://a"))
		(<-gold).want(t, 200, 30*time.Second)
		// Each once, in the review, and when it woke, for all wait shorter now;
		// silver once more, at the end of its wait.
		if n := len(o.questions()); n != 3+3+3+1 {
			t.Errorf("asked %d times", n)
		}
	})
}
