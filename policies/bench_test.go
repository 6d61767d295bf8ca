package policies

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/fallback"
)

// hits are policies by how much a hit has to look at.
var hits = map[string]map[string]string{
	"constant":               nil,
	"predicates=8,raw=2":     {"site/a.rego": eight},
	"predicates=64":          {"site/a.rego": sixtyFour(64)},
	"predicates=64,of=paths": {"site/a.rego": prefixes(64)},
	"dates": {"site/a.rego": `package modgate.site
request := {"action": "missing", "detail": input.now.date} if {
	not input.now.date in {"2026-12-24", "2026-12-31"}
	input.now.date > "2026-01-01"
	input.now.weekday != "sunday"
	input.now.hour >= 8
}
`},
}

const eight = `package modgate.site
request := {"action": "missing", "rule": input.request.tenant} if {
	input.request.method in {"POST", "PUT", "PATCH", "DELETE"}
	not input.request.repeatable
	not startswith(input.request.path, "/health")
	input.caller.kind == "client"
	input.request.size < 65536
	input.target.absent_s >= 3
	input.parked.count < 1000
	input.target.ttl_left_s > 5
	data.tiers[input.request.host] != "gold"
}
`

// sixtyFour returns a policy of n predicates of all kinds.
func sixtyFour(n int) string {
	var b strings.Builder
	b.WriteString("package modgate.site\n")
	for i := range n {
		c := [...]string{
			fmt.Sprintf("input.request.tenant == \"tenant-%02d\"", i), fmt.Sprintf("input.request.route in {\"/r%d\", \"/s%d\"}", i, i),
			fmt.Sprintf("startswith(input.request.path, \"/g%d/\")", i), fmt.Sprintf("input.target.absent_s < %d", i*10),
		}[i%4]
		fmt.Fprintf(&b, "hit contains %d if %s\n", i, c)
	}
	b.WriteString("request := {\"action\": \"missing\"} if count(hit) > 40\n")
	return b.String()
}

func prefixes(n int) string {
	var b strings.Builder
	b.WriteString("package modgate.site\n")
	for i := range n {
		fmt.Fprintf(&b, "hit contains %d if startswith(input.request.path, \"/group%d/\")\n", i, i)
	}
	b.WriteString("request := {\"action\": \"missing\"} if count(hit) > 0\n")
	return b.String()
}

func hit() fallback.Query {
	q := delayed(fallback.Request, "loans")
	q.Now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	q.HTTP = fallback.HTTP{Method: "POST", Path: "/loans/4711/renew", Route: "/loans/{id}/renew", Host: "library.example", Tenant: "diku", Size: 512}
	return q
}

// BenchmarkHit is what a request to an absent module costs.
func BenchmarkHit(b *testing.B) {
	for _, name := range []string{"constant", "predicates=8,raw=2", "predicates=64", "predicates=64,of=paths"} {
		e := openFiles(b, hits[name])
		q := hit()
		p := e.Plan(q.Target)
		p.Request(&q)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Request(&q)
			}
		})
		b.Run(name+"/by=engine", func(b *testing.B) {
			b.ReportAllocs()
			e.Request(&q)
			for b.Loop() {
				e.Request(&q)
			}
		})
	}
}

// BenchmarkDirect is what the same would cost without the cache: a miss.
func BenchmarkDirect(b *testing.B) {
	for _, name := range []string{"constant", "predicates=8,raw=2", "predicates=64"} {
		e := openFiles(b, hits[name])
		q := hit()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e.Decide(q)
			}
		})
	}
}

// BenchmarkPlan is what the first request of a state pays beside.
func BenchmarkPlan(b *testing.B) {
	for _, name := range []string{"constant", "predicates=8,raw=2", "predicates=64"} {
		e := openFiles(b, hits[name])
		q := hit()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e.Plan(q.Target).prepare()
			}
		})
	}
}
