package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

const (
	waitLimit = 20 * time.Second // bounds every wait of a script
	pollPause = 20 * time.Millisecond
)

// script is what a script has running.
type script struct {
	gateway *exec.Cmd
	ended   chan error // what the gateway ended with; holds one
	parked  sync.WaitGroup
	leave   []context.CancelFunc // of who is parked
}

type scriptKey struct{}

func of(ts *testscript.TestScript) *script { return ts.Value(scriptKey{}).(*script) }

// end leaves nothing running behind a script that failed.
func (s *script) end() {
	for _, leave := range s.leave {
		leave()
	}
	s.parked.Wait()
	if s.gateway != nil {
		_ = s.gateway.Process.Kill() // it may have ended
		<-s.ended
	}
}

// gatewayCmd runs modgate serve, its output going to gateway.log:
//
//	gateway start FILE...  returns when it is ready, and sets $MODGATE_CONTROL,
//	                       $MODGATE_DATA, $MODGATE_TOKEN_FILE
//	gateway hangup         sends SIGHUP
//	gateway stop           sends SIGTERM and wants exit code 0
func gatewayCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: gateway start FILE... | hangup | stop")
	}
	s := of(ts)
	if (s.gateway == nil) != (args[0] == "start") {
		ts.Fatalf("gateway %s: it runs already, or does not run", args[0])
	}
	switch args[0] {
	case "start":
		s.start(ts, args[1:])
	case "hangup":
		ts.Check(s.gateway.Process.Signal(syscall.SIGHUP))
	case "stop":
		ts.Check(s.gateway.Process.Signal(syscall.SIGTERM))
		select {
		case err := <-s.ended:
			s.gateway = nil
			if err != nil {
				ts.Fatalf("%v: %s", err, ts.ReadFile("gateway.log"))
			}
		case <-time.After(waitLimit):
			ts.Fatalf("the gateway did not stop within %v", waitLimit)
		}
	default:
		ts.Fatalf("gateway %s: want start, hangup or stop", args[0])
	}
}

// ready is the line that says where the gateway listens.
var ready = regexp.MustCompile(`modgate is ready.* data=(\S+) control=(\S+) admin_token_file=(\S+)`)

func (s *script) start(ts *testscript.TestScript, files []string) {
	log, err := os.OpenFile(ts.MkAbs("gateway.log"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	ts.Check(err)
	s.gateway = exec.Command("modgate", append([]string{"serve"}, files...)...)
	s.gateway.Dir, s.gateway.Stdout, s.gateway.Stderr = ts.MkAbs("."), log, log
	ts.Check(s.gateway.Start())
	log.Close()
	s.ended = make(chan error, 1)
	go func(cmd *exec.Cmd) { s.ended <- cmd.Wait() }(s.gateway)

	var said []string
	poll(ts, "the gateway to be ready", func() bool {
		if len(s.ended) > 0 {
			ts.Fatalf("the gateway ended: %s", ts.ReadFile("gateway.log"))
		}
		said = ready.FindStringSubmatch(ts.ReadFile("gateway.log"))
		return said != nil
	})
	ts.Setenv("MODGATE_DATA", "http://"+said[1])
	ts.Setenv("MODGATE_CONTROL", "http://"+said[2])
	ts.Setenv("MODGATE_TOKEN_FILE", said[3])
}

// poll waits until ok.
func poll(ts *testscript.TestScript, what string, ok func() bool) {
	for end := time.Now().Add(waitLimit); !ok(); time.Sleep(pollPause) {
		if time.Now().After(end) {
			ts.Fatalf("waited for %s, for %v", what, waitLimit)
		}
	}
}

// exitsCmd runs a command that must end with a code: exits CODE COMMAND...
func exitsCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGUMENT...")
	}
	if got := code(ts.Exec(args[1], args[2:]...)); got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

// code returns what a command ended with.
func code(err error) string {
	var exited *exec.ExitError
	switch {
	case err == nil:
		return "0"
	case errors.As(err, &exited):
		return strconv.Itoa(exited.ExitCode())
	default:
		return err.Error()
	}
}

// waitforCmd runs a command again and again until its output, or the text of
// a file, matches: waitfor PATTERN COMMAND..., or waitfor PATTERN file NAME.
func waitforCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: waitfor PATTERN COMMAND ARGUMENT... | waitfor PATTERN file NAME")
	}
	pattern, err := regexp.Compile(`(?m)` + args[0])
	ts.Check(err)
	poll(ts, args[0], func() bool {
		if args[1] == "file" {
			return pattern.MatchString(ts.ReadFile(args[2]))
		}
		_ = ts.Exec(args[1], args[2:]...) // status ends with what it saw
		return pattern.MatchString(ts.ReadFile("stdout"))
	})
}

// modeCmd wants a file to have a mode: mode 0600 FILE.
func modeCmd(ts *testscript.TestScript, neg bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); (got == args[0]) == neg {
		ts.Fatalf("%s has mode %s", args[1], got)
	}
}
