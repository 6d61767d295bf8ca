// Package gateway starts modgate as it is built, as a process of its own, and
// speaks to its control listener (lifecycle.md 3.3).
package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/modgate/modgate/bench/process"
	"github.com/modgate/modgate/core/message"
)

// Gateway is one that runs.
type Gateway struct {
	*process.Process
	Data, Control string // addresses of its listeners

	admin string
	seq   uint64
}

const joinSecret = "measurements-of-one-machine"

// configuration is all that an operator decides here: the rest is default.
const configuration = `gateway {
  listen      = %q
  data_dir    = %q
  join_secret = %q

  control {
    listen = %q
  }
%s}

%s`

// Start starts the binary modgate of the folder out, where its log goes too;
// what need not last goes to scratch. The configuration gets settings, the
// inner part of its gateway block, and further blocks.
func Start(ctx context.Context, out, scratch, settings, blocks string) (*Gateway, error) {
	addresses, err := process.Vacant(2)
	if err != nil {
		return nil, err
	}
	g := &Gateway{Data: addresses[0], Control: addresses[1]}
	file, data := filepath.Join(scratch, "gateway.hcl"), filepath.Join(scratch, "data")
	text := fmt.Sprintf(configuration, g.Data, data, joinSecret, g.Control, settings, blocks)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	if g.Process, err = process.Start(ctx, out, "modgate", "serve", file); err != nil {
		return nil, err
	}
	if err := g.ready(ctx); err != nil {
		g.Stop()
		return nil, err
	}
	token, err := os.ReadFile(filepath.Join(data, "admin-token"))
	if err != nil {
		g.Stop()
		return nil, err
	}
	g.admin = strings.TrimSpace(string(token))
	return g, nil
}

// ready waits until the gateway is.
func (g *Gateway) ready(ctx context.Context) error {
	if err := g.Accept(ctx, g.Control); err != nil {
		return err
	}
	for {
		resp, err := http.Get("http://" + g.Control + "/readyz")
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the gateway is not ready: %s", resp.Status)
		}
	}
}

// Register registers an instance.
func (g *Gateway) Register(ctx context.Context, r message.Registration) (message.Registered, error) {
	var registered message.Registered
	err := g.call(ctx, http.MethodPost, "/v1/instances", joinSecret, r, &registered)
	return registered, err
}

// Resume has an instance announce RESUME.
func (g *Gateway) Resume(ctx context.Context, as message.Registered) error {
	var answer message.Answer
	g.seq++
	path := "/v1/instances/" + as.Instance + "/announcements"
	if err := g.call(ctx, http.MethodPost, path, as.Token, message.Announcement{Type: message.Resume, Seq: g.seq}, &answer); err != nil {
		return err
	}
	if answer.Outcome != message.Resumed {
		return fmt.Errorf("RESUME of %s: %s", as.Instance, answer.State.State)
	}
	return nil
}

// Renew renews an instance's lease.
func (g *Gateway) Renew(ctx context.Context, as message.Registered) error {
	var answer struct{}
	return g.call(ctx, http.MethodPut, "/v1/instances/"+as.Instance+"/lease", as.Token, nil, &answer)
}

// Parked returns how many requests wait for a module.
func (g *Gateway) Parked(ctx context.Context, module string) (int, error) {
	var seen struct{ Parked int }
	err := g.call(ctx, http.MethodGet, "/v1/admin/modules/"+module, g.admin, nil, &seen)
	return seen.Parked, err
}

func (g *Gateway) call(ctx context.Context, method, path, bearer string, body, answer any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+g.Control+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("read the answer to %s %s: %w", method, path, err)
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s\n%s", method, path, resp.Status, said)
	}
	return json.Unmarshal(said, answer)
}
