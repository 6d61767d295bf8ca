package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

// aim is what the ratio is to stay below.
const aim = 1.10

// result is what was measured, and under which conditions.
type result struct {
	Time        time.Time  `json:"time"`
	Go          string     `json:"go"`
	Platform    string     `json:"platform"`
	Processors  int        `json:"processors"`
	Modules     int        `json:"modules"`
	Routes      int        `json:"routes"`
	Connections int        `json:"connections"`
	Rounds      int        `json:"rounds"`
	Leg         string     `json:"leg"`
	Summaries   []summary  `json:"summaries"`
	Memory      []resident `json:"memory"`
	Legs        []leg      `json:"legs"`
}

// resident is the memory of a proxy after the last round, in bytes.
type resident struct {
	Proxy string `json:"proxy"`
	Now   int64  `json:"resident"`
	Peak  int64  `json:"peak"`
}

// summary is one workload over all rounds; figures of a proxy are medians.
type summary struct {
	Workload string `json:"workload"`
	Modgate  figure `json:"modgate"`
	Naive    figure `json:"naive"`
	Ratio    spread `json:"ratio"` // of CPU per request, modgate to naive, by round
}

type figure struct {
	CPU  float64 `json:"cpu_us"` // per request
	Rate float64 `json:"requests_per_second"`
	P99  float64 `json:"p99_ms"`
}

type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func newResult(o options) *result {
	return &result{
		Time: time.Now().UTC().Truncate(time.Second), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Processors: runtime.NumCPU(), Modules: moduleCount, Routes: routeCount,
		Connections: o.connections, Rounds: o.rounds, Leg: o.leg.String(),
	}
}

// summarise makes the summaries of the legs.
func (r *result) summarise() {
	r.Summaries = nil
	for _, w := range workloads("") {
		m, n := r.of(w.name, "modgate"), r.of(w.name, "naive")
		if len(m) == 0 {
			continue
		}
		ratios := make([]float64, len(m))
		for i := range m {
			ratios[i] = m[i].perRequest() / n[i].perRequest()
		}
		r.Summaries = append(r.Summaries, summary{w.name, figureOf(m), figureOf(n), spread{median(ratios), slices.Min(ratios), slices.Max(ratios)}})
	}
}

// of returns the legs of a proxy under a workload, by round.
func (r *result) of(workload, proxy string) []leg {
	return slices.DeleteFunc(slices.Clone(r.Legs), func(l leg) bool { return l.Workload != workload || l.Proxy != proxy })
}

func figureOf(legs []leg) figure {
	each := func(f func(leg) float64) float64 {
		out := make([]float64, len(legs))
		for i, l := range legs {
			out[i] = f(l)
		}
		return median(out)
	}
	return figure{each(leg.perRequest), each(leg.rate), each(func(l leg) float64 { return float64(l.P99) / 1e3 })}
}

// median returns the middle of values, or of the middle two.
func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

func (r *result) write(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// print writes the table that people read.
func (r *result) print(w io.Writer) {
	fmt.Fprintf(w, "\nmodgate / naive: medians of %d rounds of %s; %d connections, %d processors, %s\n\n",
		r.Rounds, r.Leg, r.Connections, r.Processors, r.Go)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tCPU us/request\trequests/s\tp99 ms\tratio of CPU\tmin..max\t")
	met := 0
	for _, s := range r.Summaries {
		fmt.Fprintf(t, "%s\t%.1f / %.1f\t%.0f / %.0f\t%.2f / %.2f\t%.2f\t%.2f..%.2f\t\n", s.Workload,
			s.Modgate.CPU, s.Naive.CPU, s.Modgate.Rate, s.Naive.Rate, s.Modgate.P99, s.Naive.P99, s.Ratio.Median, s.Ratio.Min, s.Ratio.Max)
		if s.Ratio.Median < aim {
			met++
		}
	}
	t.Flush() //nolint:errcheck // for a terminal
	for _, m := range r.Memory {
		fmt.Fprintf(w, "\n%s: %.1f MiB resident, %.1f at most", m.Proxy, float64(m.Now)/(1<<20), float64(m.Peak)/(1<<20))
	}
	fmt.Fprintf(w, "\nratio below %.2f: %d of %d\n", aim, met, len(r.Summaries))
}
