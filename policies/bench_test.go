package policies

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

// hits are policies by how much a hit has to look at.
var hits = map[string]map[string]string{
	"constant":               nil,
	"predicates=8,raw=2":     {"site/a.rego": eight},
	"predicates=64":          {"site/a.rego": sixtyFour(64)},
	"predicates=64,of=paths": {"site/a.rego": prefixes(64)},
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

// BenchmarkStorm is an outage: a module changes its state 100 times a second
// while all cores ask about it.
func BenchmarkStorm(b *testing.B) {
	e := openFiles(b, map[string]string{"site/a.rego": eight})
	var plan atomic.Pointer[Plan]
	set := func(n int) {
		t := hit().Target
		t.Reason, t.Losses = []message.Reason{message.ReasonUpdating, message.ReasonLost, message.ReasonStarting}[n%3], n%4
		plan.Store(e.Plan(t))
	}
	set(0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for n := 1; n > 0; n++ {
			select {
			case <-tick.C:
				set(n)
			case <-done:
				return
			}
		}
	}()
	tenants := [...]string{"diku", "acme", "uni", "t4", "t5", "t6", "t7", "t8"}
	methods := [...]string{"GET", "POST", "PUT", "HEAD"}
	before := e.missed.Load()
	b.RunParallel(func(pb *testing.PB) {
		q := hit()
		for i := 0; pb.Next(); i++ {
			q.HTTP.Tenant, q.HTTP.Method = tenants[i&7], methods[i>>3&3]
			q.Target.Absent = time.Duration(i>>12&63) * time.Second
			plan.Load().Request(&q)
		}
	})
	done <- struct{}{}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mdecisions/s")
	b.ReportMetric(100*float64(e.missed.Load()-before)/float64(b.N), "%missed")
}

// BenchmarkReload is one changed policy among 1,000, files on disk.
func BenchmarkReload(b *testing.B) {
	dir := b.TempDir()
	for i := range 1000 {
		write(b, dir, fmt.Sprintf("modules/m%d/a.rego", i), strings.Replace(eight, "modgate.site", fmt.Sprintf("modgate.modules[\"m%d\"]", i), 1))
	}
	write(b, dir, "data/tiers.json", `{"gold": "gold"}`)
	e, err := Open(Options{Dir: dir})
	if err != nil || e.Diagnostics() != nil {
		b.Fatal(err, e.Diagnostics())
	}
	for n := 0; b.Loop(); n++ {
		write(b, dir, "modules/m7/a.rego", strings.Replace(eight, "modgate.site", "modgate.modules.m7", 1)+strings.Repeat("\n", 1+n%100))
		if err := e.Reload(); err != nil {
			b.Fatal(err)
		}
	}
}
