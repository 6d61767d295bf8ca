// Package probe looks after what stands outside the gateway: the health of
// instances (lifecycle.md L2), the sockets of those that refuse connections
// (L6), and the processes that the operator declared for it to run.
//
// It decides when to try again. It never decides what a success or an exit
// means to a module; it tells who asked.
package probe

import (
	"time"

	"github.com/modgate/modgate/core/config"
)

// backoff counts the waits between tries: Min, doubled each time, up to Max.
type backoff struct {
	config.Backoff
	last time.Duration
}

// next returns how long to wait now. What worked for Max begins with Min
// again.
func (b *backoff) next(worked time.Duration) time.Duration {
	if worked >= b.Max {
		b.last = 0
	}
	b.last = min(max(b.Min, 2*b.last), b.Max)
	return b.last
}
