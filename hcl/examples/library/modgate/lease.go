package modgate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Renew renews the lease and notes the epoch. It returns ErrFenced, and
// closes Fenced, when the gateway has replaced the process.
func (in *Instance) Renew(ctx context.Context) error {
	_, err := in.renew(ctx)
	return err
}

func (in *Instance) renew(ctx context.Context) (state, error) {
	var answer struct {
		State state
		Epoch uint64
	}
	req, err := in.control.request(ctx, http.MethodPut, "/v1/instances/"+in.ID+"/lease", nil)
	if err != nil {
		return state{}, err
	}
	if err := in.control.do(req, &answer); err != nil {
		if errors.Is(err, ErrFenced) {
			in.fence()
		}
		return state{}, fmt.Errorf("renew lease: %w", err)
	}
	in.See(answer.Epoch)
	return answer.State, nil
}

// patience is how long a gateway may not know the token. Tokens survive its
// restarts; one that stays unknown is lost, and a new process must register.
const patience = time.Minute

// KeepLease renews at a third of the lease until ctx ends or the process is
// fenced. It lives through restarts of the gateway, and announces RESUME
// again if the gateway took a serving process for lost (L6). It returns an
// error only when the gateway has forgotten the process.
func (in *Instance) KeepLease(ctx context.Context) error {
	var unknown time.Time // since when the token has been unknown
	for troubled := false; sleep(ctx, in.lease/3); {
		attempt, cancel := context.WithTimeout(ctx, in.lease/3)
		s, err := in.renew(attempt)
		cancel()
		var p *Problem
		switch {
		case ctx.Err() != nil, errors.Is(err, ErrFenced):
			return nil
		case err == nil:
			troubled, unknown = false, time.Time{}
			in.comeBack(ctx, s)
			continue
		case errors.As(err, &p) && p.Status == http.StatusUnauthorized:
			if unknown.IsZero() {
				unknown = time.Now()
			}
			if time.Since(unknown) > patience {
				return fmt.Errorf("the gateway has not known this process for %v: %w", patience, err)
			}
		}
		if !troubled {
			in.log.Warn("the lease is not renewed, trying on", "err", err)
		}
		troubled = true
	}
	return nil
}

// comeBack announces RESUME again when the gateway has taken a process out
// that serves.
func (in *Instance) comeBack(ctx context.Context, s state) {
	if s.Phase != "out" || !in.serving.Load() {
		return
	}
	in.log.Warn("the gateway had lost this process: RESUME again")
	if err := in.Resume(ctx); err != nil && ctx.Err() == nil {
		in.log.Error("could not come back", "err", err)
	}
}
