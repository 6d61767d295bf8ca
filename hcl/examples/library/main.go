// Command library starts the sample platform, waits until all its modules
// serve, and says what to try. It expects the programs of make build beside
// itself.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// data is the origin of the data listener, as library.hcl has it.
const data = "http://127.0.0.1:9130"

// paths are what must answer before the library is open: one of each module.
var paths = []string{"/catalogue/books", "/members", "/loans", "/search?q=borges"}

const invitation = `
The library is open at %[1]s. Try, in another terminal:

  curl '%[1]s/search?q=le+guin'
  curl %[1]s/loans -d '{"member":"m1","book":"b3"}'
  %[2]s/modgate status --token-file .run/gateway/admin-token
  %[2]s/upgrade     # catalogue 1.4 becomes 2.0, then 2.1, while 32 clients read and write
  curl %[1]s/catalogue/authors/a4     # new in 2.0

Ctrl-C closes it.

`

func main() {
	config := flag.String("config", "hcl/examples/library/library.hcl", "`file` of the configuration")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *config); err != nil {
		fmt.Fprintln(os.Stderr, "library:", err)
		stop()
		os.Exit(1)
	}
}

// run runs the gateway until ctx ends, or it ends by itself.
func run(ctx context.Context, config string) error {
	if answers(ctx, paths[0]) {
		return fmt.Errorf("a library is open at %s already", data)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	bin := filepath.Dir(self)
	gateway := exec.CommandContext(ctx, filepath.Join(bin, "modgate"), "serve", config)
	gateway.Stdout, gateway.Stderr = os.Stdout, os.Stderr
	gateway.Cancel = func() error { return gateway.Process.Signal(syscall.SIGTERM) }
	gateway.WaitDelay = time.Minute
	if err := gateway.Start(); err != nil {
		return err
	}

	waiting, cancel := context.WithCancel(ctx)
	var waiter sync.WaitGroup
	waiter.Go(func() {
		if again(waiting, bin) && open(waiting) {
			fmt.Printf(invitation, data, shorten(bin))
		}
	})
	err = gateway.Wait()
	cancel()
	waiter.Wait()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // asked to stop, and stopped in good order
	}
	return err
}

// again has the catalogue started that a former run upgraded to, and reports
// whether that was done before ctx ended.
func again(ctx context.Context, bin string) bool {
	for exec.CommandContext(ctx, filepath.Join(bin, "upgrade"), "-again").Run() != nil {
		if !pause(ctx) {
			return false
		}
	}
	return true
}

// open waits until all modules answer, and reports whether they did before
// ctx ended.
func open(ctx context.Context) bool {
	for _, path := range paths {
		for !answers(ctx, path) {
			if !pause(ctx) {
				return false
			}
		}
	}
	return true
}

// pause waits a little, and reports whether ctx goes on.
func pause(ctx context.Context) bool {
	select {
	case <-time.After(200 * time.Millisecond):
		return true
	case <-ctx.Done():
		return false
	}
}

func answers(ctx context.Context, path string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, data+path, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// shorten returns path as seen from the working folder, if it lies below.
func shorten(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(wd, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}
