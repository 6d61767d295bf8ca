package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/modgate/modgate/bench/gateway"
	"github.com/modgate/modgate/bench/process"
	"github.com/modgate/modgate/core/message"
)

// proxy is one of the two that are compared.
type proxy struct {
	name    string
	address string
	process *process.Process
}

// scene is everything that runs while it is measured.
type scene struct {
	modgate, naive proxy
	processes      []*process.Process
	load           load
}

// headers are those of a request that one module sends to another, beside
// who it is.
var headers = []string{
	"User-Agent: peers", "Accept: application/json", "Accept-Encoding: gzip", "X-Tenant: library",
	"Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
}

// openScene starts the backend and both proxies, registers every module, and
// makes sure that both answer every workload as they should. binaries and logs
// are in out; what need not last goes to scratch.
func openScene(ctx context.Context, out, scratch string) (_ *scene, err error) {
	s := &scene{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	addresses, err := process.Vacant(2)
	if err != nil {
		return nil, err
	}
	backend, naive := addresses[0], addresses[1]
	if _, err := s.start(ctx, out, "backend", backend, backend); err != nil {
		return nil, err
	}
	n, err := s.start(ctx, out, "naive", naive, naive, backend)
	if err != nil {
		return nil, err
	}
	g, err := gateway.Start(ctx, out, scratch, "", "")
	if err != nil {
		return nil, err
	}
	s.processes = append(s.processes, g.Process)
	s.modgate, s.naive = proxy{"modgate", g.Data, g.Process}, proxy{"naive", naive, n}

	token, err := populate(ctx, g, backend)
	if err != nil {
		return nil, err
	}
	run, err := s.identify(ctx, token)
	if err != nil {
		return nil, err
	}
	own := append(headers[:len(headers):len(headers)], "Modgate-Token: "+token, "Modgate-Run: "+run)
	if s.load, err = newLoad(scratch, own); err != nil {
		return nil, err
	}
	return s, s.check(ctx)
}

// populate registers every module, has each announce RESUME, and returns the
// calling one's token.
func populate(ctx context.Context, g *gateway.Gateway, backend string) (token string, err error) {
	for i := range moduleCount {
		r := registration(i, backend)
		registered, err := g.Register(ctx, r)
		if err != nil {
			return "", err
		}
		for _, q := range registered.Requirements {
			if q.State != message.Met {
				return "", fmt.Errorf("%s requires %s, which is %s", r.Module, q.ID, q.State)
			}
		}
		if err := g.Resume(ctx, registered); err != nil {
			return "", err
		}
		if i == caller {
			token = registered.Token
		}
	}
	return token, nil
}

// start starts a program, and waits until it listens at address.
func (s *scene) start(ctx context.Context, dir, name, address string, args ...string) (*process.Process, error) {
	p, err := process.Start(ctx, dir, name, args...)
	if err != nil {
		return nil, err
	}
	s.processes = append(s.processes, p)
	return p, p.Accept(ctx, address)
}

func (s *scene) close() {
	for _, p := range s.processes {
		p.Stop()
	}
}

// identify returns the run that the calling module is in: that of a client's
// request to it. It fails unless what modgate promises a module is on: who
// calls, counted hops, the epoch, and no token for others to see.
func (s *scene) identify(ctx context.Context, token string) (run string, err error) {
	head, err := s.seen(ctx, itemPath(caller, 0), headers)
	if err != nil {
		return "", err
	}
	run = head.Get("Modgate-Run")
	if run == "" {
		return "", fmt.Errorf("modgate wrote no Modgate-Run: %v", head)
	}
	head, err = s.seen(ctx, itemPath(target, 0), append(headers[:len(headers):len(headers)], "Modgate-Token: "+token, "Modgate-Run: "+run))
	switch {
	case err != nil:
		return "", err
	case len(head.Get("Modgate-Run")) <= len(run):
		return "", fmt.Errorf("modgate did not add to the run of a caller: %v", head)
	case head.Get("Modgate-Epoch") == "", head.Get("Modgate-Token") != "":
		return "", fmt.Errorf("modgate told the module not what it should: %v", head)
	}
	return run, nil
}

// seen returns the head of a request for path as the backend gets it from
// modgate.
func (s *scene) seen(ctx context.Context, path string, headers []string) (http.Header, error) {
	body, err := ask(ctx, http.MethodGet, "http://"+s.modgate.address+path+"?answer=seen", headers, 0)
	if err != nil {
		return nil, err
	}
	head := http.Header{}
	for line := range strings.Lines(body) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			head.Add(name, strings.TrimSpace(value))
		}
	}
	return head, nil
}

// check fails unless both proxies answer each workload in full.
func (s *scene) check(ctx context.Context) error {
	for _, p := range []proxy{s.modgate, s.naive} {
		for _, w := range workloads("") {
			for _, path := range w.paths {
				body, err := ask(ctx, w.method, "http://"+p.address+path, s.load.headers, w.body)
				if err != nil {
					return err
				}
				if len(body) != w.answer {
					return fmt.Errorf("%s, %s %s: %d bytes, want %d", p.name, w.method, path, len(body), w.answer)
				}
			}
		}
	}
	return nil
}

// ask sends one request with a body of size bytes and returns the answer's,
// which must be 200.
func ask(ctx context.Context, method, url string, headers []string, size int) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(strings.Repeat("x", size)))
	if err != nil {
		return "", err
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", fmt.Errorf("read the answer to %s %s: %w", method, url, err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s %s: %s\n%s", method, url, resp.Status, body)
	}
	return string(body), nil
}
