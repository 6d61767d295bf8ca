package modgate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// control speaks to the gateway's control listener.
type control struct {
	base   string
	bearer string // join secret or instance token; never logged
	http   *http.Client
}

// request makes a call of the control API; a nil body sends none.
func (c control) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	var buf bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&buf).Encode(body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, &buf)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.bearer)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// do sends req and decodes its answer. An answer that is no success is a
// *Problem.
func (c control) do(req *http.Request, answer any) error {
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return readProblem(resp)
	}
	if answer == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		return fmt.Errorf("read answer of %s %s: %w", req.Method, req.URL.Path, err)
	}
	return nil
}

// Bounds of the pause between two attempts.
const (
	backoffMin = 100 * time.Millisecond
	backoffMax = 5 * time.Second
)

// persist repeats attempt until it succeeds or fails for good: a gateway that
// is not up yet, or restarts, is waited for.
func persist(ctx context.Context, log *slog.Logger, what string, attempt func() error) error {
	for pause := backoffMin; ; pause = min(2*pause, backoffMax) {
		err := attempt()
		if err == nil {
			return nil
		}
		if !passing(err) || ctx.Err() != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if pause == backoffMin {
			log.Warn(what+": the gateway does not answer, trying on", "err", err)
		}
		var p *Problem
		if errors.As(err, &p) {
			pause = min(max(pause, p.RetryAfter), backoffMax)
		}
		if !sleep(ctx, pause) {
			return fmt.Errorf("%s: %w", what, context.Cause(ctx))
		}
	}
}

// sleep waits for d and reports whether ctx lasted that long.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
