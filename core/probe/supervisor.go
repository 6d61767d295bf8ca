package probe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/modgate/modgate/core/config"
)

// What Start and Stop return when there is nothing to do.
var (
	ErrUnknown = errors.New("no process of that name is declared")
	ErrRunning = errors.New("the process runs, or is about to be started again")
	ErrStopped = errors.New("the process does not run")
)

// Process is a program to start and watch.
type Process struct {
	Name        string
	Module      string   // whose instance it is, or "": of one module Configure starts one at a time again
	Command     []string // program and arguments; without a slash the program is looked up in PATH
	Env         []string // "NAME=value", over the gateway's own
	Secrets     []string // likewise; that they have changed is no reason to start it again
	Dir         string   // working folder; "": the gateway's
	Port        int      // in its environment as PORT; 0: no PORT
	Restart     config.Restart
	Backoff     config.Backoff
	Autostart   bool          // Configure starts it
	StopTimeout time.Duration // from SIGTERM to SIGKILL
	LogFile     string        // what it writes is appended there; "": dropped
}

// same reports whether q runs as p does.
func (p *Process) same(q *Process) bool {
	return slices.Equal(p.Command, q.Command) && slices.Equal(p.Env, q.Env) && p.Dir == q.Dir && p.Port == q.Port && p.LogFile == q.LogFile
}

// State is where a process stands. The zero value is Stopped.
type State uint8

// The states of a process.
const (
	Stopped    State = iota // never started, or by Stop
	Running                 // until it has ended, also while it is being stopped
	BackingOff              // ended, and waits to be started again
	Exited                  // ended, and stays so
)

var stateNames = [...]string{"stopped", "running", "backing-off", "exited"}

func (s State) String() string { return stateNames[s] }

// MarshalText writes the word of the control API.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Status is a process as administrators see it.
type Status struct {
	Name     string    `json:"name"`
	State    State     `json:"state"`
	PID      int       `json:"pid,omitempty"`       // of a running one
	Since    time.Time `json:"since,omitzero"`      // of the state
	Restarts int       `json:"restarts"`            // since Start
	LastExit string    `json:"last_exit,omitempty"` // such as "exit status 1" or "signal: killed"
}

// SupervisorOptions are what a Supervisor works with.
type SupervisorOptions struct {
	Processes []Process
	Log       *slog.Logger // hears of starts and exits; nil: nobody does

	// Started and Ended are told each time a process has been, by name; nil:
	// nobody is. They may block no longer than the process may.
	Started, Ended func(name string)
	// Leave is called before a process is told to stop, and may take until
	// ctx ends: for its StopTimeout.
	Leave func(ctx context.Context, name string)

	// Steady is called before a module's process is started again, and what it
	// returns before the next one of that module is: it may take until the
	// module is as well off as it was. Nil: nobody waits.
	Steady func(module string) (again func(ctx context.Context))
	// Failed is told that a process that Configure starts could not be. Nil:
	// nobody is.
	Failed func(name string, err error)
}

// Supervisor runs declared processes. On Linux none of them outlives the
// gateway, however it ends. OpenSupervisor makes one.
type Supervisor struct {
	o       SupervisorOptions
	closing context.Context // ends with Close
	close   context.CancelFunc
	turning sync.WaitGroup // of what Configure began

	mu        sync.Mutex
	processes []*process // by name; replaced, not changed; guarded by mu, as below
	closed    bool
}

// OpenSupervisor declares the processes. None runs before Start.
func OpenSupervisor(o SupervisorOptions) (*Supervisor, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Started == nil {
		o.Started = func(string) {}
	}
	if o.Ended == nil {
		o.Ended = func(string) {}
	}
	if o.Leave == nil {
		o.Leave = func(context.Context, string) {}
	}
	if o.Steady == nil {
		o.Steady = func(string) func(context.Context) { return func(context.Context) {} }
	}
	if o.Failed == nil {
		o.Failed = func(string, error) {}
	}
	s := &Supervisor{o: o}
	s.closing, s.close = context.WithCancel(context.Background())
	for _, p := range o.Processes {
		if len(p.Command) == 0 {
			return nil, fmt.Errorf("declare process %s: its command is empty", p.Name)
		}
		s.processes = append(s.processes, s.declare(p))
	}
	slices.SortFunc(s.processes, byName)
	for i := 1; i < len(s.processes); i++ {
		if name := s.processes[i].name; name == s.processes[i-1].name {
			return nil, fmt.Errorf("declare process %s: there are two of that name", name)
		}
	}
	return s, nil
}

func (s *Supervisor) declare(p Process) *process {
	return &process{name: p.Name, declared: p, o: s.o, log: s.o.Log.With("process", p.Name), status: Status{Name: p.Name}}
}

func byName(a, b *process) int { return strings.Compare(a.name, b.name) }

// Start starts the process. When it returns nil the process has been started
// once, and is kept running as its Restart says; with any other error than
// ErrUnknown and ErrRunning it could not be started, and is not tried again.
func (s *Supervisor) Start(name string) error {
	p, err := s.find(name)
	if err != nil {
		return err
	}
	return s.start(p)
}

func (s *Supervisor) start(p *process) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return fmt.Errorf("start process %s: %w", p.name, errClosed)
	}
	started, err := p.begin()
	s.mu.Unlock()
	if err == nil {
		err = <-started
	}
	if err != nil {
		return fmt.Errorf("start process %s: %w", p.name, err)
	}
	return nil
}

// errClosed is why nothing is started after Close.
var errClosed = errors.New("the gateway shuts down")

// Stop sends SIGTERM to the process and all of its group, SIGKILL when its
// StopTimeout is over, and returns when it has ended.
func (s *Supervisor) Stop(name string) error {
	p, err := s.find(name)
	if err == nil {
		err = p.end()
	}
	if err != nil {
		return fmt.Errorf("stop process %s: %w", name, err)
	}
	return nil
}

// List returns all processes, by name.
func (s *Supervisor) List() []Status {
	processes := s.all()
	all := make([]Status, 0, len(processes))
	for _, p := range processes {
		all = append(all, p.Status())
	}
	return all
}

// Close stops all processes, all at the same time.
func (s *Supervisor) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.close()
	var all sync.WaitGroup
	for _, p := range s.all() {
		all.Go(func() { _ = p.end() }) // ErrStopped is as good
	}
	all.Wait()
	s.turning.Wait()
}

func (s *Supervisor) all() []*process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.processes
}

func (s *Supervisor) find(name string) (*process, error) {
	processes := s.all()
	i, ok := slices.BinarySearchFunc(processes, name, func(p *process, name string) int { return strings.Compare(p.name, name) })
	if !ok {
		return nil, fmt.Errorf("process %q: %w", name, ErrUnknown)
	}
	return processes[i], nil
}
