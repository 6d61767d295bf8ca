package voice

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/message"
)

// courier brings an instance the notices that it is owed, in the words of its
// module's adapter (D2, L4). A module whose adapter translates none is told
// nothing: who knows nothing of the protocol would not understand. The grant
// of an UPDATE is not the courier's to bring, but a talk's.
type courier struct {
	*voice
	wake chan struct{} // holds one: something may be owed

	said  map[string]time.Time // when a subject was told of last (L5)
	retry time.Duration        // 0: the last one was taken
	since time.Time            // begin of the first that was not taken since
}

// How a courier goes about it: as webhooks are told (N1, L5, 3.4).
const (
	sendLimit    = 10 * time.Second
	calm         = time.Second // from one notice about a subject to the next
	lastDelivery = 5 * time.Minute
)

func (v *voice) newCourier() *courier {
	return &courier{voice: v, wake: make(chan struct{}, 1), said: map[string]time.Time{}}
}

// rouse lets it look whether something is owed.
func (c *courier) rouse() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run brings what is owed, until the voice ends.
func (c *courier) run() {
	for {
		wait, wake := c.round(), c.wake
		if c.retry > 0 {
			wake = nil // news do not make a receiver well
		}
		select {
		case <-c.ctx.Done():
			return
		case <-time.After(wait):
		case <-wake:
		}
	}
}

// round brings each notice that is owed now once, and returns when to look
// again if nothing happens.
func (c *courier) round() (wait time.Duration) {
	wait = c.pause()
	a := c.all.o.Adapters.Of(c.Module).Load()
	if a == nil || !a.Hooks().Has(adapter.HookEncode) {
		return wait
	}
	var failed error
	for _, n := range c.all.o.Control.Owed(c.Instance) {
		if n.Subject == n.Receiver && n.Data.Outcome == message.Granted {
			continue
		}
		if left := calm - time.Since(c.said[n.Subject]); left > 0 {
			wait = min(wait, left)
			continue
		}
		err := c.bring(a, n)
		if c.ctx.Err() != nil {
			return wait
		}
		if err != nil {
			failed = err
			continue
		}
		c.said[n.Subject] = time.Now()
		c.all.o.Control.Told(n)
	}
	if failed != nil {
		return c.undelivered(failed)
	}
	if c.retry > 0 {
		c.retry, c.since = 0, time.Time{}
		c.all.o.Alerts.Clear(c.key("notices"))
	}
	return wait
}

// undelivered notes that a notice was not taken, tells the administrator if
// that has gone on for long, and returns when to try again. One attempt falls on
// the time of the alert.
func (c *courier) undelivered(err error) time.Duration {
	if c.retry == 0 {
		c.since = time.Now()
	}
	c.retry = min(max(2*c.retry, firstRetry), lastDelivery)
	left := message.NoticeOverdue - time.Since(c.since)
	if left > 0 {
		return min(c.retry, left)
	}
	c.all.raise(c.key("notices"), alert.Warning, c.Module, "notices to %s have not been delivered for 15 minutes: %v", c.Instance, err)
	return c.retry
}

// bring tells the instance of n. It returns nil if it was told, or need not
// be.
func (c *courier) bring(a adapter.Adapter, n message.Notice) error {
	if !n.Until.IsZero() { // what is left of a DELAY is counted from now
		n.Data.TTL = message.Duration(max(0, time.Until(n.Until)))
	}
	d, err := adapter.NewNotice(n, lifecyclePath)
	if err != nil {
		return err
	}
	d.Properties = c.properties()
	d.Properties["module.unmet"] = c.unmet()
	e, err := a.Encode(adapter.Event{Notice: n}, d)
	switch {
	case err != nil:
		return fmt.Errorf("encode the notice: %w", err)
	case !e.Send:
		return nil
	}
	limited, cancel := context.WithTimeout(c.ctx, sendLimit)
	defer cancel()
	sent := c.all.o.Client.Do(limited, c.Upstream, d)
	if c.ctx.Err() != nil {
		return c.ctx.Err()
	}
	reply, err := a.Reply(e.Call, d, sent != nil)
	switch {
	case err != nil:
		return fmt.Errorf("read the answer to the notice: %w", err)
	case reply.Verdict == adapter.Acknowledged:
		return nil
	case reply.Verdict == adapter.GiveUp:
		c.all.o.Log.Warn("a notice was not taken, and will not be", "module", c.Module, "instance", c.Instance, "notice", n.ID(), "reason", reply.Reason)
		return nil
	case sent != nil:
		return sent
	case reply.Reason != "":
		return errors.New(reply.Reason)
	default:
		return fmt.Errorf("it is answered %d: %v", d.Status(), reply.Verdict)
	}
}

// unmet lists the requirements of the instance that are not met.
func (c *courier) unmet() string {
	var all []string
	for _, n := range c.all.o.Control.Standing(c.Instance) {
		if n.Subject != n.Receiver {
			all = append(all, n.Subject)
		}
	}
	return strings.Join(all, ",")
}

// Tell is told that there is a notice for the instance. It does not block.
func (v *Voices) Tell(instance string) {
	v.mu.Lock()
	voice := v.voices[instance]
	v.mu.Unlock()
	if voice != nil {
		voice.courier.rouse()
	}
}
