package alert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// notebook is a sink that notes what it is sent, unless it is stuck.
type notebook struct {
	stuck bool
	gate  chan struct{} // of a stuck one: one value lets one report through
	fail  error

	mu      sync.Mutex
	reports []Report
}

func (n *notebook) Send(ctx context.Context, r Report) error {
	if n.stuck {
		select {
		case <-n.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.reports = append(n.reports, r)
	return n.fail
}

// got returns the reports that came since the last call.
func (n *notebook) got() []Report {
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	reports := n.reports
	n.reports = nil
	return reports
}

func (n *notebook) wants(t *testing.T, want ...string) {
	t.Helper()
	got := []string{}
	for _, r := range n.got() {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Occasion, r.Key, r.Summary)))
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("got reports %q, want %q", got, want)
	}
}

// desk runs f with a desk of one sink.
func desk(t *testing.T, n *notebook, f func(t *testing.T, d *Desk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if n.stuck {
			n.gate = make(chan struct{})
		}
		d := Open(Options{Sinks: []Sink{n}})
		defer d.Close()
		f(t, d)
	})
}

func missing(module string) Alert {
	return Alert{Key: "missing/" + module, Severity: Critical, Module: module, Summary: module + " is missing"}
}

func TestIncidentIsReportedOnceAndOnceAtItsEnd(t *testing.T) { // G5, D5
	n := &notebook{}
	desk(t, n, func(t *testing.T, d *Desk) {
		d.Raise(missing("inventory"))
		d.Raise(missing("inventory"))
		d.Raise(missing("users"))
		n.wants(t, "begun missing/inventory inventory is missing", "begun missing/users users is missing")
		time.Sleep(time.Minute)
		d.Raise(missing("inventory"))
		n.wants(t)
		d.Clear("missing/inventory")
		d.Clear("missing/inventory")
		d.Clear("missing/never")
		n.wants(t, "ended missing/inventory inventory is missing")
		d.Raise(missing("inventory"))
		n.wants(t, "begun missing/inventory inventory is missing")
	})
}

func TestReportOfAnEndSaysWhenItBegan(t *testing.T) {
	n := &notebook{}
	desk(t, n, func(t *testing.T, d *Desk) {
		d.Raise(missing("inventory"))
		time.Sleep(time.Minute)
		d.Clear("missing/inventory")
		end := n.got()[1]
		if got := end.Time.Sub(end.Since); got != time.Minute {
			t.Errorf("the incident took %v, want 1m", got)
		}
	})
}

func TestOpenIncidentsAreListedOldestFirst(t *testing.T) {
	desk(t, &notebook{}, func(t *testing.T, d *Desk) {
		since := time.Now()
		for _, m := range []string{"users", "tags", "inventory"} {
			d.Raise(missing(m))
			if m == "users" {
				time.Sleep(time.Second)
			}
		}
		d.Raise(missing("gone"))
		d.Clear("missing/gone")
		got := d.Open()
		if len(got) != 3 || got[0].Module != "users" || got[1].Module != "inventory" || got[2].Module != "tags" {
			t.Fatalf("open: %v, want users, inventory, tags", got)
		}
		if !got[0].Since.Equal(since) {
			t.Errorf("users is missing since %v, want %v", got[0].Since, since)
		}
	})
}

func TestStuckSinkBlocksNobodyAndLossIsReported(t *testing.T) {
	n := &notebook{stuck: true}
	desk(t, n, func(t *testing.T, d *Desk) {
		d.Raise(missing("first"))
		synctest.Wait() // the sink is stuck with it
		start := time.Now()
		for i := range maxQueue + 3 {
			d.Raise(missing(fmt.Sprint(i)))
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("Raise waited %v for the sink", waited)
		}
		if got := d.Lost(); got != 3 {
			t.Errorf("lost = %d, want 3", got)
		}
		if got := len(d.Open()); got != maxQueue+4 {
			t.Errorf("%d incidents are open, want %d: those whose report was lost count", got, maxQueue+4)
		}
		n.gate <- struct{}{}
		n.gate <- struct{}{}
		n.wants(t, "begun missing/first first is missing", "said  3 alerts were lost: there were too many at once")
	})
}

func TestIncidentWhoseReportWasLostIsReportedWhenItIsRaisedAgain(t *testing.T) {
	n := &notebook{stuck: true}
	desk(t, n, func(t *testing.T, d *Desk) {
		d.Raise(missing("first"))
		synctest.Wait()
		for i := range maxQueue {
			d.Raise(missing(fmt.Sprint(i)))
		}
		d.Raise(missing("late"))
		d.Raise(missing("later"))
		close(n.gate)
		n.got()
		d.Raise(missing("late"))
		d.Clear("missing/later") // nobody heard that it began
		d.Clear("missing/late")
		n.wants(t, "begun missing/late late is missing", "ended missing/late late is missing")
	})
}

func TestOpenIncidentsAreBounded(t *testing.T) {
	desk(t, &notebook{}, func(t *testing.T, d *Desk) {
		for i := range maxOpen + 2 {
			d.Raise(missing(fmt.Sprint(i)))
			synctest.Wait()
		}
		if got := len(d.Open()); got != maxOpen {
			t.Errorf("%d incidents are open, want %d at most", got, maxOpen)
		}
		if got := d.Lost(); got != 2 {
			t.Errorf("lost = %d, want 2", got)
		}
	})
}

func TestTextsAreBounded(t *testing.T) {
	n := &notebook{}
	desk(t, n, func(t *testing.T, d *Desk) {
		d.Say("a", Alert{Summary: "s" + strings.Repeat("é", 1000), Detail: strings.Repeat("d", 10_000)})
		r := n.got()[0]
		if want := "s" + strings.Repeat("é", 127); r.Summary != want {
			t.Errorf("summary of %d bytes, want %d, cut between two characters", len(r.Summary), len(want))
		}
		if len(r.Detail) != maxDetail {
			t.Errorf("detail of %d bytes, want %d", len(r.Detail), maxDetail)
		}
	})
}

func TestModulesMessageHasNoEnd(t *testing.T) { // G5
	n := &notebook{}
	desk(t, n, func(t *testing.T, d *Desk) {
		a := Alert{Key: "mine", Module: "loans", Summary: "the printer is out of paper"}
		d.Say("loans-a", a)
		d.Say("loans-a", a)
		if got := d.Open(); len(got) != 0 {
			t.Errorf("open: %v, want no incident", got)
		}
		if reports := n.got(); len(reports) != 2 || reports[1].Occasion != Said || reports[1].From != "loans-a" || reports[1].Key != "" {
			t.Errorf("got %v, want the message twice, from loans-a", reports)
		}
	})
}

func TestInstanceThatSaysTooMuchHasToWait(t *testing.T) {
	n := &notebook{}
	desk(t, n, func(t *testing.T, d *Desk) {
		said := func(instance string) (times int, wait time.Duration) {
			for times = 0; times < 1000; times++ {
				if wait = d.Say(instance, Alert{Summary: "again"}); wait != 0 {
					break
				}
			}
			return times, wait
		}
		if times, wait := said("a"); times != rateBurst || wait != ratePause {
			t.Errorf("said %d times, then wait %v; want %d, %v", times, wait, rateBurst, ratePause)
		}
		if times, _ := said("b"); times != rateBurst {
			t.Errorf("another instance said %d, want %d of its own", times, rateBurst)
		}
		if got := len(n.got()); got != 2*rateBurst {
			t.Errorf("%d reports, want %d", got, 2*rateBurst)
		}
		time.Sleep(ratePause - time.Second)
		if times, wait := said("a"); times != 0 || wait != time.Second {
			t.Errorf("too early: said %d times, then wait %v; want 0, 1s", times, wait)
		}
		time.Sleep(time.Second)
		if times, _ := said("a"); times != 1 {
			t.Errorf("after the pause said %d times, want 1", times)
		}
		time.Sleep(time.Hour)
		said("c")
		if got := len(d.rates); got != 1 {
			t.Errorf("%d instances are remembered, want only the one that spoke lately", got)
		}
	})
}

func TestSinkThatFailsIsLoggedAndKeepsNothingFromTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		bad, good := &notebook{fail: errors.New("relay refused")}, &notebook{}
		d := Open(Options{Sinks: []Sink{bad, good}, Log: slog.New(slog.NewTextHandler(&text, nil))})
		d.Raise(missing("inventory"))
		good.wants(t, "begun missing/inventory inventory is missing")
		d.Close()
		if got := text.String(); !strings.Contains(got, "inventory is missing") || !strings.Contains(got, "relay refused") {
			t.Errorf("logged %q, want the summary and the cause", got)
		}
	})
}

func TestStuckSinkIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck, good := &notebook{stuck: true, gate: make(chan struct{})}, &notebook{}
		d := Open(Options{Sinks: []Sink{stuck, good}})
		defer d.Close()
		d.Raise(missing("inventory"))
		good.wants(t)
		time.Sleep(sendLimit)
		good.wants(t, "begun missing/inventory inventory is missing")
	})
}

func TestClosePassesOnWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &notebook{}
		d := Open(Options{Sinks: []Sink{n}})
		d.Raise(missing("inventory"))
		d.Clear("missing/inventory")
		d.Close()
		n.wants(t, "begun missing/inventory inventory is missing", "ended missing/inventory inventory is missing")
		d.Raise(missing("late"))
		d.Clear("missing/late")
		d.Say("a", Alert{Summary: "late"})
		d.Close()
		n.wants(t)
	})
}

func TestCloseWaitsNoLongerThanItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := Open(Options{Sinks: []Sink{&notebook{stuck: true, gate: make(chan struct{})}}})
		for i := range maxQueue {
			d.Raise(missing(fmt.Sprint(i)))
		}
		start := time.Now()
		d.Close()
		if took := time.Since(start); took != closeLimit {
			t.Errorf("Close took %v, want %v", took, closeLimit)
		}
	})
}

func TestLogSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		d := Open(Options{Sinks: []Sink{Log(slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			},
		})))}})
		d.Raise(missing("inventory"))
		d.Raise(Alert{Key: "cycle/a/b", Severity: Warning, Summary: "a and b wait for each other"})
		time.Sleep(90 * time.Second)
		d.Clear("missing/inventory")
		d.Say("loans-a", Alert{Module: "loans", Summary: "out of paper", Detail: "tray 2"})
		d.Close()
		want := `level=ERROR msg="alert: inventory is missing" severity=critical key=missing/inventory module=inventory
level=WARN msg="alert: a and b wait for each other" severity=warning key=cycle/a/b
level=INFO msg="alert is over: inventory is missing" severity=critical key=missing/inventory module=inventory after=1m30s
level=INFO msg="alert: out of paper" severity=info module=loans from=loans-a detail="tray 2"
`
		if got := text.String(); got != want {
			t.Errorf("got log\n%swant\n%s", got, want)
		}
	})
}

func TestSeverityReadsWhatItWrites(t *testing.T) {
	for s := Info; s <= Critical; s++ {
		text, err := s.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var got Severity
		if err := got.UnmarshalText(text); err != nil || got != s {
			t.Errorf("%s read as %v, %v", text, got, err)
		}
	}
	var s Severity
	if err := s.UnmarshalText([]byte("fatal")); err == nil {
		t.Error(`"fatal" was read, want an error`)
	}
}
