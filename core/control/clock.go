package control

import "time"

// now is the time: where the gateway's start was on the wall's clock, and what
// has passed since. It never falls, whatever happens to that clock (G7).
func (c *Control) now() time.Time { return c.started.Add(time.Since(c.started)) }

// until returns an instant of a record as one on the clock of this process,
// so that who waits for it needs no clock on the wall either. Zero stays zero.
func (c *Control) until(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return c.started.Add(t.Sub(c.started))
}
