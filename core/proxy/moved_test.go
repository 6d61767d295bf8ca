package proxy

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// moves gives all routes of one module to another, as the control plane does
// (V10): the table first, then a state of the old owner in another edition.
func (g *gate) moves(from, to *route.Module) {
	g.t.Helper()
	g.publish(func(gen *route.Generation) {
		var its []route.Entry
		for m, e := range gen.Table.All() {
			if m == from {
				its = append(its, e)
			}
		}
		table, err := gen.Table.With(from, nil)
		if err == nil {
			table, err = table.With(to, its)
		}
		if err != nil {
			g.t.Fatal(err)
		}
		gen.Table = table
	})
	st := *from.State()
	st.Edition++
	from.SetState(&st)
	g.room.Recall(from.Name, st.Edition)
}

// Who waits for the old owner of a route goes to the newcomer that takes it
// over, whatever becomes of the other. (V10, A5)
func TestParkedRequestFollowsItsRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := memoryUpstream(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
		g := bubble(t, func(o *Options) { o.Dial = up.dial })
		old, next := g.module("m"), g.module("next", route.Entry{Path: "/next"})
		g.away(old, message.ReasonLost, time.Minute)
		first, second := g.send(get), g.send(get)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		g.ready(next, instance("n", "next", "1.0.0", "http://n"))
		g.moves(old, next)
		for _, done := range []<-chan timedAnswer{first, second} {
			r := <-done
			r.want(t, 200, 5*time.Second)
			if word, params := statusOf(t, r.Response); word != "resume" || params["module"] != "next" || params["waited"] != int64(5000) {
				t.Errorf("Modgate-Status = %s %v", word, params)
			}
		}
	})
}

// A request that has matched its route before the move, and finds the old owner
// gone, is the newcomer's; which may not take it without a token. (V10, I1)
func TestRequestOfAnOldTableFollowsItsRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := memoryUpstream(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
		g := bubble(t, func(o *Options) { o.Dial = up.dial })
		old, next := g.module("m"), g.module("next", route.Entry{Path: "/next"})
		g.away(old, message.ReasonLost, time.Minute)
		n := instance("n", "next", "1.0.0", "http://n")
		for _, identified := range []bool{false, true} {
			done := g.send(get)
			synctest.Wait()
			g.set(next, route.State{Availability: message.Ready, Serving: version(n), Identified: identified})
			g.moves(old, next)
			want := http.StatusOK
			if identified {
				want = http.StatusUnauthorized
			}
			if r := <-done; r.err != nil || r.StatusCode != want {
				t.Errorf("identified callers only: %v; answer %+v, want %d", identified, r, want)
			}
			g.moves(next, old)
		}

		x := newExchange(g.proxy)
		x.gen = g.live.Load()
		x.head.method, x.head.path = []byte("GET"), []byte("/m")
		if !x.match() || x.module != old || x.elsewhere() {
			t.Fatalf("it is for %+v", x.module)
		}
		g.moves(old, next)
		if !x.elsewhere() || x.module != next || x.target.Module != next || x.elsewhere() {
			t.Errorf("it is for %+v, want next", x.module)
		}
		g.publish(func(gen *route.Generation) { gen.Table = new(route.Table) })
		if x.elsewhere() || x.module != next {
			t.Errorf("without any route it is for %+v, want who had it", x.module)
		}
	})
}
