package modgate

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// runKey is where a request's context keeps its run.
type runKey struct{}

// Handler prepares what the gateway sends for next: it notes the epoch (U8),
// and keeps the run (U11) in the request's context, from where Do passes it
// on.
func (in *Instance) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if epoch, err := strconv.ParseUint(r.Header.Get("Modgate-Epoch"), 10, 64); err == nil {
			in.See(epoch)
		}
		if run := r.Header.Get("Modgate-Run"); run != "" {
			r = r.WithContext(context.WithValue(r.Context(), runKey{}, run))
		}
		next.ServeHTTP(w, r)
	})
}

// Do sends a request to another module through the gateway: as this module
// (Modgate-Token), and on behalf of the request whose context ctx is
// (Modgate-Run). The caller closes the answer's body.
func (in *Instance) Do(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, in.data+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Modgate-Token", in.control.bearer)
	if run, ok := ctx.Value(runKey{}).(string); ok {
		req.Header.Set("Modgate-Run", run)
	}
	return in.control.http.Do(req)
}

// Get reads JSON from another module into answer. An answer that is no
// success is returned as a *Problem, whether the module or the gateway made
// it: Delayed and Missing tell.
func (in *Instance) Get(ctx context.Context, path string, answer any) error {
	resp, err := in.Do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("get %s: %w", path, readProblem(resp))
	}
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		return fmt.Errorf("get %s: %w", path, err)
	}
	return nil
}
