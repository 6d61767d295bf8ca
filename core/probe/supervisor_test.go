package probe

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/modgate/modgate/core/config"
)

func TestProcessRunsUntilItIsStopped(t *testing.T) {
	th := open(t, nil)
	if got := th.List()[0]; got != (Status{Name: "p"}) {
		t.Errorf("status before Start: %+v, want stopped", got)
	}
	p := th.start()
	if got := th.List()[0]; got.State != Running || got.PID != p.pid || got.Since.IsZero() {
		t.Errorf("status %+v, want running as %d", got, p.pid)
	}
	if err := th.Stop("p"); err != nil {
		t.Fatal(err)
	}
	if got := p.ended(); got != "terminated" {
		t.Errorf("the process said %q, want that it got SIGTERM once", got)
	}
	if got := th.List()[0]; got.State != Stopped || got.PID != 0 || got.LastExit != "exit status 0" {
		t.Errorf("status %+v, want stopped, exit status 0", got)
	}
	th.start()
}

func TestExitIsFollowedAsThePolicySays(t *testing.T) {
	for _, c := range []struct {
		restart config.Restart
		code    int
		again   bool
	}{
		{config.OnFailure, 0, false},
		{config.OnFailure, 3, true},
		{config.Always, 0, true},
		{config.Always, 3, true},
		{config.Never, 0, false},
		{config.Never, 3, false},
	} {
		th := open(t, func(p *Process) { p.Restart = c.restart })
		th.start().exits(c.code)
		exit := "exit status " + string(rune('0'+c.code))
		if !c.again {
			if got := th.status(Exited); got.LastExit != exit || got.Restarts != 0 || got.PID != 0 {
				t.Errorf("%s after %d: %+v, want %s", c.restart, c.code, got, exit)
			}
			th.start() // an administrator may
			continue
		}
		th.next()
		if got := th.status(Running); got.LastExit != exit || got.Restarts != 1 {
			t.Errorf("%s after %d: %+v, want 1 restart after %s", c.restart, c.code, got, exit)
		}
	}
}

func TestKilledProcessIsStartedAgain(t *testing.T) {
	th := open(t, nil)
	if err := syscall.Kill(th.start().pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	th.next()
	if got := th.status(Running); got.LastExit != "signal: killed" || got.Restarts != 1 {
		t.Errorf("status %+v, want 1 restart after signal: killed", got)
	}
}

func TestRestartsBackOff(t *testing.T) {
	th := open(t, func(p *Process) { p.Backoff = config.Backoff{Min: 20 * time.Millisecond, Max: time.Hour} })
	p := th.start()
	for _, least := range []time.Duration{20, 40, 80} {
		before := time.Now()
		p.exits(1)
		p = th.next()
		if took := time.Since(before); took < least*time.Millisecond {
			t.Errorf("started again after %v, want %v ms at least", took, least)
		}
	}
	if got := th.status(Running).Restarts; got != 3 {
		t.Errorf("%d restarts, want 3", got)
	}
}

func TestBackoffDoublesUpToItsMaxAndBeginsAnew(t *testing.T) {
	b := backoff{Backoff: config.Backoff{Min: 10, Max: 35}}
	for i, c := range []struct{ worked, want time.Duration }{{0, 10}, {34, 20}, {0, 35}, {34, 35}, {35, 10}, {0, 20}} {
		if got := b.next(c.worked); got != c.want {
			t.Errorf("%d: next(%d) = %d, want %d", i, c.worked, got, c.want)
		}
	}
}

func TestStopEndsTheBackOff(t *testing.T) {
	th := open(t, func(p *Process) { p.Backoff = config.Backoff{Min: time.Hour, Max: time.Hour} })
	th.start().exits(1)
	if got := th.status(BackingOff); got.LastExit != "exit status 1" || got.PID != 0 {
		t.Errorf("status %+v, want no process, exit status 1", got)
	}
	if err := th.Start("p"); !errors.Is(err, ErrRunning) {
		t.Errorf("Start while it backs off: %v, want ErrRunning", err)
	}
	if err := th.Stop("p"); err != nil {
		t.Fatal(err)
	}
	if got := th.List()[0]; got.State != Stopped {
		t.Errorf("status %+v, want stopped", got)
	}
}

func TestProcessThatIgnoresSIGTERMIsKilledWithItsGroup(t *testing.T) {
	th := open(t, func(p *Process) { p.StopTimeout = 10 * time.Millisecond })
	p := th.start()
	p.order("ignore")
	p.order("fork")
	child := th.next()
	child.order("ignore")
	if err := th.Stop("p"); err != nil {
		t.Fatal(err)
	}
	if p.ended() != "" || child.ended() != "" {
		t.Error("one of the two got SIGTERM, want it ignored")
	}
	if got := th.List()[0]; got.LastExit != "signal: killed" {
		t.Errorf("status %+v, want signal: killed", got)
	}
}

func TestWhatAProcessLeavesBehindEndsWithIt(t *testing.T) {
	th := open(t, nil)
	p := th.start()
	p.order("fork")
	child := th.next()
	p.exits(0)
	child.ended()
	th.status(Exited)
}

func TestProcessDiesWithAKilledGateway(t *testing.T) { // only the kernel can see to it
	th := open(t, func(p *Process) { p.Restart = config.Never })
	gateway := th.start()
	gateway.order("supervise")
	p := th.next()
	p.order("ignore")
	if err := syscall.Kill(gateway.pid, syscall.SIGKILL); err != nil { // that process alone
		t.Fatal(err)
	}
	p.ended()
}

func TestStartAndStopSayWhatThereIsNotToDo(t *testing.T) {
	th := open(t, nil)
	for what, got := range map[string]error{"Start": th.Start("q"), "Stop": th.Stop("q")} {
		if !errors.Is(got, ErrUnknown) {
			t.Errorf("%s of an unknown process: %v, want ErrUnknown", what, got)
		}
	}
	if err := th.Stop("p"); !errors.Is(err, ErrStopped) {
		t.Errorf("Stop of a stopped process: %v, want ErrStopped", err)
	}
	th.start()
	if err := th.Start("p"); !errors.Is(err, ErrRunning) {
		t.Errorf("Start of a running process: %v, want ErrRunning", err)
	}
	th.Close()
	if err := th.Start("p"); err == nil {
		t.Error("Start after Close was done, want an error")
	}
}

func TestProcessThatCannotBeStartedIsNotTriedAgain(t *testing.T) {
	th := open(t, func(p *Process) { p.Command = []string{"/absent/program"} })
	for range 2 {
		if err := th.Start("p"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("Start: %v, want that the program is not there", err)
		}
	}
	if got := th.List()[0]; got.State != Exited || !strings.Contains(got.LastExit, "/absent/program") {
		t.Errorf("status %+v, want exited, and why", got)
	}
}

func TestConcurrentStopsTerminateOnce(t *testing.T) {
	th := open(t, nil)
	p := th.start()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := th.Stop("p"); err != nil && !errors.Is(err, ErrStopped) {
				t.Errorf("Stop: %v", err)
			}
		})
	}
	all.Wait()
	if got := p.ended(); got != "terminated" {
		t.Errorf("the process said %q, want one SIGTERM", got)
	}
}

func TestStopThatComesBeforeTheProcessIsEnteredReachesIt(t *testing.T) {
	// The interleaving: the program is started, Stop finds no one to signal,
	// the program is entered.
	th := open(t, nil)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), th.processes[0].declared.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	puppet := th.next()
	p := &process{log: slog.New(slog.DiscardHandler), asked: true}
	p.running(cmd.Process.Pid, time.Now())
	if got := puppet.ended(); got != "terminated" {
		t.Errorf("the process said %q, want that it got SIGTERM", got)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestHammerStartStop(t *testing.T) {
	th := open(t, func(p *Process) { p.Restart = config.Always; p.StopTimeout = 0; p.LogFile = "" })
	go func() {
		for {
			conn, err := th.door.Accept()
			if err != nil {
				return
			}
			conn.Close() // it ends, and is started again
		}
	}()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 10 {
				if err := th.Start("p"); err != nil && !errors.Is(err, ErrRunning) {
					t.Errorf("Start: %v", err)
				}
				if err := th.Stop("p"); err != nil && !errors.Is(err, ErrStopped) {
					t.Errorf("Stop: %v", err)
				}
			}
		})
	}
	all.Wait()
	if got := th.List()[0]; got.State != Stopped || got.PID != 0 {
		t.Errorf("status %+v, want stopped", got)
	}
}

func TestProcessHasItsEnvironmentAndFolder(t *testing.T) {
	t.Setenv("MODGATE_TEST_KEPT", "kept")
	t.Setenv("MODGATE_TEST_OVER", "gateway's")
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	th := open(t, func(p *Process) { p.Dir, p.Env = dir, append(p.Env, "MODGATE_TEST_OVER=its own") })
	p := th.start()
	for name, want := range map[string]string{"MODGATE_TEST_KEPT": "kept", "MODGATE_TEST_OVER": "its own"} {
		if got := p.order("env " + name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if got := p.order("dir"); got != dir {
		t.Errorf("runs in %s, want %s", got, dir)
	}
}

func TestOutputOfAllStartsIsInTheLog(t *testing.T) {
	th := open(t, nil)
	p := th.start()
	p.order("print first")
	p.exits(1)
	p = th.next()
	p.order("print second")
	if err := th.Stop("p"); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(th.log); err != nil || string(got) != "first\nsecond\n" {
		t.Errorf("log %q, %v, want both lines", got, err)
	}
	info, err := os.Stat(th.log)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("mode of the log = %v, want 0600", info.Mode())
	}
}

func TestDeclarationsThatCannotBe(t *testing.T) {
	run := []string{"/bin/true"}
	for name, declared := range map[string][]Process{
		"no command": {{Name: "a"}},
		"same name":  {{Name: "a", Command: run}, {Name: "b", Command: run}, {Name: "a", Command: run}},
	} {
		if _, err := OpenSupervisor(SupervisorOptions{Processes: declared}); err == nil || !strings.Contains(err.Error(), "process a") {
			t.Errorf("%s: %v, want an error that names the process", name, err)
		}
	}
}

func TestStatusAsAdministratorsReadIt(t *testing.T) {
	for want, s := range map[string]Status{
		`{"name":"p","state":"stopped","restarts":0}`: {Name: "p"},
		`{"name":"p","state":"backing-off","since":"2026-11-23T12:00:00Z","restarts":2,"last_exit":"exit status 1"}`: {
			Name: "p", State: BackingOff, Since: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Restarts: 2, LastExit: "exit status 1",
		},
	} {
		if got, err := json.Marshal(s); err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}

// What is told of a process: that it runs, that it has ended, each time; and
// before it is stopped it is taken leave of, while it still runs.
func TestStartsAndEndsAreToldAndStopTakesLeave(t *testing.T) {
	var mu sync.Mutex
	var told []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, what)
	}
	leave := make(chan struct{})
	th := open(t, nil)
	o := SupervisorOptions{
		Processes: []Process{th.processes[0].declared},
		Started:   func(name string) { note("started " + name) },
		Ended:     func(name string) { note("ended " + name) },
		Leave: func(ctx context.Context, name string) {
			if _, limited := ctx.Deadline(); !limited {
				t.Error("taking leave has no limit")
			}
			note("leave " + name)
			<-leave
		},
	}
	s, err := OpenSupervisor(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Start("p"); err != nil {
		t.Fatal(err)
	}
	th.next().exits(3)
	p := th.next()
	stopped := make(chan error, 2)
	for range 2 {
		go func() { stopped <- s.Stop("p") }()
	}
	p.order("print still here") // nobody has told it to stop
	close(leave)
	for range 2 {
		if err := <-stopped; err != nil && !errors.Is(err, ErrStopped) {
			t.Error(err)
		}
	}
	if got := p.ended(); got != "terminated" {
		t.Errorf("the process said %q, want one SIGTERM", got)
	}
	mu.Lock()
	defer mu.Unlock()
	want := []string{"started p", "ended p", "started p", "leave p", "ended p"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}
