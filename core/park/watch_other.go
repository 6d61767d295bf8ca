//go:build !linux

package park

import "net"

// Watcher notices that the client of a parked request has left, on Linux.
// Elsewhere nobody notices before the request's deadline.
type Watcher struct{}

// Departure is a watch over one connection.
type Departure struct{}

// NewWatcher returns a watcher that sees nothing.
func NewWatcher() (*Watcher, error) { return &Watcher{}, nil }

// Watch returns a watch that never reports.
func (*Watcher) Watch(net.Conn) *Departure { return nil }

// Gone returns nil, which is never ready.
func (*Departure) Gone() <-chan struct{} { return nil }

// Stop ends the watch.
func (*Departure) Stop() {}

// Close ends all watches.
func (*Watcher) Close() error { return nil }
