package policies

import (
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

func TestExplainSaysWhoDecidedAndWhatWouldChangeIt(t *testing.T) {
	e := openWith(t, map[string]string{
		"locked/a.rego":        "package modgate.locked\nrequest := {\"action\": \"mising\"} if input.request.method == \"POST\"\n",
		"modules/loans/a.rego": "package modgate.modules.loans\nrequest := {\"action\": \"missing\"} if input.request.size > 1000\n",
		"site/a.rego": `package modgate.site

request := {"action": "delay", "mode": "reply", "rule": "busy"} if {
	input.parked.percent >= 80
	input.request.method == "POST"
}
`,
	}, func(f Fault) { t.Errorf("reported: %v", f) })
	q := delayed(fallback.Request, "loans")
	q.HTTP = fallback.HTTP{Method: "POST", Size: 10}
	q.Parked = fallback.Parked{Count: 80, Limit: 100}
	const want = `delay by reply, says site: busy (site/a.rego:3)
passed over: locked is at fault: invalid decision: action is "mising", want one of "delay", "fallback", "missing", "pass"
passed over: modules/loans says nothing
with input.target.state = "missing": missing, says base: missing
with input.request.method = "other": delay by parking up to 50s, says base: park
with input.request.size = 1001: missing, says modules/loans
with input.parked.percent = 79: delay by parking up to 50s, says base: park
`
	if got := e.Explain(q).String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if got := e.Faults(); len(got) != 0 {
		t.Errorf("counted %v, want nothing", got)
	}
}

func TestExplainOfATransition(t *testing.T) {
	e := open(t, nil)
	q := delayed(fallback.Absence, "loans")
	q.Target.Expected = 90 * time.Second
	got := e.Explain(q).String()
	for _, want := range []string{
		"delay 3m0s, says base: expected (base/base.rego:",
		"with input.target.expected_s = 61: delay 2m2s, says base: expected",
		`with input.target.reason = "lost": delay with an alert, says base: involuntary`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got:\n%s\nwant %q", got, want)
		}
	}
}

// TestSummarySaysWhatAnAnswerDoes: two answers that do different things read
// differently.
func TestSummarySaysWhatAnAnswerDoes(t *testing.T) {
	for want, d := range map[string]fallback.Decision{
		"default":                        {},
		"grant":                          {Action: fallback.Grant},
		"defer 10s":                      {Action: fallback.Defer, TTL: 10 * time.Second},
		"fallback to search":             {Action: fallback.Substitute, Fallback: fallback.Fallback{Module: "search"}},
		"fallback to an older version":   {Action: fallback.Substitute, Fallback: fallback.Fallback{Older: true}},
		"fallback by a fixed answer 204": {Action: fallback.Substitute, Fallback: fallback.Fallback{Static: &fallback.Static{Status: 204}}},
	} {
		if got := summary(&d); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestSetGivesWhatHasTells: every value that samples are made of can be given,
// and is read back.
func TestSetGivesWhatHasTells(t *testing.T) {
	for f := range fieldCount {
		if f == fieldEntrypoint {
			continue
		}
		given := 0
		for _, v := range f.values() {
			q := example(fallback.Request)
			q.Target.Reason = message.ReasonLost
			if f.set(&q, v); f.has(&q, v) {
				given++
			}
		}
		if given == 0 && f != fieldDate {
			t.Errorf("%s: none of %v can be given", f, f.values())
		}
	}
	q := example(fallback.Request)
	if fieldDate.set(&q, value{text: "2027-01-02"}); !fieldDate.has(&q, value{text: "2027-01-02"}) || !fieldWeekday.has(&q, value{text: "saturday"}) {
		t.Errorf("got %v", q.Now)
	}
}
