package alert

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// How long a courier goes on with one report, and how it waits in between.
const (
	givenUpAfter = 15 * time.Minute
	firstPause   = time.Second
	longestPause = time.Minute
)

// errFull is returned by Send when too much waits.
var errFull = errors.New("too many alerts wait for it")

// Courier brings reports to a sink that may be slow or away, on a goroutine of
// its own: in order, each tried again until it was taken or is too old.
// OpenCourier makes one.
type Courier struct {
	sink  Sink
	least Severity
	log   *slog.Logger
	queue chan Report
	hurry context.CancelFunc
	done  chan struct{}

	mu     sync.Mutex
	closed bool // guarded by mu
}

// OpenCourier starts a courier for reports that are at least that severe. log
// hears of those that were given up.
func OpenCourier(sink Sink, least Severity, log *slog.Logger) *Courier {
	ctx, hurry := context.WithCancel(context.Background())
	c := &Courier{sink: sink, least: least, log: log, queue: make(chan Report, maxQueue), hurry: hurry, done: make(chan struct{})}
	go c.run(ctx)
	return c
}

// Send takes r without waiting for the sink.
func (c *Courier) Send(_ context.Context, r Report) error {
	if r.Severity < c.least {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	select {
	case c.queue <- r:
		return nil
	default:
		return errFull
	}
}

func (c *Courier) run(ctx context.Context) {
	defer close(c.done)
	for r := range c.queue {
		if err := c.bring(ctx, r); err != nil {
			c.log.Error("alert was not delivered", "summary", r.Summary, "occasion", r.Occasion.String(), "cause", err)
		}
	}
}

// bring tries until the sink takes r, ctx ends, or r is too old.
func (c *Courier) bring(ctx context.Context, r Report) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		limited, cancel := context.WithTimeout(ctx, sendLimit)
		err := c.sink.Send(limited, r)
		cancel()
		if err == nil || time.Since(r.Time) > givenUpAfter {
			return err
		}
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return err
		}
	}
}

// Close brings what waits, for 5 s at most.
func (c *Courier) Close() {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.queue)
	}
	c.mu.Unlock()
	limit := time.AfterFunc(closeLimit, c.hurry)
	<-c.done
	limit.Stop()
	c.hurry()
}
