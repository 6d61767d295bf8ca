package modgate

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Registration is what a module says of itself (lifecycle.md 3.3).
type Registration struct {
	Module   string        `json:"module"`
	Version  string        `json:"version"`
	Instance string        `json:"instance,omitempty"` // kept over restarts, so that a grant is inherited (U10)
	Upstream string        `json:"upstream"`           // set by Life.Run
	Routes   []Route       `json:"routes"`
	Provides []Interface   `json:"provides,omitempty"`
	Requires []Requirement `json:"requires,omitempty"`
	Lease    string        `json:"lease,omitempty"` // a Go duration; empty: the operator's
	OnDelay  string        `json:"on_delay,omitempty"`
}

// Route is a path that the version serves.
type Route struct {
	Methods   []string `json:"methods,omitempty"` // empty: any
	Path      string   `json:"path"`
	Interface string   `json:"interface,omitempty"`
}

// Interface is a contract that the version provides.
type Interface struct {
	ID      string `json:"id"`
	Version string `json:"version"`
}

// What suits a module as a caller of a delayed one (A8).
const (
	OnDelayPark  = "park"  // hold my request until the module is back
	OnDelayReply = "reply" // answer me DELAY at once
)

// Instance is this process as the gateway knows it. It is safe for use by
// several goroutines.
type Instance struct {
	ID           string
	Module       string
	Version      string
	Requirements *Requirements

	control control
	data    string // origin of the data listener
	log     *slog.Logger
	lease   time.Duration
	epoch   atomic.Uint64 // the highest seen (U8)
	seq     atomic.Int64  // of the last announcement (U7)
	serving atomic.Bool   // RESUME was the last announcement
	once    sync.Once
	fenced  chan struct{} // closed by fence
}

// state is what the gateway says of a module to one of its instances.
type state struct {
	Phase string `json:"phase"`
}

// Register makes the process known. It waits for a gateway that is not up
// yet; a refusal is returned as a *Problem, and says why.
func Register(ctx context.Context, e Environment, r Registration, log *slog.Logger) (*Instance, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64 // all calls go to one gateway
	c := control{base: e.Control, bearer: e.JoinSecret, http: &http.Client{
		Transport: transport,
		// A redirect leads away from the gateway, and would take the token along.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	var answer struct {
		Instance     string
		Token        string
		Epoch        uint64
		Lease        string
		State        state
		Requirements []Requirement
	}
	err := persist(ctx, log, "register", func() error {
		req, err := c.request(ctx, http.MethodPost, "/v1/instances", r)
		if err != nil {
			return err
		}
		return c.do(req, &answer)
	})
	if err != nil {
		return nil, err
	}
	lease, err := time.ParseDuration(answer.Lease)
	if err != nil {
		return nil, err
	}
	c.bearer = answer.Token
	in := &Instance{
		ID: answer.Instance, Module: r.Module, Version: r.Version, Requirements: NewRequirements(answer.Requirements),
		control: c, data: e.Data, log: log, lease: lease, fenced: make(chan struct{}),
	}
	in.See(answer.Epoch)
	// seq must rise over restarts too: the clock does, and needs no file.
	in.seq.Store(time.Now().UnixMilli())
	in.judge(answer.State)
	return in, nil
}

// judge fences the process if the gateway has no use for its version: a
// higher one serves (V3), or was granted an UPDATE (V7).
func (in *Instance) judge(s state) {
	if s.Phase == "fenced" || s.Phase == "idle" {
		in.fence()
	}
}

// Fenced is closed when the process must stop writing, and exit (U8).
func (in *Instance) Fenced() <-chan struct{} { return in.fenced }

func (in *Instance) fence() { in.once.Do(func() { close(in.fenced) }) }

// Alert messages the administrators (G5). Severity is "info", "warning" or
// "critical".
func (in *Instance) Alert(ctx context.Context, severity, summary, detail string) error {
	body := map[string]string{"severity": severity, "summary": summary, "detail": detail}
	return persist(ctx, in.log, "alert", func() error {
		req, err := in.control.request(ctx, http.MethodPost, "/v1/alerts", body)
		if err != nil {
			return err
		}
		return in.control.do(req, nil)
	})
}
