package proxy

import (
	"errors"
	"slices"
	"time"
)

// errCrowded is returned by take when the upstream has as many connections as
// it may, and none came free in time.
var errCrowded = errors.New("every connection is in use")

// take returns an idle connection, or, if there is none or fresh is asked for,
// a new one. When there are as many as there may be, it waits for one as long
// as for an answer, but not longer than until due.
func (u *upstream) take(t *terms, fresh bool, due time.Time) (*conn, error) {
	if !u.used.Load() {
		u.used.Store(true)
	}
	for {
		c, wait := u.reserve(t, fresh)
		if wait != nil {
			var err error
			if c, err = u.await(wait, by(due, t.FirstByte)); err != nil {
				return nil, err
			}
		}
		if c == nil {
			return u.fill(t, by(due, t.FirstByte))
		}
		if c.turns || c.health.clean() {
			c.reused = true
			c.serve(t)
			if !fresh {
				return c, nil
			}
		}
		c.discard()
	}
}

// reserve takes an idle connection, or a slot for a new one, or a place in the
// queue.
func (u *upstream) reserve(t *terms, fresh bool) (c *conn, wait chan *conn) {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := len(u.idle) - 1
	switch {
	case n >= 0 && (!fresh || u.slots >= t.Upstream):
		c = u.idle[n]
		u.idle[n] = nil
		u.idle = u.idle[:n]
	case u.slots < t.Upstream || u.closed:
		u.slots++
	default:
		wait = make(chan *conn, 1)
		u.waiting = append(u.waiting, wait)
	}
	return c, wait
}

// await waits in the queue. Without an error it returns a connection, or nil
// for a slot.
func (u *upstream) await(wait chan *conn, until time.Time) (*conn, error) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case c := <-wait:
		return c, nil
	case <-timer.C:
	}
	u.mu.Lock()
	at := slices.Index(u.waiting, wait)
	if at >= 0 {
		u.waiting = slices.Delete(u.waiting, at, at+1)
	}
	u.mu.Unlock()
	if at >= 0 {
		return nil, errCrowded
	}
	return <-wait, nil // it came at the last moment
}

// fill dials in a slot that was reserved.
func (u *upstream) fill(t *terms, until time.Time) (*conn, error) {
	c, err := u.dial(t, until)
	if err != nil {
		u.vacate()
	}
	return c, err
}

// vacate gives a slot to whoever waits longest, or back.
func (u *upstream) vacate() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if w := u.next(); w != nil {
		w <- nil
		return
	}
	u.slots--
}

// next takes the first out of the queue, nil if nobody waits. The caller holds
// mu.
func (u *upstream) next() chan *conn {
	if len(u.waiting) == 0 {
		return nil
	}
	w := u.waiting[0]
	u.waiting[0] = nil
	u.waiting = u.waiting[1:]
	return w
}

// release gives c back for the next request. It must be clean: the answer
// read to its end, and nothing after it.
func (c *conn) release(now time.Time) {
	if c.call != nil {
		c.discard() // it has ended
		return
	}
	if len(c.there()) > 0 {
		c.discard()
		return
	}
	c.rest()
	u := c.up
	c.since = now
	u.mu.Lock()
	surplus := u.closed
	if w := u.next(); w != nil {
		w <- c
	} else if surplus = surplus || u.slots > c.terms.Upstream; !surplus {
		u.idle = append(u.idle, c)
	}
	u.mu.Unlock()
	if surplus {
		c.discard()
	}
}

// discard closes c for good.
func (c *conn) discard() {
	_ = c.Close()
	c.drop()
	if c.call != nil {
		return
	}
	u := c.up
	u.mu.Lock()
	delete(u.open, c)
	u.mu.Unlock()
	u.vacate()
}
