package proxy

import (
	"errors"
	"strconv"
	"time"
)

// A caller says how long it waits for the answer at most, from its own request
// on: by Modgate-Timeout, in milliseconds, or by gRPC's own field. What is left
// of it is passed on to the module, who says it of the requests that it sends
// meanwhile.

// errTimeout is why a request is refused that says how long it waits in words
// that nobody reads.
var errTimeout = errors.New("Modgate-Timeout must be said once, in milliseconds, from 1 to 999999999")

// longestTimeout bounds the digits of Modgate-Timeout: eleven days.
const longestTimeout = 9

// takeTimeout reads Modgate-Timeout.
func (h *head) takeTimeout(value []byte) error {
	ms, ok := decimal(value)
	if h.timed || !ok || ms == 0 || len(value) > longestTimeout {
		return errTimeout
	}
	h.timed = true
	h.wait(time.Duration(ms) * time.Millisecond)
	return nil
}

// takeGRPCTimeout reads grpc-timeout (the protocol's "Timeout"), and reports
// whether it is one.
func (h *head) takeGRPCTimeout(value []byte) bool {
	n := len(value) - 1
	if n < 1 || n > 8 {
		return false
	}
	unit, ok := grpcUnits[value[n]]
	amount, err := strconv.ParseUint(string(value[:n]), 10, 31)
	if !ok || err != nil {
		return false
	}
	h.grpcTimed = true
	h.wait(max(time.Duration(amount)*unit, time.Nanosecond))
	return true
}

var grpcUnits = map[byte]time.Duration{
	'H': time.Hour, 'M': time.Minute, 'S': time.Second, 'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
}

// wait keeps the shortest that was said.
func (h *head) wait(d time.Duration) {
	if h.timeout == 0 || d < h.timeout {
		h.timeout = d
	}
}

// appendTimeout writes what is left of the caller's time, in the words that it
// used.
func (x *exchange) appendTimeout(b []byte) []byte {
	if x.asked.IsZero() {
		return b
	}
	left := max((time.Until(x.asked) + time.Millisecond - 1).Milliseconds(), 1)
	if x.head.timed {
		b = append(b, "Modgate-Timeout: "...)
		b = strconv.AppendInt(b, left, 10)
		b = append(b, '\r', '\n')
	}
	if x.head.grpcTimed {
		b = append(b, "grpc-timeout: "...)
		if left < 1e8 {
			b = strconv.AppendInt(b, left, 10)
			b = append(b, 'm')
		} else {
			b = strconv.AppendInt(b, left/1000, 10)
			b = append(b, 'S')
		}
		b = append(b, '\r', '\n')
	}
	return b
}
