package plugins

import "time"

// A budget is counted in fuel, so that a guest that stays within it on an idle
// machine does so on a busy one: a time is what so many slices of fuel take, on
// a processor of today. What the host does for the guest is counted, too.
const (
	slice     = 1 << 17               // fuel between two calls of refuel
	sliceTime = 50 * time.Microsecond // what that stands for
	callWork  = 256                   // fuel that a call of the host stands for
	bytesWork = 16                    // bytes that the host copies for one of fuel

	// clockSlack is how much longer than its budget a call may take by the
	// clock: far beyond what a starved machine makes of it, for the case that
	// there is work which nobody has counted.
	clockSlack = 10 * time.Second
)

// refuel is called by the guest when a slice of fuel is used up.
func (c *call) refuel(s []uint64) {
	c.spend(slice)
	if now := time.Now(); c.until.IsZero() {
		c.until = now.Add(c.budget + clockSlack)
	} else if now.After(c.until) {
		panic(errBudget)
	}
	s[0] = slice
}

// spend ends a guest that has used up its budget.
func (c *call) spend(fuel uint64) {
	if c.spent += fuel; c.spent > c.bound {
		panic(errBudget)
	}
}
