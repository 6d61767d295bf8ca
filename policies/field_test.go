package policies

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

// schema is as much of JSON Schema as the test looks at.
type schema struct {
	Type        string
	Entrypoints []string `json:"x-modgate-entrypoints"`
	Properties  map[string]*schema
}

// members returns what s has at the entrypoint.
func (s *schema) members(e fallback.Entrypoint) (names []string) {
	for name, p := range s.Properties {
		if p.Entrypoints == nil || slices.Contains(p.Entrypoints, string(e)) {
			names = append(names, name)
		}
	}
	return names
}

func inputShape(t *testing.T) *schema {
	t.Helper()
	s := &schema{}
	text, err := schemas.ReadFile("schemas/input.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestEnumerationsAreThoseOfGo: what the schema lists is what the values of
// Go are called.
func TestEnumerationsAreThoseOfGo(t *testing.T) {
	var reasons, states, days []string
	for r := message.NoReason; r <= message.ReasonForced; r++ {
		reasons = append(reasons, r.String())
	}
	for _, a := range []message.Availability{message.Delayed, message.Missing, message.Ready, message.Unknown} {
		states = append(states, a.String())
	}
	for d := time.Sunday; d <= time.Saturday; d++ {
		days = append(days, strings.ToLower(d.String()))
	}
	for f, want := range map[field][]string{
		fieldEntrypoint: entrypointNames(), fieldReason: reasons, fieldState: states, fieldWeekday: days,
		fieldCallerOnDelay: {message.Park.String(), message.Reply.String()},
	} {
		got := slices.Sorted(slices.Values(fields[f].words))
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", f, got, want)
		}
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
		want := shape.members(e)
		if len(got) != len(want) {
			t.Errorf("%s: got %v, want %v", e, in, want)
		}
		for _, name := range want {
			var members map[string]any
			if p := shape.Properties[name]; p.Type == "object" {
				if err := json.Unmarshal(got[name], &members); err != nil {
					t.Errorf("%s %s: %v", e, name, err)
				} else if want := p.members(e); len(members) != len(want) {
					t.Errorf("%s %s: got %v, want %v", e, name, members, want)
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
			Older: "0.9.0", Asked: 7 * time.Second,
		},
		Caller:   fallback.Caller{Module: "search", Version: "1.2.3", OnDelay: message.Reply},
		HTTP:     fallback.HTTP{Method: "PUT", Path: "/loans/7", Route: "/loans/{id}", Host: "h", Tenant: "diku", Size: 9, Repeatable: true},
		Parked:   fallback.Parked{Count: 3, Limit: 10, Oldest: 8 * time.Second},
		Platform: fallback.Platform{Updating: 4},
		Trouble:  fallback.Trouble{Delayed: 5, Missing: 6, Unmet: 9, Since: 10 * time.Second},
	}
	want := map[field]any{
		fieldEntrypoint: "request", fieldModule: "loans", fieldState: "delayed", fieldReason: "lost", fieldVersion: "2.0.0",
		fieldServing: "1.0.0", fieldExpected: 90, fieldNote: "why", fieldLosses: 2, fieldAbsent: 61, fieldTTLLeft: 60,
		fieldWeekday: "wednesday", fieldDate: "2026-11-25", fieldHour: 0, fieldMinute: 5, fieldTime: "00:05",
		fieldCallerKind: "module", fieldCallerModule: "search", fieldCallerVersion: "1.2.3", fieldCallerOnDelay: "reply",
		fieldMethod: "PUT", fieldPath: "/loans/7", fieldRoute: "/loans/{id}", fieldHost: "h", fieldTenant: "diku",
		fieldSize: 9, fieldRepeatable: true, fieldParkedCount: 3, fieldParkedPercent: 30,
		fieldOlder: "0.9.0", fieldAsked: 7, fieldPlatformUpdating: 4, fieldTroubleDelayed: 5, fieldTroubleMissing: 6, fieldTroubleOldest: 8,
		fieldTroubleUnmet: 9, fieldTroubleUnmetFor: 10,
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
