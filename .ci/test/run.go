package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"
)

// runPart compiles a part's tests, then runs them, as many packages at once as
// there are processors.
func runPart(p part, jobs []job, scratch string) (spent, error) {
	dir, err := os.MkdirTemp(scratch, "")
	if err != nil {
		return spent{}, err
	}
	defer os.RemoveAll(dir)
	var s spent
	start := time.Now()
	binaries, err := compile(jobs, dir)
	s.compiled = time.Since(start)
	if err != nil {
		return s, err
	}

	start = time.Now()
	var (
		mu      sync.Mutex // guards s.tally, s.worked and the output
		wg      sync.WaitGroup
		running = make(chan struct{}, runtime.NumCPU())
	)
	for i, j := range jobs {
		wg.Go(func() {
			running <- struct{}{}
			defer func() { <-running }()
			began := time.Now()
			t, worked := execute(j, binaries[i], excess*p.budget)
			mu.Lock()
			defer mu.Unlock()
			t.print(j, time.Since(began))
			s.tally.add(t)
			s.worked += worked
		})
	}
	wg.Wait()
	s.ran = time.Since(start)
	return s, nil
}

// batch is a set of jobs whose test binaries one command builds: they go into
// one directory, so no two have the same name.
type batch struct {
	race bool
	n    int
}

// compile builds the jobs' test binaries below dir and returns their paths, in
// the order of jobs. A binary that does not build is simply not there: the
// compiler has said why, and running it fails.
func compile(jobs []job, dir string) ([]string, error) {
	binaries := make([]string, len(jobs))
	pkgs := map[batch][]string{}
	for i, j := range jobs {
		for b := (batch{race: j.race}); binaries[i] == ""; b.n++ {
			binary := filepath.Join(b.dir(dir), path.Base(j.pkg)+".test")
			if !slices.Contains(binaries, binary) {
				binaries[i] = binary
				pkgs[b] = append(pkgs[b], j.pkg)
			}
		}
	}
	for b, p := range pkgs {
		if err := b.build(p, dir); err != nil {
			return nil, fmt.Errorf("compile: %w", err)
		}
	}
	return binaries, nil
}

func (b batch) dir(parent string) string {
	return filepath.Join(parent, fmt.Sprintf("race=%t,%d", b.race, b.n))
}

// build returns an error if the compiler could not be run, none if it refused.
func (b batch) build(pkgs []string, parent string) error {
	if err := os.Mkdir(b.dir(parent), 0o700); err != nil {
		return err
	}
	args := []string{"test", "-c", "-ldflags=-s -w", fmt.Sprintf("-race=%t", b.race), "-o", b.dir(parent) + "/"}
	cmd := exec.Command("go", append(args, pkgs...)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	var refused *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &refused) {
		return err
	}
	return nil
}

// promptly makes programs with the race detector end when they end: else each
// waits for a second, in case that a goroutine which nobody waited for has a
// race to tell of, and so does every program that a test starts.
const promptly = "GORACE=atexit_sleep_ms=0"

// execute runs one test binary as go test would, counts what it did, and says
// what it and what it started took of the processors.
func execute(j job, binary string, timeout time.Duration) (_ tally, worked time.Duration) {
	if _, err := os.Stat(binary); errors.Is(err, fs.ErrNotExist) {
		return tally{failed: 1, output: "does not compile\n"}, 0
	}
	// The binary ends itself, with its stacks, at the timeout; the context is
	// for one that cannot.
	ctx, cancel := context.WithTimeout(context.Background(), timeout+30*time.Second)
	defer cancel()
	args := []string{"tool", "test2json", "-p", j.pkg, binary, "-test.v=test2json", "-test.paniconexit0", "-test.timeout=" + timeout.String()}
	if j.only != "" {
		args = append(args, "-test.run="+j.only)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = j.dir, append(os.Environ(), promptly)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if s := cmd.ProcessState; s != nil {
		worked = s.UserTime() + s.SystemTime()
	}
	return count(j.pkg, out, err), worked
}
