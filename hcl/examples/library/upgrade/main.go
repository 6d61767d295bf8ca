// Command upgrade starts the next version of the library's catalogue while
// clients read and write through the gateway, checks every answer, and says
// what they noticed: requests sent, answered, parked, the longest wait,
// failed. It exits with 1 if any failed, or a write was lost or doubled.
//
// With -again it starts the version that the catalogue had when the library
// was closed, if a former run upgraded it, and nothing else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// options are what one may choose.
type options struct {
	control string // origin of the control listener
	data    string // origin of the data listener
	token   string // of the administrator
	process string // to start; empty: the next catalogue
	clients int
	rate    int           // requests per second, of all clients together
	limit   time.Duration // in which the new version must serve
}

// Before the new version is started, and after it serves, clients send for
// so long.
const (
	before = 2 * time.Second
	after  = 2 * time.Second
)

// releases are the catalogues that library.hcl declares, in order.
var releases = []struct{ version, process string }{
	{"2.0.0", "catalogue-2"},
	{"2.1.0", "catalogue-2-1"},
}

func main() {
	var o options
	flag.StringVar(&o.control, "control", "http://127.0.0.1:9131", "`origin` of the gateway's control listener")
	flag.StringVar(&o.data, "data", "http://127.0.0.1:9130", "`origin` of its data listener")
	flag.StringVar(&o.process, "process", "", "`name` of the process to start (default: the next higher catalogue)")
	flag.IntVar(&o.clients, "clients", 32, "how many clients send requests")
	flag.IntVar(&o.rate, "rate", 400, "requests per second, of all clients together")
	flag.DurationVar(&o.limit, "limit", 2*time.Minute, "how long the upgrade may take")
	again := flag.Bool("again", false, "start the catalogue that a former run upgraded to, and no load")
	dir := flag.String("data-dir", ".run/gateway", "the gateway's data `folder`, where the administrator's token is")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	token, err := os.ReadFile(filepath.Join(*dir, "admin-token"))
	if err == nil {
		o.token = strings.TrimSpace(string(token))
		transport := http.DefaultTransport.(*http.Transport).Clone()
		if *again {
			err = startAgain(ctx, admin{base: o.control, token: o.token, http: &http.Client{Transport: transport, Timeout: o.limit}})
		} else {
			err = run(ctx, o, transport, os.Stdout)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "upgrade:", err)
		os.Exit(1)
	}
}

// run upgrades the catalogue under load and writes the summary to out.
func run(ctx context.Context, o options, transport http.RoundTripper, out io.Writer) error {
	if o.clients < 1 || o.rate < 1 {
		return errors.New("want at least one client, and one request per second")
	}
	if t, ok := transport.(*http.Transport); ok {
		t.MaxIdleConnsPerHost = o.clients + 1
	}
	web := &http.Client{Transport: transport, Timeout: o.limit}
	a := admin{base: o.control, token: o.token, http: web}
	old, err := a.catalogue(ctx)
	if err != nil {
		return err
	}
	if old.Serving == "" {
		return fmt.Errorf("no catalogue serves (%s %s): start the library with make run", old.State, old.Reason)
	}
	if o.process == "" {
		if o.process, err = next(old.Serving); err != nil {
			return err
		}
	}

	l := newLoad(o, web)
	story := newTimeline(out)
	story.tell("catalogue %s serves; %d clients send %d requests/s", old.Serving, o.clients, o.rate)
	running, stop := context.WithCancel(ctx)
	defer stop()
	done := l.start(running)
	upgraded := upgrade(ctx, o, a, old, story)
	stop()
	<-done
	if err := ctx.Err(); err != nil {
		return err
	}

	sum := l.summary()
	v, err := l.verify(ctx)
	if err != nil {
		return errors.Join(upgraded, fmt.Errorf("look what was written: %w", err))
	}
	sum.print(out, v)
	if err := sum.verdict(v); err != nil || upgraded != nil {
		return errors.Join(upgraded, err)
	}
	return nil
}

// upgrade starts the process and returns when its version has served for a
// while.
func upgrade(ctx context.Context, o options, a admin, old state, story *timeline) error {
	if err := pause(ctx, before); err != nil {
		return err
	}
	if err := a.start(ctx, o.process); err != nil {
		return err
	}
	story.tell("%s started", o.process)
	watch, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	if err := story.follow(watch, a, old); err != nil {
		return fmt.Errorf("%s does not serve within %v: %w", o.process, o.limit, err)
	}
	return pause(ctx, after)
}

// startAgain starts the release that owns the catalogue's data: the first
// catalogue, which the gateway starts by itself, may not touch any more what a
// later one has restructured.
func startAgain(ctx context.Context, a admin) error {
	c, err := a.catalogue(ctx)
	if err != nil {
		return err
	}
	for _, r := range releases {
		if r.version == c.Floor {
			return a.start(ctx, r.process)
		}
	}
	return nil
}

// next returns the process of the first release after serving.
func next(serving string) (string, error) {
	for _, r := range releases {
		if later(r.version, serving) {
			return r.process, nil
		}
	}
	return "", fmt.Errorf("catalogue %s serves, and library.hcl declares none that is higher: begin again with make clean run, or name a process with -process", serving)
}

// later reports whether version a comes after b.
func later(a, b string) bool {
	var x, y [3]int
	_, _ = fmt.Sscanf(a, "%d.%d.%d", &x[0], &x[1], &x[2])
	_, _ = fmt.Sscanf(b, "%d.%d.%d", &y[0], &y[1], &y[2])
	for i := range x {
		if x[i] != y[i] {
			return x[i] > y[i]
		}
	}
	return false
}

// pause waits for d.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
