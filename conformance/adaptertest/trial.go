// Package adaptertest plays a life of a mute module behind its adapter and a
// real core: told of its UPDATE, serving, replaced by a higher version under
// load, dying, coming back, let go. It holds what callers and administrators
// see of it against the specification (L4).
//
// It decides whether adapter and module together keep the promises. Which of
// the two broke one, the core's log and the module's own say.
package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/modgate/modgate/conformance/driver"
	"github.com/modgate/modgate/conformance/moduletest"
	"github.com/modgate/modgate/conformance/wire"
)

// Options are the core, the adapter and the module, and what is asked of them.
type Options struct {
	Core    driver.Options
	Adapter string         // file of the adapter
	Module  driver.Command // starts the module; {port}, {egress} and {version} are filled in
	Probe   string         // path that says whether it can serve; empty: its socket does
	Method  string
	Path    string
	Header  http.Header // of the request, beside its framing
	Body    string
	Config  string        // for the adapter
	Run     string        // header that carries a run through the module; empty: the protocol's own
	Limit   time.Duration // for each thing that must happen; 15 s without
	Log     io.Writer     // what core and module print; nil: nowhere
}

const name = "subject"

// trial is one core with the processes behind it.
type trial struct {
	Options
	ctx   context.Context
	core  *driver.Core
	admin string
	all   []*process
}

// process is one of the module.
type process struct {
	version, address, egress string
	cmd                      *exec.Cmd
}

// Run tries every promise, one after the other. The error is that nothing
// could be started.
func Run(ctx context.Context, o Options, said func(moduletest.Verdict)) error {
	if o.Limit == 0 {
		o.Limit = 15 * time.Second
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	code, err := os.ReadFile(o.Adapter)
	if err != nil {
		return fmt.Errorf("read adapter: %w", err)
	}
	core, err := driver.New(o.Core)
	if err != nil {
		return err
	}
	defer core.Close() // a folder that stays breaks no promise
	t := &trial{Options: o, ctx: ctx, core: core}
	defer t.stop()
	if err := t.configure(string(code)); err != nil {
		return err
	}
	if err := core.Start(ctx); err != nil {
		return err
	}
	defer func() { fmt.Fprint(o.Log, core.Log()) }()
	if t.admin, err = core.AdminToken(); err != nil {
		return err
	}
	broken := false
	for _, p := range promises {
		v := moduletest.Verdict{Rule: p.rule, Promise: p.text}
		if broken {
			v.Skipped = "what comes before it is broken"
		} else if v.Err = p.keep(t, string(code)); v.Err != nil {
			broken = true
		}
		said(v)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// configure writes a configuration with all processes that there are.
func (t *trial) configure(code string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "module %q {\n  update  = \"on-takeover\"\n  adapter = %q\n", name, name)
	if t.Run != "" {
		fmt.Fprintf(&b, "  run_header = %q\n", t.Run)
	}
	// A busy machine breaks no promise.
	b.WriteString("  plugin {\n    request_budget   = \"1s\"\n    lifecycle_budget = \"1s\"\n    probe_budget     = \"1s\"\n")
	if t.Config != "" {
		fmt.Fprintf(&b, "    config = %q\n", t.Config)
	}
	b.WriteString("  }\n")
	b.WriteString("  probe {\n    interval = \"250ms\"\n    timeout  = \"250ms\"\n")
	if t.Probe == "" {
		b.WriteString("    type = \"tcp\"\n  }\n")
	} else {
		fmt.Fprintf(&b, "    type = \"http\"\n    path = %q\n  }\n", t.Probe)
	}
	for _, p := range t.all {
		fmt.Fprintf(&b, "  version %q {\n    upstreams = [\"http://%s\"]\n    egress    = [%q]\n    routes    = [\"/*\"]\n  }\n", p.version, p.address, p.egress)
	}
	b.WriteString("}\n")
	return t.core.Configure(driver.Setting{Blocks: b.String(), Adapters: map[string]string{name + ".wasm": code}})
}

// join takes a process of the version into the configuration, which the core
// reads again, and starts it.
func (t *trial) join(version, code string) error {
	p := &process{version: version}
	var err error
	if p.address, err = t.Core.Ports.Take(); err == nil {
		p.egress, err = t.Core.Ports.Take()
	}
	if err != nil {
		return err
	}
	t.all = append(t.all, p)
	if err := t.configure(code); err != nil {
		return err
	}
	if a, err := t.control(http.MethodPost, "/v1/admin/reload"); err != nil || a.Status != http.StatusOK {
		return fmt.Errorf("the core did not take the configuration: %v %w", a, err)
	}
	return t.launch(p)
}

func (t *trial) launch(p *process) error {
	port := p.address[strings.LastIndexByte(p.address, ':')+1:]
	r := strings.NewReplacer("{port}", port, "{egress}", "http://"+p.egress, "{version}", p.version)
	words := make([]string, len(t.Module))
	for i, w := range t.Module {
		words[i] = r.Replace(w)
	}
	if path, err := exec.LookPath(words[0]); err == nil {
		words[0] = path
	}
	p.cmd = exec.CommandContext(t.ctx, words[0], words[1:]...)
	p.cmd.Dir = filepath.Dir(t.Adapter)
	p.cmd.Env = append(os.Environ(), "PORT="+port, "MODGATE_DATA=http://"+p.egress)
	p.cmd.Stdout, p.cmd.Stderr = t.Log, t.Log
	p.cmd.WaitDelay = time.Second
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start module: %w", err)
	}
	return nil
}

// die kills the process and waits for its end.
func (p *process) die() {
	if p.cmd != nil {
		p.cmd.Process.Kill() //nolint:errcheck // it may have ended
		p.cmd.Wait()         //nolint:errcheck // it was killed
		p.cmd = nil
	}
}

func (t *trial) stop() {
	for _, p := range t.all {
		p.die()
	}
}

// leave takes the oldest process out of the trial.
func (t *trial) leave() {
	t.all[0].die()
	t.all = slices.Delete(t.all, 0, 1)
}

// ask sends the request through the core; wait is its Prefer: wait, in seconds.
func (t *trial) ask(ctx context.Context, wait int) (wire.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, t.Limit)
	defer cancel()
	h := t.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set("Prefer", fmt.Sprintf("wait=%d", wait))
	if t.Body != "" && h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	return send(ctx, t.Method, "http://"+t.core.Data+t.Path, h, t.Body)
}

func (t *trial) control(method, path string) (wire.Answer, error) {
	ctx, cancel := context.WithTimeout(t.ctx, t.Limit)
	defer cancel()
	return send(ctx, method, "http://"+t.core.Control+path, http.Header{"Authorization": {"Bearer " + t.admin}}, "")
}

func send(ctx context.Context, method, url string, h http.Header, body string) (wire.Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return wire.Answer{}, err
	}
	req.Header = h
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return wire.Answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return wire.Answer{Status: resp.StatusCode, Header: resp.Header, Body: text}, err
}

// seen waits until the administrator sees a member of the module so.
func (t *trial) seen(member, want string) error {
	var last string
	for end := time.Now().Add(t.Limit); time.Now().Before(end); {
		a, err := t.control(http.MethodGet, "/v1/admin/modules/"+name)
		if err != nil {
			return err
		}
		if last, _ = a.Field(member); last == want {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-t.ctx.Done():
			return context.Cause(t.ctx)
		}
	}
	if last == "" {
		last = "nothing"
	}
	return fmt.Errorf("%s is %s after %v, want %s", member, last, t.Limit, want)
}

// fromModule says that an answer is not the module's own, or that it failed.
func fromModule(a wire.Answer, err error) error {
	switch {
	case err != nil:
		return err
	case a.Status >= 500:
		return errors.New(a.String())
	}
	return nil
}
