package probe

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modgate/modgate/core/config"
)

// configure declares the theatre's process with a change, and others.
func (th *theatre) configure(change func(*Process), others ...Process) Process {
	p := th.base
	if change != nil {
		change(&p)
	}
	th.Configure(append([]Process{p}, others...))
	return p
}

// listed waits until the processes are those, by name and state.
func (th *theatre) listed(want ...string) {
	th.Helper()
	for {
		var got []string
		for _, s := range th.List() {
			got = append(got, s.Name+" "+s.State.String())
		}
		if slices.Equal(got, want) {
			return
		}
		select {
		case <-th.changes:
		case <-time.After(10 * time.Millisecond): // being forgotten is no change of a state
		}
	}
}

func TestWhatIsNotChangedIsNotTouched(t *testing.T) {
	th := open(t, nil)
	p := th.start()
	th.configure(nil)
	th.configure(func(p *Process) {
		p.Restart, p.Backoff, p.StopTimeout, p.Module, p.Autostart = config.Always, config.Backoff{Min: time.Millisecond, Max: time.Millisecond}, time.Hour, "books", true
		p.Secrets = []string{"MODGATE_TEST_SECRET=shark"}
	})
	if got := th.List()[0]; got.State != Running || got.PID != p.pid {
		t.Fatalf("%+v, want running as %d", got, p.pid)
	}
	p.exits(0) // and it holds at once: on-failure would leave it so
	if got := th.next().order("env MODGATE_TEST_SECRET"); got != "shark" {
		t.Errorf("the secret is %q, want the new one", got)
	}
}

func TestChangedProcessIsStartedAgain(t *testing.T) {
	th := open(t, nil)
	p := th.start()
	th.configure(func(p *Process) { p.Env = append(slices.Clone(p.Env), "MODGATE_TEST_OVER=1"); p.Port = 9101 })
	if got := p.ended(); got != "terminated" {
		t.Errorf("the process said %q, want that it got SIGTERM once", got)
	}
	again := th.next()
	if got := again.order("env MODGATE_TEST_OVER") + " " + again.order("env PORT"); got != "1 9101" {
		t.Errorf("environment %q, want the new one", got)
	}
	if got := th.status(Running); got.PID != again.pid || got.Restarts != 0 {
		t.Errorf("%+v, want a new run as %d", got, again.pid)
	}
}

func TestStoppedProcessStaysSoUntilItIsToStart(t *testing.T) {
	th := open(t, nil)
	th.start()
	if err := th.Stop("p"); err != nil {
		t.Fatal(err)
	}
	changed := th.configure(func(p *Process) { p.Port = 9101 })
	th.listed("p stopped")
	changed.Autostart = true
	th.Configure([]Process{changed})
	if got := th.next().order("env PORT"); got != "9101" {
		t.Errorf("PORT is %q", got)
	}
}

// What failed to start, or gave up, is tried again when it was mended.
func TestExitedProcessIsTriedAgainWhenItWasChanged(t *testing.T) {
	th := open(t, func(p *Process) { p.Restart, p.Autostart = config.Never, true })
	th.start().exits(1)
	th.status(Exited)
	th.configure(nil)
	th.listed("p exited")
	th.configure(func(p *Process) { p.Port = 9101 })
	th.next()
}

func TestProcessesComeAndGo(t *testing.T) {
	th := open(t, nil)
	p := th.start()
	q := th.base
	q.Name, q.Autostart, q.Port = "q", true, 9101
	th.configure(nil, q)
	other := th.next()
	th.listed("p running", "q running")

	// One takes another's port when that has ended.
	next := q
	next.Name = "r"
	other.order("ignore")
	th.configure(nil, next)
	th.listed("p running", "q running", "r stopped")
	other.exits(0)
	third := th.next()
	th.listed("p running", "r running")
	if err := th.Stop("q"); err == nil {
		t.Error("what is forgotten can be stopped")
	}

	// One that is declared again while it is stopped comes back.
	third.order("ignore")
	th.configure(nil)
	th.configure(nil, next)
	third.exits(0)
	th.next()
	th.listed("p running", "r running")
	if got := th.List()[0].PID; got != p.pid {
		t.Errorf("p runs as %d, want as %d, untouched", got, p.pid)
	}
}

// The processes of one module start again one after the other, each when the
// module is as well off as it was.
func TestProcessesOfAModuleStartAgainInTurn(t *testing.T) {
	th := open(t, func(p *Process) { p.Module = "books" })
	var mu sync.Mutex
	var waited []string
	goOn := make(chan struct{})
	th.o.Steady = func(module string) func(context.Context) {
		return func(ctx context.Context) {
			mu.Lock()
			waited = append(waited, module)
			mu.Unlock()
			select {
			case <-goOn:
			case <-ctx.Done():
			}
		}
	}
	q := th.base
	q.Name, q.Autostart = "q", true
	first := th.start()
	th.configure(nil, q)
	second := th.next()
	q.Port = 9102
	th.configure(func(p *Process) { p.Port = 9101 }, q)
	first.ended()
	if got := th.next().order("env PORT"); got != "9101" {
		t.Errorf("PORT %q came first, want 9101", got)
	}
	second.order("print still here")
	goOn <- struct{}{}
	second.ended()
	if got := th.next().order("env PORT"); got != "9102" {
		t.Errorf("PORT %q came next, want 9102", got)
	}
	goOn <- struct{}{}
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"books", "books"}; !slices.Equal(waited, want) {
		t.Errorf("waited for %q, want %q", waited, want)
	}
}

func TestProgramThatIsNotThereIsFound(t *testing.T) {
	th := open(t, nil)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "run"), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "read"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	q := th.base
	q.Name, q.Dir, q.Autostart = "q", dir, true
	for command, wrong := range map[string]bool{"./run": false, "./read": true, "./absent": true, "go-nowhere-to-be-found": true, "ls": false} {
		q.Command = []string{command}
		err := th.Check([]Process{th.base, q})
		if (err != nil) != wrong || wrong && !strings.Contains(err.Error(), "process q: ") {
			t.Errorf("%s: %v", command, err)
		}
	}
	if err := th.Check([]Process{th.base}); err != nil {
		t.Error(err)
	}
}

func TestStartOfANewProcessThatFailsIsTold(t *testing.T) {
	th := open(t, nil)
	failed := make(chan string, 1)
	th.o.Failed = func(name string, err error) { failed <- fmt.Sprint(name, ": ", err) }
	q := th.base
	q.Name, q.Autostart, q.Command = "q", true, []string{"/nowhere/to-be-found"}
	th.configure(nil, q)
	if got := <-failed; !strings.Contains(got, "q: start process q: ") || !strings.Contains(got, "no such file") {
		t.Error(got)
	}
	th.listed("p stopped", "q exited")
}

func TestNothingIsStartedAfterClose(t *testing.T) {
	th := open(t, nil)
	th.start()
	q := th.base
	q.Name, q.Autostart = "q", true
	th.Close()
	th.configure(func(p *Process) { p.Port, p.Autostart = 9101, true }, q)
	th.listed("p stopped")
}
