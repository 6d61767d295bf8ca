//go:build !race

package proxy

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
	"github.com/modgate/modgate/policies"
)

// tiers is a policy with eight predicates and a raw field, as sites have.
const tiers = `package modgate.site

watch := {"requests": true}

request := {"action": "delay", "mode": "reply", "rule": "pressure"} if {
	input.target.state == "delayed"
	input.request.method in {"POST", "PUT", "PATCH", "DELETE"}
	not input.request.repeatable
	not startswith(input.request.path, "/health")
	input.caller.kind == "client"
	input.request.size < 65536
	input.target.absent_s < 600
	input.parked.count < 1000
	input.target.ttl_left_s > 5
	data.tiers[input.request.tenant] != "gold"
}
`

// engine returns the policies that tests here decide by.
func engine(tb testing.TB) *policies.Engine {
	tb.Helper()
	dir := tb.TempDir()
	for p, text := range map[string]string{"site/tiers.rego": tiers, "data/tiers.json": `{"diku": "bronze"}`} {
		name := filepath.Join(dir, p)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			tb.Fatal(err)
		}
	}
	e, err := policies.Open(policies.Options{Dir: dir, Report: func(f policies.Fault) { tb.Error(f) }})
	if err != nil || e.Diagnostics() != nil {
		tb.Fatal(err, e.Diagnostics())
	}
	return e
}

// asking returns an exchange in whose module's state the policy is asked.
func asking(tb testing.TB) (*exchange, *route.State) {
	tb.Helper()
	g := prepare(tb, func(o *Options) { o.Tenant = "X-Okapi-Tenant" })
	m := g.module("m", route.Entry{Path: "/m/{id}"})
	st := g.set(m, route.State{
		Availability: message.Delayed, Reason: message.ReasonUpdating, Since: time.Now(), Until: time.Now().Add(time.Hour),
		Plan: engine(tb).Plan(fallback.Target{Module: "m", State: message.Delayed, Reason: message.ReasonUpdating}),
	})
	x := newExchange(g.proxy)
	head := "POST /m/4711?limit=10 HTTP/1.1\r\nHost: gw.test\r\nUser-Agent: wrk\r\nAccept: */*\r\nContent-Length: 512\r\nX-Okapi-Tenant: diku\r\n\r\n"
	if err := x.head.parse([]byte(head)); err != nil {
		tb.Fatal(err)
	}
	var ok bool
	x.gen = g.live.Load()
	if x.target, ok = x.gen.Table.Match(x.head.method, x.head.path); !ok {
		tb.Fatal("no target")
	}
	x.module = x.target.Module
	if x.decide(st); x.decision.By != "site: pressure" {
		tb.Fatalf("decided %+v", x.decision)
	}
	return x, st
}

func TestDecidingAllocatesNothing(t *testing.T) {
	x, st := asking(t)
	if n := testing.AllocsPerRun(1000, func() { x.decide(st) }); n > 0 {
		t.Errorf("%v allocations for each decision, want none", n)
	}
}

// BenchmarkDecide is what a decision costs within the proxy: eight predicates
// and a raw field, from the request's head to the counted answer.
func BenchmarkDecide(b *testing.B) {
	x, st := asking(b)
	b.ReportAllocs()
	for b.Loop() {
		x.decide(st)
	}
}

// TestWatchedRequestAllocatesNothing: what is counted is the whole process, as
// for a ready one. (A2)
func TestWatchedRequestAllocatesNothing(t *testing.T) {
	l := newLoop(t, "X-Okapi-Tenant: diku\r\n", watched(t))
	if n := testing.AllocsPerRun(2000, func() { l.turn(t) }); n > 0 {
		t.Errorf("%v allocations for each request, want none", n)
	}
}

// BenchmarkWatchedRequest is to be compared with BenchmarkReadyRequest.
func BenchmarkWatchedRequest(b *testing.B) {
	l := newLoop(b, "X-Okapi-Tenant: diku\r\n", watched(b))
	b.ReportAllocs()
	for b.Loop() {
		l.turn(b)
	}
}

// watched has a policy asked about requests to a ready module.
func watched(tb testing.TB) func(*route.State) {
	e := engine(tb)
	return func(st *route.State) {
		st.Watched, st.Plan = true, e.Plan(fallback.Target{Module: "m", State: message.Ready})
	}
}
