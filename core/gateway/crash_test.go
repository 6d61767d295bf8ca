package gateway

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/modgate/modgate/core/control"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// TestStateSurvivesKill kills the gateway with SIGKILL at random points,
// while modules register, update and resume as fast as they can, and compares
// what it knows afterwards with what it had acknowledged (G1). make crash
// sets MODGATE_CRASHES.
func TestStateSurvivesKill(t *testing.T) {
	crashes := 20
	if text := os.Getenv("MODGATE_CRASHES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("MODGATE_CRASHES=%q is not a number", text)
		}
		crashes = n
	}
	c := child{Dir: t.TempDir(), Data: freeAddress(t), Control: freeAddress(t)}
	modules := make([]*upgrading, 4)
	for i := range modules {
		modules[i] = &upgrading{name: fmt.Sprintf("m%d", i), tokens: map[string]string{}}
	}
	acked := 0
	for range crashes {
		g := startChild(t, c)
		admin := caller{control: c.Control, bearer: readToken(t, c.Dir)}
		for _, m := range modules {
			m.compare(t, admin)
		}
		stop := make(chan struct{})
		var work sync.WaitGroup
		for _, m := range modules {
			work.Go(func() { m.work(t, caller{control: c.Control, bearer: joinSecret}, stop) })
		}
		time.AfterFunc(time.Duration(rand.IntN(100))*time.Millisecond, func() { g.Process.Kill() })
		g.Wait() //nolint:errcheck // it was killed
		close(stop)
		work.Wait()
	}
	for _, m := range modules {
		acked += m.step
	}
	t.Logf("%d kills, %d acknowledged steps", crashes, acked)
	if acked == 0 {
		t.Error("no step was acknowledged")
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// startChild starts a gateway in a process of its own and waits until it is
// ready.
func startChild(t *testing.T, c child) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	g := exec.Command(os.Args[0])
	g.Env = append(os.Environ(), serveEnv+"="+string(text))
	g.Stderr = os.Stderr
	out, err := g.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Process.Kill() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("the gateway did not start: %q %v", line, err)
	}
	return g
}

func readToken(t *testing.T, dir string) string {
	t.Helper()
	token, err := secretFile(dir, adminTokenFile)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// upgrading is a module that is upgraded for ever: version n+1 registers,
// says UPDATE, and when that is granted RESUME. Its state after each step is
// known.
type upgrading struct {
	name   string
	step   int               // acknowledged steps
	tokens map[string]string // by instance
}

// fact is what the gateway must know of a module.
type fact struct {
	serving string
	holder  string
	epoch   uint64
}

func (m *upgrading) version(n int) string { return fmt.Sprintf("1.%d.0", n) }
func (m *upgrading) id(n int) string      { return fmt.Sprintf("%s-%d", m.name, n) }

// after is the fact after so many steps, three for each version.
func (m *upgrading) after(steps int) fact {
	n := steps / 3 // versions that are through
	f := fact{epoch: uint64(n)}
	if n > 0 {
		f.serving = m.version(n - 1)
	}
	if steps%3 == 2 {
		f.serving, f.holder, f.epoch = "", m.id(n), uint64(n)+1
	}
	return f
}

// compare holds what the gateway knows against what it acknowledged. The one
// step that was under way may have been done, or, of an UPDATE, half done: it
// waits.
func (m *upgrading) compare(t *testing.T, admin caller) {
	t.Helper()
	var o control.Overview
	status, err := admin.call("GET", "/v1/admin/modules/"+m.name, nil, &o)
	if err != nil || status != http.StatusOK && (m.step > 0 || status != http.StatusNotFound) {
		t.Fatalf("%s after %d steps: %d %v", m.name, m.step, status, err)
	}
	got := fact{o.Serving.String(), o.Holder, o.Epoch}
	want, next := m.after(m.step), m.after(m.step+1)
	waits := fact{epoch: want.epoch}
	if got != want && got != next && (m.step%3 != 1 || got != waits) {
		t.Errorf("%s after %d acknowledged steps: got %+v, want %+v or %+v", m.name, m.step, got, want, next)
	}
	for id, token := range m.tokens {
		status, err := admin.as(token).call("PUT", "/v1/instances/"+id+"/lease", nil, nil)
		if err != nil || status == http.StatusUnauthorized && id == m.id(m.step/3) {
			t.Errorf("the token of %s opens nothing: %d %v", id, status, err)
		}
	}
}

// work does steps until the gateway is gone. A step that was not acknowledged
// is done again, as a module would: with the same seq (U7).
func (m *upgrading) work(t *testing.T, c caller, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		done, err := m.try(t, c)
		if err != nil {
			continue // the gateway is gone, or going
		}
		if done {
			m.step++
		}
	}
}

func (m *upgrading) try(t *testing.T, c caller) (done bool, err error) {
	n := m.step / 3
	id := m.id(n)
	if m.step%3 == 0 {
		var out message.Registered
		status, err := c.call("POST", "/v1/instances", message.Registration{
			Module: m.name, Version: module.MustVersion(m.version(n)), Instance: id, Upstream: "http://127.0.0.1:1",
			Routes: []message.Route{{Path: "/" + m.name + "/{id}"}},
		}, &out)
		if err == nil && status != http.StatusCreated {
			err = unexpected(t, id, "registration", status)
		}
		if err == nil {
			m.tokens = map[string]string{id: out.Token}
		}
		return err == nil, err
	}
	a := message.Announcement{Type: message.Update, Seq: 1}
	want := message.Granted
	if m.step%3 == 2 {
		a, want = message.Announcement{Type: message.Resume, Seq: 2}, message.Resumed
	}
	var out message.Answer
	status, err := c.as(m.tokens[id]).call("POST", "/v1/instances/"+id+"/announcements", a, &out, "Prefer", "wait=5")
	if err == nil && status == http.StatusAccepted {
		return false, nil // after a restart a grace runs to its end (G6)
	}
	if err == nil && (status != http.StatusOK || out.Outcome != want) {
		err = unexpected(t, id, a.Type.String(), status)
	}
	return err == nil, err
}

var errUnexpected = errors.New("unexpected answer")

func unexpected(t *testing.T, id, what string, status int) error {
	t.Errorf("%s: %s was answered %d", id, what, status)
	return errUnexpected
}
