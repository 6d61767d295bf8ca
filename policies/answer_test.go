package policies

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/modgate/modgate/core/fallback"
)

// question is about a module that is away and has an older version.
func question(e fallback.Entrypoint) *fallback.Query {
	q := delayed(e, "loans")
	q.Target.Older = "1.0.0"
	return &q
}

func TestAnswerReadsWhatASchemaAllows(t *testing.T) {
	for _, c := range []struct {
		e    fallback.Entrypoint
		text string
		want fallback.Decision
	}{
		{fallback.Request, `{"action": "delay"}`, fallback.Decision{Action: fallback.Delay}},
		{fallback.Request, `{"action": "delay", "mode": "park", "wait_s": 2.5, "rule": "r"}`, fallback.Decision{Action: fallback.Delay, Wait: 2500 * time.Millisecond, By: "r"}},
		{fallback.Request, `{"action": "delay", "mode": "reply", "detail": "d"}`, fallback.Decision{Action: fallback.Delay, Reply: true, Detail: "d"}},
		{fallback.Request, `{"action": "fallback", "fallback": {"module": "m"}}`, fallback.Decision{Action: fallback.Substitute, Fallback: fallback.Fallback{Module: "m"}}},
		{fallback.Request, `{"action": "fallback", "fallback": {"older": true}}`, fallback.Decision{Action: fallback.Substitute, Fallback: fallback.Fallback{Older: true}}},
		{
			fallback.Request, `{"action": "fallback", "fallback": {"static": {"status": 203, "headers": {"B": "2", "A": "1"}, "body": "x"}}}`,
			fallback.Decision{Action: fallback.Substitute, Fallback: fallback.Fallback{Static: &fallback.Static{Status: 203, Headers: [][2]string{{"A", "1"}, {"B", "2"}}, Body: "x"}}},
		},
		{fallback.Request, `{"action": "fallback", "fallback": {"static": {}}}`, fallback.Decision{Action: fallback.Substitute, Fallback: fallback.Fallback{Static: &fallback.Static{Status: 200}}}},
		{
			fallback.Request, `{"action": "delay", "mode": "reply", "retry_after_s": 3600, "status": 429, "headers": {"X-Limit": "5"}}`,
			fallback.Decision{Action: fallback.Delay, Reply: true, Retry: time.Hour, Status: 429, Headers: [][2]string{{"X-Limit", "5"}}},
		},
		{fallback.Watch, `{"requests": true}`, fallback.Decision{Watch: true}},
		{fallback.Absence, `{"action": "delay", "ttl_s": 604800, "alert": true}`, fallback.Decision{Action: fallback.Delay, TTL: longestTTL, Alert: true}},
		{fallback.Absence, `{"action": "missing"}`, fallback.Decision{Action: fallback.Miss}},
		{fallback.Update, `{"action": "defer", "retry_after_s": 60}`, fallback.Decision{Action: fallback.Defer, TTL: time.Minute}},
		{fallback.Update, `{"action": "deny"}`, fallback.Decision{Action: fallback.Deny}},
		{fallback.Grace, `{"grace_s": 86400}`, fallback.Decision{TTL: longestGrace}},
		{fallback.Grace, `{}`, fallback.Decision{}},
		{fallback.Resume, `{"rate_per_s": 1000000}`, fallback.Decision{Rate: fastest}},
	} {
		got, err := answer(question(c.e), ast.MustParseTerm(c.text).Value)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s %s: got %+v, %v, want %+v", c.e, c.text, got, err, c.want)
		}
	}
}

func TestAnswerRefusesTheRest(t *testing.T) {
	for _, c := range []struct {
		e          fallback.Entrypoint
		text, want string
	}{
		{fallback.Request, `7`, "is a number, want an object"},
		{fallback.Request, `{}`, "action is missing"},
		{fallback.Request, `{1: 2}`, "1: a member's name is text"},
		{fallback.Request, `{"action": 1}`, "action is a number, want text"},
		{fallback.Request, `{"action": "grant"}`, `action is "grant", want one of "delay", "fallback", "missing", "pass"`},
		{fallback.Request, `{"action": "delay", "mode": "wait"}`, `mode is "wait", want "park" or "reply"`},
		{fallback.Request, `{"action": "missing", "wait_s": 1}`, `mode and wait_s belong to the action "delay"`},
		{fallback.Request, `{"action": "delay", "wait_s": 0}`, "wait_s is 0, want seconds above 0"},
		{fallback.Request, `{"action": "delay", "wait_s": "5"}`, "wait_s is a string, want a number of seconds"},
		{fallback.Request, `{"action": "delay", "rule": "` + strings.Repeat("r", 65) + `"}`, "rule has 65 bytes, want at most 64"},
		{fallback.Request, `{"action": "delay", "fallback": {"module": "m"}}`, `belong together`},
		{fallback.Request, `{"action": "fallback", "fallback": {}}`, "fallback is an object with one of"},
		{fallback.Request, `{"action": "fallback", "fallback": {"module": "m", "older": true}}`, "fallback is an object with one of"},
		{fallback.Request, `{"action": "fallback", "fallback": {"module": ""}}`, "fallback module is empty"},
		{fallback.Request, `{"action": "fallback", "fallback": {"older": false}}`, "fallback older is true, or not said"},
		{fallback.Request, `{"action": "fallback", "fallback": {"newer": true}}`, "fallback newer is not known here"},
		{fallback.Request, `{"action": "fallback", "fallback": {"static": {"status": 199}}}`, "fallback static status is 199, want a whole number from 200 to 599"},
		{fallback.Request, `{"action": "fallback", "fallback": {"static": {"headers": {"A b": "c"}}}}`, "A b is not a field name"},
		{fallback.Request, `{"action": "fallback", "fallback": {"static": {"headers": {"A": "b\r\nc: d"}}}}`, "A has a control character"},
		{fallback.Request, `{"action": "fallback", "fallback": {"static": {"headers": {"Modgate-Status": "ready"}}}}`, "Modgate-Status is the gateway's to say"},
		{fallback.Request, `{"action": "delay", "retry_after_s": 5}`, `retry_after_s belongs to the mode "reply"`},
		{fallback.Request, `{"action": "fallback", "fallback": {"older": true}, "status": 503}`, `status and headers belong to the actions "delay" and "missing"`},
		{fallback.Request, `{"action": "missing", "status": 200}`, "status is 200, want a whole number from 400 to 599"},
		{fallback.Request, `{"action": "missing", "headers": {"Retry-After": "1"}}`, "Retry-After is the gateway's to say"},
		{fallback.Request, `{"action": "pass"}`, "pass, of a module that is not ready"},
		{fallback.Watch, `{"requests": 1}`, "requests is a number, want true or false"},
		{fallback.Watch, `true`, "is a boolean, want an object"},
		{fallback.Absence, `{"action": "missing", "ttl_s": 5}`, `ttl_s belongs to the action "delay"`},
		{fallback.Absence, `{"action": "delay", "alert": "yes"}`, "alert is a string, want true or false"},
		{fallback.Update, `{"action": "grant", "retry_after_s": 5}`, `retry_after_s belongs to the action "defer"`},
		{fallback.Resume, `{"rate_per_s": 0}`, "rate_per_s is 0, want a whole number from 1 to 1000000"},
		{fallback.Resume, `{"rate_per_s": 2.5}`, "rate_per_s is 2.5, want a whole number"},
		{fallback.Grace, `{"action": "grant"}`, "action is not known here"},
		{fallback.Grace, `{"grace_s": 86401}`, "grace_s is 86401, want seconds above 0, up to 86400"},
	} {
		_, err := answer(question(c.e), ast.MustParseTerm(c.text).Value)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: got %v, want %q", c.e, c.text, err, c.want)
		}
	}
}

// TestAnswersAreTheSchemas: members, actions and bounds that answer knows are
// those of schemas/.
func TestAnswersAreTheSchemas(t *testing.T) {
	for _, e := range entrypoints {
		if e == fallback.Alert {
			continue // it has a form of its own: TestIncidentsAreTheSchemas
		}
		text, err := os.ReadFile(fmt.Sprintf("schemas/%s.json", e))
		if err != nil {
			t.Fatal(err)
		}
		var s struct {
			Closed     *bool `json:"additionalProperties"`
			Properties map[string]struct {
				Description string
				Enum        []string
				Maximum     float64
				MaxLength   int
			}
		}
		if err := json.Unmarshal(text, &s); err != nil {
			// fallback nests deeper than this shape, which is the other tests' matter
			t.Fatalf("%s: %v", e, err)
		}
		if s.Closed == nil || *s.Closed {
			t.Errorf("%s is open", e)
		}
		if got, want := memberNames[e], sortedNames(s.Properties); !slices.Equal(got, want) {
			t.Errorf("%s: got members %v, want %v", e, got, want)
		}
		words := slices.Sorted(slices.Values(s.Properties["action"].Enum))
		if got := sortedNames(actions[e]); !slices.Equal(got, words) {
			t.Errorf("%s: got actions %v, want %v", e, got, words)
		}
		for name, want := range map[string]float64{"ttl_s": longestTTL.Seconds(), "wait_s": longestTTL.Seconds(), "retry_after_s": longestTTL.Seconds(), "grace_s": longestGrace.Seconds(), "rate_per_s": fastest} {
			if e == fallback.Request && name == "retry_after_s" {
				want = longestRetry.Seconds()
			}
			if p, ok := s.Properties[name]; ok && p.Maximum != want {
				t.Errorf("%s %s: got at most %v, want %v", e, name, p.Maximum, want)
			}
		}
		for name, p := range s.Properties {
			if p.Description == "" {
				t.Errorf("%s %s is not documented", e, name)
			}
		}
		if s.Properties["rule"].MaxLength != longestRule || s.Properties["detail"].MaxLength != longestDetail {
			t.Errorf("%s: rule and detail may be %d and %d long", e, s.Properties["rule"].MaxLength, s.Properties["detail"].MaxLength)
		}
	}
}
