package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/modgate/modgate/bench/process"
)

//go:embed load.lua
var script []byte

// workload is one kind of request.
type workload struct {
	name   string
	method string
	body   int      // bytes of the request's
	answer int      // bytes of the answer's
	paths  []string // asked for in turns
}

// workloads returns what is measured: three kinds of request to one module,
// and the first kind to all modules in turns. Those without only in their
// names are left out.
func workloads(only string) []workload {
	var one, large, all []string
	for n := range 100 {
		item := itemPath(target, n)
		one, large = append(one, item), append(large, item+"?answer=large")
	}
	for m := range moduleCount {
		all = append(all, itemPath(m, m))
	}
	list := []workload{
		{name: "GET, 1 KiB", method: "GET", answer: 1 << 10, paths: one},
		{name: "GET, 64 KiB", method: "GET", answer: 64 << 10, paths: large},
		{name: "POST 4 KiB, 1 KiB", method: "POST", body: 4 << 10, answer: 1 << 10, paths: []string{listPath(target)}},
		{name: "GET, 1 KiB, all modules", method: "GET", answer: 1 << 10, paths: all},
	}
	return slices.DeleteFunc(list, func(w workload) bool { return !strings.Contains(w.name, only) })
}

// load is how wrk is to send requests.
type load struct {
	script, paths string   // files
	headers       []string // "Name: value", of each request
}

// newLoad writes the script into dir, where the lists of paths go too.
func newLoad(dir string, headers []string) (load, error) {
	l := load{filepath.Join(dir, "load.lua"), filepath.Join(dir, "paths"), headers}
	return l, os.WriteFile(l.script, script, 0o600)
}

// tally is what wrk found. Latencies are those of a client that asks again
// when it was answered, which spares a slow server: they are not what a client
// with a pace of its own would see.
type tally struct {
	Requests int64 `json:"requests"`
	Micros   int64 `json:"micros"` // of sending
	Failed   int64 `json:"failed"`
	P50      int64 `json:"p50"` // microseconds
	P99      int64 `json:"p99"`
}

// send sends requests of w to address, on so many connections, for d.
func (l load) send(ctx context.Context, address string, w workload, connections int, d time.Duration) (t tally, err error) {
	if err := os.WriteFile(l.paths, []byte(strings.Join(w.paths, "\n")+"\n"), 0o600); err != nil {
		return t, err
	}
	ctx, cancel := context.WithTimeout(ctx, d+30*time.Second)
	defer cancel()
	args := []string{"-t1", "-c", strconv.Itoa(connections), "-d", strconv.Itoa(int(d/time.Second)) + "s", "-s", l.script}
	for _, h := range l.headers {
		args = append(args, "-H", h)
	}
	args = append(args, "http://"+address, "--", w.method, strconv.Itoa(w.body), l.paths)
	out, err := process.Command(ctx, "wrk", args...).CombinedOutput()
	if err != nil {
		return t, fmt.Errorf("run wrk: %w\n%s", err, out)
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if err := json.Unmarshal(lines[len(lines)-1], &t); err != nil {
		return t, fmt.Errorf("read what wrk found: %w\n%s", err, out)
	}
	switch {
	case t.Failed > 0:
		return t, fmt.Errorf("%d of %d requests failed: no figure", t.Failed, t.Requests)
	case t.Requests == 0:
		return t, errors.New("no request was answered")
	}
	return t, nil
}
