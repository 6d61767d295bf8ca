package notify

import (
	"context"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
)

// retry is how soon a webhook that did not take a notice is tried again (N1).
var retry = config.Backoff{Min: time.Second, Max: 5 * time.Minute}

// Webhook is where an instance takes notices while it has no open stream
// (3.4).
type Webhook struct {
	Instance string
	Module   string // the instance's
	URL      string
	Key      []byte // of the signature: its secret without whsec_, decoded
}

// hook is a webhook with its luck so far. Its box's Post.mu guards it.
type hook struct {
	Webhook
	due      time.Time // when its turn comes; zero: it waits to be woken
	turn     *turn     // nil: it has none now
	woken    bool      // while it had its turn
	failures int       // one after the other
	failed   string    // subject that failed last
	since    time.Time // begin of the first failure since nothing was owed, or zero
	overdue  bool      // and Overdue was told
}

// turn is a hook in the hands of a worker.
type turn struct {
	cancel context.CancelFunc
	left   chan struct{} // closed when its last Told has returned
	again  bool          // it had failed before
}

// next returns the notice to be sent now: the first that is owed, or the one
// behind the subject that failed last, so that one which its receiver cannot
// digest does not keep the others back.
func (h *hook) next(owed []message.Notice) message.Notice {
	for i, n := range owed {
		if n.Subject == h.failed {
			return owed[(i+1)%len(owed)]
		}
	}
	return owed[0]
}

// delivered notes that a notice was taken: there may be more.
func (h *hook) delivered(n message.Notice, now time.Time) {
	h.failures, h.due = 0, now
	if h.failed == n.Subject {
		h.failed = ""
	}
}

// undelivered notes that a notice was not taken at an attempt that began at
// the given time, and reports whether that is worth an alert. One attempt
// falls on the time of the alert.
func (h *hook) undelivered(n message.Notice, began, now time.Time) (overdue bool) {
	if h.since.IsZero() {
		h.since = began
	}
	h.failed, h.due = n.Subject, now.Add(pause(h.failures))
	h.failures++
	limit := h.since.Add(message.NoticeOverdue)
	if h.overdue {
		return false
	}
	if h.overdue = !now.Before(limit); !h.overdue && h.due.After(limit) {
		h.due = limit
	}
	return h.overdue
}

// forgive forgets what failed. Overdue stays, until it is told that this is
// over.
func (h *hook) forgive() {
	h.failures, h.failed, h.since, h.due = 0, "", time.Time{}, time.Time{}
}

// settled reports, once, that an alert is over.
func (h *hook) settled() bool {
	over := h.overdue && h.since.IsZero()
	h.overdue = h.overdue && !over
	return over
}

// pause returns how long to wait after so many failures and one.
func pause(failures int) time.Duration {
	if failures > 16 {
		return retry.Max
	}
	return min(retry.Max, retry.Min<<failures)
}
