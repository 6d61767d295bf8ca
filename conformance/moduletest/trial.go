package moduletest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/modgate/modgate/conformance/child"
)

// Options are the module, and what is asked of it.
type Options struct {
	Command []string      // starts the module; it finds the gateway in its environment
	Dir     string        // its working folder
	Method  string        // of the request that is sent to the module
	Path    string        // a path that the module serves
	Body    string        // of the request
	Limit   time.Duration // for each thing that the module must do; 15 s without
	Log     io.Writer     // what the module prints; nil: nowhere
}

// Verdict is what came of one promise.
type Verdict struct {
	Rule, Promise string
	Err           error  // why it is broken
	Skipped       string // why it could not be tried
}

// promise is something that a module must do. The order is that of a life.
type promise struct {
	rule, text string
	keep       func(*trial) error
}

// errSkip is wrapped by why a promise cannot be tried with this module.
var errSkip = errors.New("not tried")

// trial is one module with one gateway.
type trial struct {
	Options
	*gateway
	ctx     context.Context
	process *child.Process
}

// Run tries every promise, one after the other. The error is that the module
// could not be started.
func Run(ctx context.Context, o Options, said func(Verdict)) ([]Verdict, error) {
	if o.Limit == 0 {
		o.Limit = 15 * time.Second
	}
	g, err := newGateway()
	if err != nil {
		return nil, err
	}
	defer g.goDown()
	t := &trial{Options: o, gateway: g, ctx: ctx}
	if err := t.start(); err != nil {
		return nil, err
	}
	defer func() { t.process.Kill() }()
	var verdicts []Verdict
	for _, p := range promises {
		v := Verdict{Rule: p.rule, Promise: p.text}
		switch err := t.try(p); {
		case errors.Is(err, errSkip):
			v.Skipped = err.Error()
		case err != nil:
			v.Err = err
		}
		verdicts = append(verdicts, v)
		if said != nil {
			said(v)
		}
		if ctx.Err() != nil {
			return verdicts, ctx.Err()
		}
	}
	return verdicts, nil
}

// try tries one promise. All but the first are about a module that has
// registered.
func (t *trial) try(p promise) error {
	t.mu.Lock()
	registered := len(t.registrations) > 0
	t.mu.Unlock()
	if !registered && p.text != promises[0].text {
		return fmt.Errorf("%w: it never registered", errSkip)
	}
	return p.keep(t)
}

// start starts the module's process.
func (t *trial) start() error {
	cmd := exec.Command(t.Command[0], t.Command[1:]...)
	cmd.Dir = t.Dir
	cmd.Env = append(os.Environ(),
		"MODGATE_CONTROL=http://"+t.control, "MODGATE_DATA=http://"+t.data, "MODGATE_JOIN_SECRET="+joinSecret, "PORT=0")
	process, err := child.Start(cmd, t.Log)
	if err != nil {
		return fmt.Errorf("start module: %w", err)
	}
	t.process = process
	return nil
}

// alive says how the process ended, if it did.
func (t *trial) alive() error {
	if state := t.process.State(); state != nil {
		return fmt.Errorf("the process ended: %v", state)
	}
	return nil
}

// until waits for something that the gateway sees.
func (t *trial) until(what string, seen func() bool) error {
	for end := time.Now().Add(t.Limit); ; {
		t.mu.Lock()
		ok := seen()
		t.mu.Unlock()
		if ok {
			return nil
		}
		if err := t.alive(); err != nil {
			return fmt.Errorf("it never %s: %w", what, err)
		}
		if time.Now().After(end) {
			return fmt.Errorf("it has not %s within %v", what, t.Limit)
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-t.ctx.Done():
			return t.ctx.Err()
		}
	}
}

// ask sends a request to the module, as the gateway does.
func (t *trial) ask(run string) (*http.Response, error) {
	t.mu.Lock()
	upstream, epoch := t.registrations[len(t.registrations)-1].Upstream, t.epoch
	t.mu.Unlock()
	ctx, cancel := context.WithTimeout(t.ctx, t.Limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, t.Method, upstream+t.Path, strings.NewReader(t.Body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Modgate-Run", run)
	req.Header.Set("Modgate-Epoch", fmt.Sprint(epoch))
	req.Header.Set("Modgate-Request-Id", "conformance")
	if t.Body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp, err
}
