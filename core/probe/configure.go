package probe

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Check reports what of processes Configure would begin in vain: a program that
// is not there.
func (s *Supervisor) Check(processes []Process) error {
	var errs []error
	for i := range processes {
		p := &processes[i]
		if old, err := s.find(p.Name); err == nil {
			if d := old.present(); d.same(p) {
				continue
			}
		}
		if !p.Autostart {
			continue
		}
		program := p.Command[0]
		if strings.Contains(program, "/") && !filepath.IsAbs(program) {
			program = filepath.Join(p.Dir, program)
		}
		if _, err := exec.LookPath(program); err != nil {
			errs = append(errs, fmt.Errorf("process %s: %w", p.Name, err))
		}
	}
	return errors.Join(errs...)
}

// Configure declares processes in the place of those that are declared. It
// does not wait for what follows:
//
//   - A process that is declared no longer is stopped, as by Stop, and
//     forgotten then.
//   - A new one is started if it is to be (Autostart), after one whose port it
//     has was stopped.
//   - One that would run otherwise is stopped, and then started again; those
//     of one module one after the other. One that an administrator stopped
//     stays so.
//   - What else has changed holds at once, and no other process is touched.
func (s *Supervisor) Configure(processes []Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	next := make([]*process, 0, len(processes))
	known := map[string]*process{}
	for _, p := range s.processes {
		known[p.name] = p
	}
	turns := map[string][]*process{} // to be started again, by module
	var born []*process
	for _, d := range processes {
		p := known[d.Name]
		if p == nil {
			p = s.declare(d)
			if d.Autostart {
				born = append(born, p)
			}
		} else if delete(known, d.Name); p.redeclare(d) {
			group := d.Module
			if group == "" {
				group = "/" + d.Name // no name of a module: a group of its own
			}
			turns[group] = append(turns[group], p)
		}
		next = append(next, p)
	}
	leaving := map[int]*sync.WaitGroup{} // by port
	for _, p := range known {
		port := p.depart()
		if leaving[port] == nil {
			leaving[port] = new(sync.WaitGroup)
		}
		ended := leaving[port]
		ended.Add(1)
		next = append(next, p) // until it has ended
		s.turning.Go(func() {
			defer ended.Done()
			s.dismiss(p)
		})
	}
	slices.SortFunc(next, byName)
	s.processes = next
	for _, p := range born {
		before := leaving[p.present().Port]
		s.turning.Go(func() {
			if before != nil && p.present().Port != 0 {
				before.Wait()
			}
			s.restart(p)
		})
	}
	for module, group := range turns {
		s.turning.Go(func() { s.turn(module, group) })
	}
}

// redeclare declares p otherwise, and reports whether it is to be started
// again, or at last.
func (p *process) redeclare(d Process) (again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was, back := p.declared, p.dropped
	p.declared, p.dropped = d, false
	switch runs := p.stop != nil; {
	case back: // it is being stopped, or was
		return d.Autostart
	case runs:
		return !was.same(&d)
	case p.status.State == Exited:
		return d.Autostart && (!was.same(&d) || !was.Autostart)
	default:
		return d.Autostart && !was.Autostart
	}
}

// depart notes that p is declared no longer, and returns its port.
func (p *process) depart() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropped = true
	return p.declared.Port
}

func (p *process) isDropped() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dropped
}

// dismiss stops a process that is declared no longer, and forgets it, unless
// it was declared again meanwhile.
func (s *Supervisor) dismiss(p *process) {
	p.turning.Lock()
	defer p.turning.Unlock()
	if !p.isDropped() {
		return // and may run again
	}
	_ = p.end() // ErrStopped is as good
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.isDropped() {
		s.processes = slices.DeleteFunc(slices.Clone(s.processes), func(q *process) bool { return q == p })
	}
}

// turn starts the processes of one module again, one after the other.
func (s *Supervisor) turn(module string, group []*process) {
	for _, p := range group {
		again := func(context.Context) {}
		if !strings.HasPrefix(module, "/") {
			again = s.o.Steady(module)
		}
		s.restart(p)
		again(s.closing)
	}
}

// restart stops p, if it runs, and starts it as it is declared by then.
func (s *Supervisor) restart(p *process) {
	p.turning.Lock()
	defer p.turning.Unlock()
	_ = p.end() // ErrStopped is as good
	if p.isDropped() {
		return
	}
	if err := s.start(p); err != nil && !errors.Is(err, ErrRunning) && !errors.Is(err, errClosed) {
		s.o.Failed(p.name, err)
	}
}
