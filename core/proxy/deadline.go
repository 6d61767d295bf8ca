package proxy

import (
	"net"
	"time"
)

// deadline is the time by which a connection must have been read from. The
// connection's own timer is left alone while it goes off no later: it is set
// anew when it does, and not for every request.
type deadline struct {
	due   time.Time // zero: none, or somebody else's business
	armed time.Time // the connection's own; zero: unknown
}

// arm makes the connection give up at the deadline or earlier.
func (d *deadline) arm(c net.Conn) error {
	if d.due.IsZero() || !d.armed.IsZero() && !d.armed.After(d.due) {
		return nil
	}
	d.armed = d.due
	return c.SetReadDeadline(d.due)
}

// early reports whether a read that failed gave up before the deadline, and
// is to be tried again.
func (d *deadline) early(err error) bool {
	if d.due.IsZero() || !timedOut(err) || !time.Now().Before(d.due) {
		return false
	}
	d.armed = time.Time{}
	return true
}

// waive leaves the connection without a deadline, until somebody sets one
// there or arm does.
func (d *deadline) waive(c net.Conn) {
	*d = deadline{}
	_ = c.SetReadDeadline(time.Time{})
}

// by returns when a wait that begins now must end: after wait, or when the
// request's whole time is over.
func (x *exchange) by(wait time.Duration) time.Time { return by(x.due, wait) }

func by(due time.Time, wait time.Duration) time.Time {
	until := time.Now().Add(wait)
	if due.IsZero() {
		return until
	}
	return earlier(until, due)
}

// late reports whether the request's whole time is over.
func (x *exchange) late() bool { return !x.due.IsZero() && !time.Now().Before(x.due) }

// outOfTime reports whether the caller's time is over, or so nearly that the
// module, which counts for itself, has given up.
func (x *exchange) outOfTime() bool {
	return !x.asked.IsZero() && time.Until(x.asked) < 5*time.Millisecond
}

// bound sets the end of the request's whole time: the gateway's, or that of
// the caller, who may say how long it waits.
func (x *exchange) bound() {
	if l := x.terms.Request; l > 0 && !x.head.grpc {
		x.due = x.now.Add(l)
	}
	if x.head.timeout > 0 {
		x.asked = x.now.Add(x.head.timeout)
		if x.due.IsZero() || x.asked.Before(x.due) {
			x.due = x.asked
		}
	}
}
