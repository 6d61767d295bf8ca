package driver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/modgate/modgate/conformance/child"
)

// Options are how a core is started.
type Options struct {
	Command    Command
	AdminToken string        // file with the administrator's token; DirPlace is filled
	Ready      time.Duration // how long a start may take
	Ports      *Ports
}

// JoinSecret is the general join secret of every core that is started.
const JoinSecret = "conformance-join-secret"

// Core is one core under test, and the folder that it lives in.
type Core struct {
	Data, Control string // addresses

	o       Options
	folder  string
	process *child.Process // the latest; nil before the first start
	log     *output
}

// output keeps what a core prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// New prepares a core in a new folder, and starts nothing.
func New(o Options) (*Core, error) {
	folder, err := os.MkdirTemp("", "conformance-")
	if err != nil {
		return nil, err
	}
	c := &Core{o: o, folder: folder, log: &output{}}
	if c.Data, err = o.Ports.Take(); err == nil {
		c.Control, err = o.Ports.Take()
	}
	if err != nil {
		os.RemoveAll(folder) //nolint:errcheck // the first error counts
		return nil, err
	}
	return c, nil
}

// Setting is the configuration of a case.
type Setting struct {
	Gateway  string            // within the gateway block
	Blocks   string            // beside it
	Policies map[string]string // by file
	Adapters map[string]string // by file
}

// Configure writes the configuration, for the next start or reload.
func (c *Core) Configure(s Setting) error {
	var b strings.Builder
	fmt.Fprintf(&b, "gateway {\n  listen      = %q\n  data_dir    = %q\n  join_secret = %q\n", c.Data, c.dir(), JoinSecret)
	if !strings.Contains(s.Gateway, "control {") {
		fmt.Fprintf(&b, "  control {\n    listen = %q\n  }\n", c.Control)
	}
	if !strings.Contains(s.Gateway, "settle") {
		b.WriteString("  settle = \"0s\"\n")
	}
	for _, extra := range []struct {
		attribute string
		files     map[string]string
	}{{"policies", s.Policies}, {"plugins", s.Adapters}} {
		if len(extra.files) == 0 {
			continue
		}
		folder := filepath.Join(c.folder, extra.attribute)
		for name, text := range extra.files {
			if err := write(filepath.Join(folder, name), text); err != nil {
				return err
			}
		}
		fmt.Fprintf(&b, "  %s = %q\n", extra.attribute, folder)
	}
	b.WriteString(s.Gateway + "}\n" + s.Blocks)
	return write(c.config(), b.String())
}

func write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

func (c *Core) config() string { return filepath.Join(c.folder, "gateway.hcl") }
func (c *Core) dir() string    { return filepath.Join(c.folder, "data") }

// Log returns what the core has printed, over all its lives.
func (c *Core) Log() string { return c.log.String() }

// Start starts the process and waits until it is ready.
func (c *Core) Start(ctx context.Context) error {
	if err := c.launch(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.o.Ready)
	defer cancel()
	for {
		if ready(ctx, c.Control) {
			return nil
		}
		select {
		case <-c.process.Ended():
			return fmt.Errorf("start core: it ended: %v\n%s", c.process.State(), c.Log())
		case <-ctx.Done():
			return fmt.Errorf("start core: not ready after %v\n%s", c.o.Ready, c.Log())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (c *Core) launch() error {
	if c.running() {
		return errors.New("start core: it runs")
	}
	words := c.o.Command.fill(c.config(), c.dir(), c.Data, c.Control)
	process, err := child.Start(exec.Command(words[0], words[1:]...), c.log)
	if err != nil {
		return fmt.Errorf("start core: %w", err)
	}
	c.process = process
	return nil
}

func (c *Core) running() bool { return c.process != nil && c.process.State() == nil }

// ready asks GET /readyz.
func ready(ctx context.Context, control string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+control+"/readyz", http.NoBody)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// Refuses starts the core and returns what it printed when it ended by itself
// with a code other than 0, as it must for a wrong configuration.
func (c *Core) Refuses(ctx context.Context) (printed string, err error) {
	before := len(c.Log())
	if err := c.launch(); err != nil {
		return "", err
	}
	select {
	case <-c.process.Ended():
		if c.process.State().Success() {
			return "", errors.New("the core ended with code 0")
		}
		return c.Log()[before:], nil
	case <-time.After(c.o.Ready):
	case <-ctx.Done():
	}
	c.Kill()
	return "", errors.New("the core runs with a configuration that is wrong")
}

// Kill ends the process by SIGKILL.
func (c *Core) Kill() {
	if c.running() {
		c.process.Kill()
	}
}

// Stop ends the process by SIGTERM; that it takes longer than the bound, or
// exits with another code than 0, is an error.
func (c *Core) Stop(bound time.Duration) error {
	if !c.running() {
		return errors.New("stop core: it does not run")
	}
	if err := c.process.Terminate(); err != nil {
		return fmt.Errorf("stop core: %w", err)
	}
	if err := c.process.Exit(bound); err != nil {
		c.Kill()
		return fmt.Errorf("stop core: after SIGTERM: %w", err)
	}
	return nil
}

// AdminToken reads the administrator's token, which the core made at its
// first start.
func (c *Core) AdminToken() (string, error) {
	b, err := os.ReadFile(strings.ReplaceAll(c.o.AdminToken, DirPlace, c.dir()))
	if err != nil {
		return "", fmt.Errorf("read administrator's token: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// Close ends the process and removes its folder.
func (c *Core) Close() error {
	c.Kill()
	return os.RemoveAll(c.folder)
}
