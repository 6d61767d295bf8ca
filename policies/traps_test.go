package policies

import (
	"reflect"
	"testing"
	"time"

	"github.com/modgate/modgate/core/fallback"
)

// traps are policies in which one thing decides that is easily overlooked.
// What the grammar writes hides most such slips behind each other.
var traps = map[string]string{
	"a name in a head": `
h := v if v := input.request.tenant
request := {"action": "missing"} if h == "PUT"`,
	"a member of a set": `
s contains v if v := input.request.tenant
request := {"action": "missing"} if "GET" in s`,
	"a key of an object": `
m[v] := 1 if v := input.request.tenant
request := {"action": "missing"} if m.GET`,
	"rules below what is referred to": `
m.a := 1 if input.request.method == "GET"
m.b := 1 if input.request.repeatable
request := {"action": "missing"} if count(m) == 1`,
	"a constant that depends": `
h := "GET" if input.request.tenant == "x"
request := {"action": "missing"} if input.request.method == h`,
	"a set that is empty in this state": `
s contains "a" if input.target.note == "never"
request := {"action": "missing"} if {
	count(s) == 0
	input.request.method == "GET"
}`,
	"a default in this state": `
default h := "a"
h := "b" if input.target.note == "never"
request := {"action": "missing"} if {
	h == "a"
	input.request.method == "GET"
}`,
	"an else in this state": `
h := "a" if input.target.note == "never"
else := "b" if input.request.repeatable
request := {"action": "missing"} if h == "b"`,
	"with makes true what is false": `
b if {
	input.target.note == "never"
	input.request.method == "GET"
}
request := {"action": "missing"} if {
	not b
	b with input.target.note as "never"
}`,
	"what with puts in": `
b if input.request.method == "GET"
request := {"action": "missing"} if b with input.request.method as input.request.tenant`,
	"with under with": `
b if input.request.method == "GET"
c if b with input.request.method as input.request.route
request := {"action": "missing"} if c with input.request.route as input.request.tenant`,
	"a function of two fields": `
f(x) if x == "GET"
request := {"action": "missing"} if {
	f(input.request.method)
	f(input.request.tenant)
}`,
	"a function's pattern": `
f("GET") := "a"
f("PUT") := "b"
request := {"action": "missing"} if f(input.request.tenant) == "b"`,
	"a function's two equal arguments": `
f(x, y) if x == y
request := {"action": "missing"} if f(input.request.method, input.request.tenant)`,
	"a function's argument that is a list": `
f([x, y]) if x == y
request := {"action": "missing"} if f([input.request.method, input.request.tenant])`,
	"a function that refers to input": `
f(x) if {
	x == "GET"
	input.request.repeatable
}
request := {"action": "missing"} if f(input.request.method)`,
	"unequal in this state": `
request := {"action": "missing"} if {
	input.target.note != "never"
	input.request.method == "GET"
}`,
	"not unequal in this state": `
request := {"action": "missing"} if {
	not input.target.note == "never"
	not input.target.losses > 3
	input.request.method == "GET"
}`,
	"at least in this state": `
request := {"action": "missing"} if {
	input.target.losses >= 0
	input.request.method == "GET"
}`,
	"compared from the right": `
request := {"action": "missing"} if {
	30 < input.request.size
	60 >= input.request.size
}`,
	"the edge of a number": `
request := {"action": "missing"} if input.request.size <= 30`,
	"the edge of a text": `
request := {"action": "missing"} if input.request.tenant <= "GET"`,
	"a number among numbers": `
request := {"action": "missing"} if {
	input.request.size in {31, 60, 60.5}
	not input.target.losses in [3, 4]
}`,
	"a name that has its value from outside": `
request := {"action": "missing"} if {
	some v in {"GET", "y"}
	count([1 | v = input.request.tenant]) == 1
}`,
	"a name that is given twice": `
request := {"action": "missing"} if {
	v = input.request.method
	v = input.request.tenant
}`,
	"a name in every": `
request := {"action": "missing"} if {
	every v in {"GET", "x"} {
		v != input.request.tenant
	}
}`,
	"a flag": `
request := {"action": "missing"} if input.request.repeatable`,
	"a flag that is false": `
request := {"action": "missing"} if not input.request.repeatable`,
	"a group with a name": `
request := {"action": "missing"} if {
	r := input.request
	r.method == "GET"
	r.tenant != "x"
}`,
	"a group as a whole": `
request := {"action": "missing"} if "x" in input.request`,
	"all of input": `
request := {"action": "missing"} if {
	some group
	input[group].tenant == "x"
}`,
	"a place in data": `
request := {"action": "missing"} if data.tiers[input.request.tenant] == "PUT"`,
	"two values side by side": `
request := {"action": "missing", "detail": concat("|", [input.request.host, input.request.path])}`,
	"an answer of the next unit": `
request := {"action": {"x": "mising", "GET": "missing"}[input.request.tenant]}`,
	"a conflict": `
request := {"action": "missing"} if input.request.tenant == "x"
request := {"action": "delay"} if input.request.method == "GET"`,
	"text with a field in it": `
request := {"action": "missing"} if $"<{input.request.tenant}>" == "<x>"`,
	"the truth as a value": `
request := {"action": "missing"} if {
	b := input.request.tenant == "x"
	c := input.request.method == "GET"
	b == c
}`,
}

// TestPlansAvoidTraps compares plans with direct evaluation over all values
// that the traps tell apart.
func TestPlansAvoidTraps(t *testing.T) {
	for name, text := range traps {
		t.Run(name, func(t *testing.T) {
			e := openFiles(t, map[string]string{"site/a.rego": "package modgate.site\n" + text + "\n"})
			if e.Diagnostics() != nil {
				t.Fatal(e.Diagnostics())
			}
			oracle := *e.current.Load()
			oracle.unindexed = true
			target := delayed(fallback.Request, "loans").Target
			plan := e.Plan(target)
			answers := map[fallback.Action]bool{}
			seq, whole := queries(delayed(fallback.Request, "loans"), trapped)
			if !whole {
				t.Fatal("too many queries")
			}
			for q := range seq {
				want, _ := oracle.ask(oracle.asked("loans"), q, input(q, time.UTC), func(Fault) {})
				got := plan.Request(q)
				got.Tally = nil
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("%s:\n got %+v\nwant %+v", witness(q, trapped), got, want)
				}
				answers[want.Action] = true
				plan.meter.due.Store(0)
			}
			if len(answers) < 2 && name != "two values side by side" {
				t.Error("all answers are the same: there is no trap")
			}
		})
	}
}

// trapped are the values.
var trapped = []sample{
	{fieldMethod, []value{{text: "GET"}, {text: "PUT"}}},
	{fieldTenant, []value{{text: "GET"}, {text: "PUT"}, {text: "x"}}},
	{fieldRoute, []value{{text: "GET"}, {text: "x"}}},
	{fieldHost, []value{{text: "a"}, {text: "aa"}}},
	{fieldPath, []value{{text: "a"}, {text: "aa"}}},
	{fieldSize, []value{{number: 30}, {number: 31}, {number: 60}, {number: 61}}},
	{fieldRepeatable, []value{{}, {flag: true}}},
}
