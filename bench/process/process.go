// Package process runs the programs that are measured, each as a process of its
// own, and says what they use.
package process

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Build builds packages of this repository into dir. It must be called in the
// repository's folder.
func Build(ctx context.Context, dir string, packages ...string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-o", dir + string(filepath.Separator)}, packages...)...)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build the programs, from the repository's folder: %w", err)
	}
	return nil
}

// Process is a child that is killed at the latest when its context ends, or
// the thread that started it.
type Process struct {
	name string
	cmd  *exec.Cmd
	log  *os.File
	done chan struct{} // closed when the child has ended; cmd.ProcessState says how
}

// Start starts dir/name with what it says going to dir/name.log.
func Start(ctx context.Context, dir, name string, args ...string) (*Process, error) {
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, err
	}
	p := &Process{name: name, log: log, done: make(chan struct{})}
	p.cmd = Command(ctx, filepath.Join(dir, name), args...)
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

// Command returns a command in a process group of its own, all of which is
// killed when ctx ends.
func Command(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.SysProcAttr = attributes()
	cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// ID returns the number of the process.
func (p *Process) ID() int { return p.cmd.Process.Pid }

// Stop kills the process and waits for its end.
func (p *Process) Stop() {
	killGroup(p.cmd.Process.Pid) //nolint:errcheck // it may have ended
	<-p.done
	p.log.Close() //nolint:errcheck // only read by people
}

// Accept waits until the process accepts connections at address.
func (p *Process) Accept(ctx context.Context, address string) error {
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

// Vacant returns n addresses on loopback at which nobody listens.
func Vacant(n int) ([]string, error) {
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
