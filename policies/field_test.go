package policies

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

// schema is as much of JSON Schema as ours use.
type schema struct {
	Type       string
	Enum       []any
	Class      string `json:"x-modgate"`
	Closed     *bool  `json:"additionalProperties"`
	Required   []string
	Properties map[string]*schema
	Desc       string `json:"description"`
}

func inputShape(t *testing.T) *schema {
	t.Helper()
	s := &schema{}
	if err := json.Unmarshal(inputSchema, s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRegistryIsTheSchema: every leaf of schemas/input.json is a field of the
// same type and class, documented, and the other way round.
func TestRegistryIsTheSchema(t *testing.T) {
	kinds := map[string]kind{"string": textual, "integer": numeric, "boolean": boolean}
	classes := map[string]class{"known": known, "volatile": volatile, "asked": asked}
	seen := map[string]bool{}
	var walk func(prefix string, s *schema)
	walk = func(prefix string, s *schema) {
		if s.Desc == "" {
			t.Errorf("%s is not documented", prefix)
		}
		if s.Type == "object" {
			if s.Closed == nil || *s.Closed {
				t.Errorf("%s is open", prefix)
			}
			for name, p := range s.Properties {
				walk(prefix+"."+name, p)
			}
			return
		}
		seen[prefix] = true
		for f := range fieldCount {
			if f.String() == prefix {
				if got, want := fields[f].kind, kinds[s.Type]; got != want {
					t.Errorf("%s: got kind %d, want %d", prefix, got, want)
				}
				if got, want := fields[f].class, classes[s.Class]; got != want || s.Class == "" {
					t.Errorf("%s: got class %d, want %d", prefix, got, want)
				}
				return
			}
		}
		t.Errorf("%s is no field", prefix)
	}
	walk("input", inputShape(t))
	if len(seen) != int(fieldCount) {
		t.Errorf("the schema has %d leaves, want %d", len(seen), fieldCount)
	}
}

// TestInputIsComplete: what units see has the members that the schema requires
// at that entrypoint, whatever the query leaves out.
func TestInputIsComplete(t *testing.T) {
	shape := inputShape(t)
	for _, e := range entrypoints {
		var got map[string]json.RawMessage
		in := input(&fallback.Query{Entrypoint: e}, time.UTC)
		if err := json.Unmarshal([]byte(in.String()), &got); err != nil {
			t.Fatal(err)
		}
		want := shape.Required
		if e == fallback.Request {
			want = append(slices.Clone(want), "caller", "request", "parked")
		}
		if len(got) != len(want) {
			t.Errorf("%s: got %v, want %v", e, in, want)
		}
		for _, name := range want {
			var members map[string]any
			if p := shape.Properties[name]; p.Type == "object" {
				if err := json.Unmarshal(got[name], &members); err != nil {
					t.Errorf("%s %s: %v", e, name, err)
				} else if len(members) != len(p.Properties) {
					t.Errorf("%s %s: got %v, want %d members", e, name, members, len(p.Properties))
				}
			}
		}
	}
}

func TestInputSaysWhatTheQueryDoes(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	q := fallback.Query{
		Entrypoint: fallback.Request,
		Now:        time.Date(2026, 11, 24, 23, 5, 0, 0, time.UTC), // a Tuesday; Wednesday in zone
		Target: fallback.Target{
			Module: "loans", State: message.Delayed, Reason: message.ReasonLost, Version: "2.0.0", Serving: "1.0.0",
			Absent: 61500 * time.Millisecond, TTLLeft: time.Minute, Expected: 90 * time.Second, Note: "why", Losses: 2,
		},
		Caller: fallback.Caller{Module: "search", Version: "1.2.3", OnDelay: message.Reply},
		HTTP:   fallback.HTTP{Method: "PUT", Path: "/loans/7", Route: "/loans/{id}", Host: "h", Tenant: "diku", Size: 9, Repeatable: true},
		Parked: fallback.Parked{Count: 3, Limit: 10},
	}
	want := map[field]any{
		fieldEntrypoint: "request", fieldModule: "loans", fieldState: "delayed", fieldReason: "lost", fieldVersion: "2.0.0",
		fieldServing: "1.0.0", fieldExpected: 90, fieldNote: "why", fieldLosses: 2, fieldAbsent: 61, fieldTTLLeft: 60,
		fieldWeekday: "wednesday", fieldDate: "2026-11-25", fieldHour: 0, fieldMinute: 5,
		fieldCallerKind: "module", fieldCallerModule: "search", fieldCallerVersion: "1.2.3", fieldOnDelay: "reply",
		fieldMethod: "PUT", fieldPath: "/loans/7", fieldRoute: "/loans/{id}", fieldHost: "h", fieldTenant: "diku",
		fieldSize: 9, fieldRepeatable: true, fieldParked: 3, fieldParkedPercent: 30,
	}
	for f := range fieldCount {
		got, err := json.Marshal(json.RawMessage(f.term(&q, zone).String()))
		if err != nil {
			t.Fatal(err)
		}
		if want, _ := json.Marshal(want[f]); string(got) != string(want) {
			t.Errorf("%s: got %s, want %s", f, got, want)
		}
	}
}
