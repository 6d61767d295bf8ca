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
	Command     []string // program and arguments; without a slash the program is looked up in PATH
	Env         []string // "NAME=value", over the gateway's own
	Dir         string   // working folder; "": the gateway's
	Restart     config.Restart
	Backoff     config.Backoff
	StopTimeout time.Duration // from SIGTERM to SIGKILL
	LogFile     string        // what it writes is appended there; "": dropped
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
}

// Supervisor runs declared processes. On Linux none of them outlives the
// gateway, however it ends. OpenSupervisor makes one.
type Supervisor struct {
	processes []*process // by name; never changed

	mu     sync.Mutex
	closed bool // guarded by mu
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
	s := &Supervisor{}
	for _, p := range o.Processes {
		if len(p.Command) == 0 {
			return nil, fmt.Errorf("declare process %s: its command is empty", p.Name)
		}
		s.processes = append(s.processes, &process{Process: p, o: o, log: o.Log.With("process", p.Name), status: Status{Name: p.Name}})
	}
	slices.SortFunc(s.processes, func(a, b *process) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(s.processes); i++ {
		if name := s.processes[i].Name; name == s.processes[i-1].Name {
			return nil, fmt.Errorf("declare process %s: there are two of that name", name)
		}
	}
	return s, nil
}

// Start starts the process. When it returns nil the process has been started
// once, and is kept running as its Restart says; with any other error than
// ErrUnknown and ErrRunning it could not be started, and is not tried again.
func (s *Supervisor) Start(name string) error {
	p, err := s.find(name)
	if err != nil {
		return err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return fmt.Errorf("start process %s: the gateway shuts down", name)
	}
	started, err := p.begin()
	s.mu.Unlock()
	if err == nil {
		err = <-started
	}
	if err != nil {
		return fmt.Errorf("start process %s: %w", name, err)
	}
	return nil
}

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
	all := make([]Status, 0, len(s.processes))
	for _, p := range s.processes {
		all = append(all, p.Status())
	}
	return all
}

// Close stops all processes, all at the same time.
func (s *Supervisor) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	var all sync.WaitGroup
	for _, p := range s.processes {
		all.Go(func() { _ = p.end() }) // ErrStopped is as good
	}
	all.Wait()
}

func (s *Supervisor) find(name string) (*process, error) {
	i, ok := slices.BinarySearchFunc(s.processes, name, func(p *process, name string) int { return strings.Compare(p.Name, name) })
	if !ok {
		return nil, fmt.Errorf("process %q: %w", name, ErrUnknown)
	}
	return s.processes[i], nil
}
