package notify

import (
	"maps"
	"slices"
	"time"

	"github.com/modgate/modgate/core/message"
)

// leastPause lies between two notices about one subject (L5).
const leastPause = time.Second

// calm holds notices back whose subject the instance heard of a moment ago;
// the newest stays. Of one instance; guarded by Post.mu. The zero value holds
// none.
type calm struct {
	told  map[string]time.Time      // when, by subject
	held  map[string]message.Notice // by subject
	alarm *time.Timer               // when the first of them may be told; nil: none yet
}

// heard notes that the instance was told about the subject.
func (c *calm) heard(subject string, now time.Time) {
	if c.told == nil {
		c.told = map[string]time.Time{}
	}
	c.told[subject] = now
}

// due returns when the instance may hear of the subject again.
func (c *calm) due(subject string) time.Time { return c.told[subject].Add(leastPause) }

// admits reports whether n may be told now; else it is held back, in the
// place of an older one. What was held back about its subject is superseded.
func (c *calm) admits(n message.Notice, now time.Time) bool {
	was, holds := c.held[n.Subject]
	if holds && !newer(n, was) {
		return false
	}
	if !now.Before(c.due(n.Subject)) {
		delete(c.held, n.Subject)
		return true
	}
	if c.held == nil {
		c.held = map[string]message.Notice{}
	}
	c.held[n.Subject] = n
	return false
}

// take returns the notices that need not be held back any more, by subject,
// and when the next one need not; zero: there is none.
func (c *calm) take(now time.Time) (over []message.Notice, next time.Time) {
	for _, subject := range slices.Sorted(maps.Keys(c.held)) {
		switch due := c.due(subject); {
		case !now.Before(due):
			over = append(over, c.held[subject])
			delete(c.held, subject)
		case next.IsZero() || due.Before(next):
			next = due
		}
	}
	return over, next
}

// clear takes out all that is held back.
func (c *calm) clear() (all []message.Notice) {
	all = slices.Collect(maps.Values(c.held))
	c.held = nil
	return all
}

// stop ends the alarm.
func (c *calm) stop() {
	if c.alarm != nil {
		c.alarm.Stop()
	}
}
