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
	log   *slog.Logger
	queue chan Report
	again chan struct{} // holds one: the sink is another
	hurry context.CancelFunc
	done  chan struct{} // closed when nothing is left to bring

	mu     sync.Mutex
	sink   Sink     // guarded by mu, as below
	least  Severity // that is sent there
	closed bool
}

// OpenCourier starts a courier for reports that are at least that severe. log
// hears of those that were given up.
func OpenCourier(sink Sink, least Severity, log *slog.Logger) *Courier {
	ctx, hurry := context.WithCancel(context.Background())
	c := &Courier{
		sink: sink, least: least, log: log, queue: make(chan Report, maxQueue), again: make(chan struct{}, 1), hurry: hurry, done: make(chan struct{}),
	}
	go c.run(ctx)
	return c
}

// Redirect has what waits, and what comes, brought to sink: what the former
// one did not take is tried there at once.
func (c *Courier) Redirect(sink Sink, least Severity) {
	c.mu.Lock()
	c.sink, c.least = sink, least
	c.mu.Unlock()
	select {
	case c.again <- struct{}{}:
	default:
	}
}

func (c *Courier) present() Sink {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sink
}

// Send takes r without waiting for the sink.
func (c *Courier) Send(_ context.Context, r Report) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || r.Severity < c.least {
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
	for pause := firstPause; ; pause = min(max(firstPause, 2*pause), longestPause) {
		limited, cancel := context.WithTimeout(ctx, sendLimit)
		err := c.present().Send(limited, r)
		cancel()
		if err == nil || time.Since(r.Time) > givenUpAfter {
			return err
		}
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
		case <-c.again:
			wait.Stop()
			pause = 0
		case <-ctx.Done():
			wait.Stop()
			return err
		}
	}
}

// Retire takes no further reports. What waits is still brought, in its own
// time: done is closed then.
func (c *Courier) Retire() (done <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		close(c.queue)
	}
	return c.done
}

// Close brings what waits, for 5 s at most.
func (c *Courier) Close() {
	done := c.Retire()
	limit := time.AfterFunc(closeLimit, c.hurry)
	<-done
	limit.Stop()
	c.hurry()
}
