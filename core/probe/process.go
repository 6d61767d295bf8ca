package probe

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/modgate/modgate/core/config"
)

// drainLimit is how long the output of a process that has ended is still
// waited for, when something that left its group holds it open.
const drainLimit = time.Second

// process is a declared one, and its run: the time from Start to Stop, or to
// an exit that is final.
type process struct {
	name string
	o    SupervisorOptions
	log  *slog.Logger

	turning sync.Mutex // held from the end of a run to the start of the next, where one follows from the other

	mu       sync.Mutex
	declared Process // guarded by mu, as below
	dropped  bool    // it is declared no longer
	status   Status
	group    int           // to send signals to; 0: none
	stop     chan struct{} // of the run: closed to end it; nil: there is no run
	done     chan struct{} // closed when the run has ended
	leaving  bool          // it is being stopped
	asked    bool          // stop is closed
}

// Status returns where the process stands.
func (p *process) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

// present returns how it is declared now.
func (p *process) present() Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.declared
}

// begin begins a run. How the first start went comes through the channel.
func (p *process) begin() (<-chan error, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stop != nil {
		return nil, ErrRunning
	}
	p.stop, p.done, p.leaving, p.asked = make(chan struct{}), make(chan struct{}), false, false
	p.status = Status{Name: p.name}
	started := make(chan error, 1)
	go p.run(p.stop, started)
	return started, nil
}

// end ends the run and returns when it has ended.
func (p *process) end() error {
	p.mu.Lock()
	if p.stop == nil {
		p.mu.Unlock()
		return ErrStopped
	}
	first, done := !p.leaving, p.done
	p.leaving = true
	p.mu.Unlock()
	if !first {
		<-done
		return nil
	}
	p.leave(done)

	limit := time.NewTimer(p.present().StopTimeout)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
		p.mu.Lock()
		if p.done == done { // else another run has begun
			p.signal(syscall.SIGKILL)
		}
		p.mu.Unlock()
		<-done
	}
	return nil
}

// leave lets the process be taken leave of, and then terminates it: once, since
// to many programs a second SIGTERM means to drop everything.
func (p *process) leave(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), p.present().StopTimeout)
	defer cancel()
	p.o.Leave(ctx, p.name)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done == done && p.stop != nil { // else its run has ended
		p.asked = true
		close(p.stop)
		p.signal(syscall.SIGTERM)
	}
}

// signal reaches the process and all that it started and did not let go of.
// The caller holds mu.
func (p *process) signal(s syscall.Signal) {
	if p.group != 0 {
		_ = syscall.Kill(-p.group, s) // it fails only when nobody is left
	}
}

// run keeps the process running until stop is closed or its exit is final.
//
// It stays on one thread of the system, and keeps it: the kernel kills the
// process when the thread that started it ends, and the runtime may end any
// thread that no goroutine is locked to.
func (p *process) run(stop <-chan struct{}, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	e := p.live(func() { started <- nil })
	if e.err != nil {
		p.over(Exited, e)
		started <- e.err
		return
	}
	var wait backoff
	for {
		d := p.present()
		wait.Backoff = d.Backoff
		switch {
		case closed(stop):
			p.over(Stopped, e)
			return
		case final(d.Restart, e):
			p.over(Exited, e)
			return
		}
		pause := wait.next(e.ran)
		p.backOff(e, pause)
		select {
		case <-time.After(pause):
			e = p.live(func() {})
		case <-stop:
		}
	}
}

// closed reports whether c is.
func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// exit is how a process ended.
type exit struct {
	text string // such as "exit status 1"
	ok   bool   // it exited with 0
	ran  time.Duration
	err  error // why it could not be started, else nil
}

// final reports whether a process that ended so stays ended.
func final(restart config.Restart, e exit) bool {
	switch restart {
	case config.OnFailure:
		return e.ok
	case config.Always:
		return false
	case config.Never:
		return true
	}
	panic("probe: restart policy " + restart.String())
}

// live starts the process, calls born, and waits until it has ended.
func (p *process) live(born func()) exit {
	d := p.present()
	cmd := exec.Command(d.Command[0], d.Command[1:]...)
	cmd.Env, cmd.Dir, cmd.SysProcAttr = d.environment(), d.Dir, attributes()
	if d.LogFile != "" {
		out, err := openOutput(d.LogFile, outputLimit, p.log)
		if err != nil {
			return exit{text: err.Error(), err: err}
		}
		defer out.Close()
		cmd.Stdout, cmd.Stderr, cmd.WaitDelay = out, out, drainLimit
	}
	if err := cmd.Start(); err != nil {
		return exit{text: err.Error(), err: err}
	}
	begun := time.Now()
	p.running(cmd.Process.Pid, begun)
	p.o.Started(p.name)
	born()
	reap(cmd, p.gone)
	p.o.Ended(p.name)
	return exit{text: cmd.ProcessState.String(), ok: cmd.ProcessState.Success(), ran: time.Since(begun)}
}

// environment returns all of it, the gateway's own first.
func (p *Process) environment() []string {
	env := append(os.Environ(), p.Secrets...)
	if p.Port != 0 {
		env = append(env, "PORT="+strconv.Itoa(p.Port))
	}
	return append(env, p.Env...)
}

// running enters that the process runs.
func (p *process) running(pid int, now time.Time) {
	p.mu.Lock()
	if p.status.State == BackingOff {
		p.status.Restarts++
	}
	p.status.State, p.status.PID, p.status.Since = Running, pid, now
	p.group = pid
	if p.asked { // Stop came before there was anyone to tell
		p.signal(syscall.SIGTERM)
	}
	p.mu.Unlock()
	p.log.Info("process started", "pid", pid)
}

// gone ends what the process left behind in its group: the next one wants its
// port. It comes before the process is reaped, when its id, which is the
// group's, cannot be another's yet.
func (p *process) gone() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signal(syscall.SIGKILL)
	p.group = 0
}

// backOff enters that the process has ended and will be started again.
func (p *process) backOff(e exit, pause time.Duration) {
	p.mu.Lock()
	p.enter(BackingOff, e)
	p.mu.Unlock()
	p.log.Warn("process ended and will be started again", "exit", e.text, "after", e.ran, "in", pause)
}

// over enters that the run has ended.
func (p *process) over(s State, e exit) {
	p.mu.Lock()
	p.enter(s, e)
	p.stop = nil
	done := p.done
	p.mu.Unlock()
	p.log.Info("process ended", "exit", e.text, "after", e.ran)
	close(done)
}

// enter enters an end. The caller holds mu.
func (p *process) enter(s State, e exit) {
	p.status.State, p.status.PID, p.status.Since, p.status.LastExit = s, 0, time.Now(), e.text
}
