package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/modgate/modgate/core/route"
)

// A module that is refused, or a path that leads elsewhere, would make the
// measurement one of something else.
func TestPlatformIsWhatTheTableTakes(t *testing.T) {
	table, modules := &route.Table{}, make([]*route.Module, moduleCount)
	for i := range moduleCount {
		r := registration(i, "127.0.0.1:1")
		if faults := r.Check(); faults != nil {
			t.Fatalf("%s: %v", r.Module, faults)
		}
		entries := make([]route.Entry, 0, len(r.Routes))
		for _, at := range r.Routes {
			entries = append(entries, route.Entry{Path: at.Path, Methods: at.Methods, Interface: at.Interface})
		}
		var err error
		modules[i] = route.NewModule(r.Module)
		if table, err = table.With(modules[i], entries); err != nil {
			t.Fatal(err)
		}
	}
	if table.Len() != routeCount {
		t.Errorf("%d routes, want %d", table.Len(), routeCount)
	}
	reached := map[*route.Module]bool{}
	for _, w := range workloads("") {
		for _, p := range w.paths {
			path, _, _ := strings.Cut(p, "?")
			at, ok := table.Match([]byte(w.method), []byte(path))
			if !ok {
				t.Fatalf("%s: no route for %s %s", w.name, w.method, p)
			}
			reached[at.Module] = true
		}
	}
	if len(reached) != moduleCount {
		t.Errorf("%d modules are asked, want all %d", len(reached), moduleCount)
	}
}

func TestCallerRequiresWhatItAsks(t *testing.T) {
	for _, q := range registration(caller, "127.0.0.1:1").Requires {
		if q.ID == interfaceName(target) {
			return
		}
	}
	t.Errorf("module %d requires nothing of module %d", caller, target)
}

func TestRatioIsTakenWithinARound(t *testing.T) {
	r := newResult(options{rounds: 3})
	for _, w := range workloads("") {
		for round, cpu := range []int64{100, 1000, 300} { // the machine was slow in the second
			for _, p := range []struct {
				name   string
				factor int64
			}{{"modgate", 11}, {"naive", 10}} {
				r.Legs = append(r.Legs, leg{
					Workload: w.name, Round: round + 1, Proxy: p.name, CPU: cpu * p.factor * 1000,
					tally: tally{Requests: 100, Micros: 50_000, P99: 1500},
				})
			}
		}
	}
	r.summarise()
	for _, s := range r.Summaries {
		if s.Ratio != (spread{1.1, 1.1, 1.1}) {
			t.Errorf("%s: ratio %+v, want 1.1 in each round", s.Workload, s.Ratio)
		}
		if want := (figure{CPU: 30, Rate: 2000, P99: 1.5}); s.Naive != want {
			t.Errorf("%s: naive %+v, want %+v", s.Workload, s.Naive, want)
		}
	}
	var out bytes.Buffer
	r.print(&out)
	if want := "33.0 / 30.0  2000 / 2000  1.50 / 1.50"; !strings.Contains(out.String(), want) {
		t.Errorf("got %s\nwant a line with %s", &out, want)
	}
}

func TestMedianOfAnEvenNumberIsBetweenTheMiddleTwo(t *testing.T) {
	for want, values := range map[float64][]float64{2: {3, 1, 2}, 2.5: {4, 1, 3, 2}, 7: {7}} {
		if got := median(values); got != want {
			t.Errorf("%v: got %v, want %v", values, got, want)
		}
	}
}
