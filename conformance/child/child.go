// Package child runs the processes that the suite tests: a core, a module.
package child

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Process is a child that was started.
type Process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process is gone
}

// Start starts cmd, whose output and errors go to log.
func Start(cmd *exec.Cmd, log io.Writer) (*Process, error) {
	cmd.Stdout, cmd.Stderr = log, log
	cmd.WaitDelay = time.Second // a grandchild may hold the pipe
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd, ended: make(chan struct{})}
	go func() {
		cmd.Wait() //nolint:errcheck // the process' state says it
		close(p.ended)
	}()
	return p, nil
}

// Ended is closed when the process is gone.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// State is how the process ended; nil while it runs.
func (p *Process) State() *os.ProcessState {
	select {
	case <-p.ended:
		return p.cmd.ProcessState
	default:
		return nil
	}
}

// Terminate sends SIGTERM.
func (p *Process) Terminate() error { return p.cmd.Process.Signal(syscall.SIGTERM) }

// Kill ends the process by SIGKILL, and waits until it is gone.
func (p *Process) Kill() {
	p.cmd.Process.Kill() //nolint:errcheck // it may have ended
	<-p.ended
}

// Exit waits until the process has ended with code 0; another code, or a
// process that runs on for longer than within, is an error.
func (p *Process) Exit(within time.Duration) error {
	select {
	case <-p.ended:
		if !p.cmd.ProcessState.Success() {
			return fmt.Errorf("it ended with %v, not 0", p.cmd.ProcessState)
		}
		return nil
	case <-time.After(within):
		return fmt.Errorf("it is still there %v later", within)
	}
}
