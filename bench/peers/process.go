package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// build puts the binaries into dir.
func build(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", dir+string(filepath.Separator), "./core/cmd/modgate", "./bench/naive", "./bench/backend")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build the programs, from the repository's folder: %w", err)
	}
	return nil
}

// process is a child that is killed at the latest when its context ends, or
// this process.
type process struct {
	name string
	cmd  *exec.Cmd
	log  *os.File
	done chan struct{} // closed when the child has ended; cmd.ProcessState says how
}

// start starts dir/name with what it says going to dir/name.log.
func start(ctx context.Context, dir, name string, args ...string) (*process, error) {
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, err
	}
	p := &process{name: name, log: log, done: make(chan struct{})}
	p.cmd = command(ctx, filepath.Join(dir, name), args...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		log.Close() //nolint:errcheck // nothing was written
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.cmd.Wait() //nolint:errcheck // ProcessState says the same
		close(p.done)
	}()
	return p, nil
}

// command returns a command in a process group of its own, all of which is
// killed when ctx ends.
func command(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.SysProcAttr = attributes()
	cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// stop kills the process and waits for its end.
func (p *process) stop() {
	killGroup(p.cmd.Process.Pid) //nolint:errcheck // it may have ended
	<-p.done
	p.log.Close() //nolint:errcheck // only read by people
}

// accept waits until the process accepts connections at address.
func (p *process) accept(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var dialer net.Dialer
	for {
		c, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %s; see %s", p.name, p.cmd.ProcessState, p.log.Name())
		case <-ctx.Done():
			return fmt.Errorf("wait for %s at %s: %w; see %s", p.name, address, err, p.log.Name())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// vacant returns n addresses on loopback at which nobody listens.
func vacant(n int) ([]string, error) {
	var out []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close() // only now: no port is to be found twice
		out = append(out, l.Addr().String())
	}
	return out, nil
}
