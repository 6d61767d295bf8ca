package policies

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"
	"unsafe"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

func TestPlanAsksOnlyWhatMattersInItsState(t *testing.T) {
	e := openFiles(t, map[string]string{"site/a.rego": `package modgate.site
import data.modgate.lib
unsafe := {"POST", "PATCH"}
request := {"action": "missing"} if {
	input.target.reason == "lost"
	input.request.method in unsafe
	not input.request.repeatable
	startswith(input.request.path, "/ref/")
}
request := {"action": "delay", "wait_s": 5} if {
	input.target.reason == "starting"
	lib.idempotent(input.request.method)
	input.parked.count >= data.config.limit
	data.tiers[input.request.tenant] == "gold"
}
`})
	for _, c := range []struct {
		reason     message.Reason
		state      message.Availability
		predicates string
		raw        string
	}{
		{message.ReasonExpired, message.Missing, "[]", "[]"},
		{message.ReasonUpdating, message.Delayed, "[]", "[]"},
		{
			message.ReasonLost, message.Delayed,
			`[input.request.method in {"PATCH", "POST"} input.request.repeatable startswith(input.request.path, "/ref/") input.target.absent_s < 60]`, "[]",
		},
		{
			message.ReasonStarting, message.Delayed,
			`[input.request.method in {"GET", "HEAD", "OPTIONS", "TRACE"} input.request.method in {"DELETE", "PUT"} input.parked.count < 60]`,
			"[input.request.tenant]",
		},
	} {
		q := fallback.Query{Target: fallback.Target{Module: "loans", State: c.state, Reason: c.reason}}
		s := e.current.Load()
		f := s.analyse(s.asked("loans"), fallback.Request, &q, time.UTC)
		list := make([]string, len(f.predicates))
		for i := range f.predicates {
			list[i] = f.predicates[i].String()
		}
		if got := fmt.Sprint(list); got != c.predicates {
			t.Errorf("%s: got predicates %s, want %s", c.reason, got, c.predicates)
		}
		if got := fmt.Sprintf("%v", f.raw); got != c.raw || f.bypass != "" {
			t.Errorf("%s: got raw %s %s, want %s", c.reason, got, f.bypass, c.raw)
		}
	}
}

// TestReloadDropsOnlyWhatChanged: policies.md 3.5.
func TestReloadDropsOnlyWhatChanged(t *testing.T) {
	site := func(wait int) string {
		return fmt.Sprintf("package modgate.site\nrequest := {\"action\": \"delay\", \"wait_s\": %d} if input.request.method == \"GET\"\n", wait)
	}
	tree := fstest.MapFS{
		"site/a.rego":          {Data: []byte(site(1))},
		"modules/loans/a.rego": {Data: []byte("package modgate.modules.loans\nrequest := {\"action\": \"missing\"} if data.config.closed == input.request.method\n")},
		"data/config.json":     {Data: []byte(`{"closed": "POST"}`)},
		"data/other.json":      {Data: []byte(`{}`)},
	}
	e, err := Open(Options{tree: tree})
	if err != nil {
		t.Fatal(err)
	}
	q, get := delayed(fallback.Request, "loans"), delayed(fallback.Request, "members")
	q.HTTP.Method, get.HTTP.Method = "POST", "GET"
	loans, members := e.Plan(q.Target), e.Plan(get.Target)
	misses := func(change string, text string) (loansMissed, membersMissed bool) {
		t.Helper()
		tree[change] = &fstest.MapFile{Data: []byte(text)}
		if err := e.Reload(); err != nil {
			t.Fatal(err)
		}
		before := e.missed.Load()
		loans.Request(&q)
		between := e.missed.Load()
		members.Request(&get)
		return between > before, e.missed.Load() > between
	}
	for _, c := range []struct {
		what, file, text string
		loans, members   bool
	}{
		{"the first request", "data/other.json", `{"a": 1}`, true, true},
		{"data that neither refers to", "data/other.json", `{"a": 2}`, false, false},
		{"the same text", "site/a.rego", site(1), false, false},
		{"data that one refers to", "data/config.json", `{"closed": "PUT"}`, true, false},
		{"the other's unit", "modules/search/a.rego", "package modgate.modules.search\ngrace := {\"grace_s\": 1}\n", false, false},
		{"the site's unit", "site/a.rego", site(2), true, true},
	} {
		l, m := misses(c.file, c.text)
		if l != c.loans || m != c.members {
			t.Errorf("%s: got loans evaluated %v, members %v, want %v, %v", c.what, l, m, c.loans, c.members)
		}
	}
	if got := members.Request(&get).Wait; got != 2*time.Second {
		t.Errorf("after all: got %v, want the new text's 2s", got)
	}
}

func TestRequestMakesAPlanForEachState(t *testing.T) {
	e := openFiles(t, map[string]string{"site/a.rego": "package modgate.site\nrequest := {\"action\": \"missing\", \"detail\": input.target.note}\n"})
	q := delayed(fallback.Request, "loans")
	for _, note := range []string{"a", "b", "a"} {
		q.Target.Note = note
		for range 2 {
			if got := e.Request(&q).Detail; got != note {
				t.Errorf("got %q, want %q", got, note)
			}
		}
	}
}

// TestAnswersKeepNothingOfTheRequest: its text may be the server's buffer.
func TestAnswersKeepNothingOfTheRequest(t *testing.T) {
	e := openFiles(t, map[string]string{"site/a.rego": "package modgate.site\nrequest := {\"action\": \"missing\", \"detail\": input.request.tenant}\n"})
	buffer := []byte("diku")
	q := delayed(fallback.Request, "loans")
	q.HTTP.Tenant = unsafe.String(&buffer[0], len(buffer))
	e.Request(&q)
	copy(buffer, "acme")
	e.Request(&q)
	q.HTTP.Tenant = "diku"
	if got := e.Request(&q).Detail; got != "diku" {
		t.Errorf("got %q, want the tenant of the first request", got)
	}
}

func TestLongValuesAreEvaluatedNotStored(t *testing.T) {
	e := openFiles(t, map[string]string{"site/a.rego": "package modgate.site\nrequest := {\"action\": \"missing\"} if lower(input.request.path) == input.request.path\n"})
	q := delayed(fallback.Request, "loans")
	q.HTTP.Path = strings.Repeat("a", 300)
	for range 2 {
		if got := e.Request(&q); got.Action != fallback.Miss {
			t.Errorf("got %+v", got)
		}
	}
	if got := e.missed.Load(); got != 2 {
		t.Errorf("evaluated %d times, want 2", got)
	}
}

// TestHostileValuesGetTheBase: a client that sends ever new values of a raw
// field has at most the module's budget evaluated.
func TestHostileValuesGetTheBase(t *testing.T) {
	e := openFiles(t, map[string]string{"site/a.rego": "package modgate.site\nrequest := {\"action\": \"missing\"} if lower(input.request.path) != \"\"\n"})
	q := delayed(fallback.Request, "loans")
	p := e.Plan(q.Target)
	began := time.Now()
	const asked = 5000
	by := map[string]int{}
	for i := range asked {
		q.HTTP.Path = fmt.Sprint("/", i)
		by[p.Request(&q).By]++
	}
	most := missesAtOnce + int(time.Since(began).Seconds()*missesPerSecond) + 2
	if by["site"] < missesAtOnce || by["site"] > most || by["site"]+by["base: park"] != asked {
		t.Errorf("got %v, want at most %d of the site's, and else the base's", by, most)
	}
	if got := e.Counts(); got.Evaluated > uint64(by["site"])+2 || got.Spared != uint64(by["base: park"]) {
		t.Errorf("got %+v, want %d evaluated and the base once", got, by["site"])
	}
}

func TestMeterRefills(t *testing.T) {
	var m meter
	taken := func(at time.Duration) (n int) {
		for m.take(at) {
			n++
		}
		return n
	}
	for _, c := range []struct {
		at   time.Duration
		want int
	}{{0, missesAtOnce}, {0, 0}, {100 * time.Millisecond, missesPerSecond / 10}, {time.Hour, missesAtOnce}} {
		if got := taken(c.at); got != c.want {
			t.Errorf("at %v: got %d, want %d", c.at, got, c.want)
		}
	}
}

// TestPolicyThatTakesTooMuchIsAskedSeldom: it has its share of the
// processors' time, and the base answers for it.
func TestPolicyThatTakesTooMuchIsAskedSeldom(t *testing.T) {
	e := openFiles(t, map[string]string{"site/a.rego": `package modgate.site
request := {"action": "missing", "detail": input.request.path} if {
	some i in numbers.range(1, 1000)
	some j in numbers.range(1, 1000)
	i + j == 0
}
`})
	q := delayed(fallback.Request, "loans")
	p := e.Plan(q.Target)
	began := time.Now()
	const asked = 200
	for i := range asked {
		q.HTTP.Path = fmt.Sprint("/", i)
		if d := p.Request(&q); d.By != "base: park" {
			t.Fatalf("got %+v, want the base's", d)
		}
	}
	each := requestTime * meteredShare / time.Duration(runtime.GOMAXPROCS(0))
	most := uint64((missesAtOnce*time.Second/missesPerSecond+time.Since(began))/each) + 1
	if n := e.Faults()["site"][Spent]; n == 0 || n > most {
		t.Errorf("it was asked %d times of %d, want at most %d", n, asked, most)
	}
}

// TestStorm: requests, state changes and reloads at once; every decision is
// one that some text in force at the time gives.
func TestStorm(t *testing.T) {
	dir := t.TempDir()
	text := func(n int) string {
		return fmt.Sprintf("package modgate.site\nrequest := {\"action\": \"delay\", \"wait_s\": %d, \"detail\": sprintf(\"%%s %d\", [input.request.tenant])} if input.request.method == \"GET\"\n", n, n)
	}
	write(t, dir, "site/a.rego", text(1))
	e, err := Open(Options{Dir: dir, Report: func(f Fault) { t.Errorf("fault: %v", f) }})
	if err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	var asked atomic.Int64
	for i := range 4 {
		wg.Go(func() {
			q := delayed(fallback.Request, "loans")
			q.HTTP.Method = "GET"
			for n := 0; !stop.Load(); n++ {
				q.HTTP.Tenant = fmt.Sprint("t", (n+i)%7)
				q.Target.Losses = n / 50 % 3
				d := e.Request(&q)
				switch wait := int(d.Wait / time.Second); {
				case d.By == "base: park": // more misses than the budget allows
				case d.By != "site" || wait < 1 || wait > 20 || d.Detail != fmt.Sprint(q.HTTP.Tenant, " ", wait):
					t.Errorf("got %+v for %s", d, q.HTTP.Tenant)
					return
				}
				asked.Add(1)
			}
		})
	}
	for n := 2; n <= 20; n++ {
		write(t, dir, "site/a.rego", text(n))
		if err := e.Reload(); err != nil {
			t.Error(err)
		}
	}
	stop.Store(true)
	wg.Wait()
	if asked.Load() == 0 {
		t.Error("nothing was asked")
	}
}
