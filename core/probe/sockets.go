package probe

import (
	"context"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/modgate/modgate/core/config"
)

// socketBackoff is how often a socket is tried (L6), and dialLimit how long
// one try may take.
var socketBackoff = config.Backoff{Min: 250 * time.Millisecond, Max: 5 * time.Second}

const dialLimit = 2 * time.Second

// SocketOptions are what Sockets work with.
type SocketOptions struct {
	// Dial connects to host:port; nil: net.Dialer does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Sockets tries the sockets of unreachable instances until they take
// connections again. OpenSockets makes one.
type Sockets struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	done sync.WaitGroup

	mu      sync.Mutex
	watched map[string]*socket // by instance; nil once closed; guarded by mu
}

// socket is one that is being tried.
type socket struct {
	upstream string
	again    func() // guarded by Sockets.mu
	stop     context.CancelFunc
}

// OpenSockets returns a watch over nothing.
func OpenSockets(o SocketOptions) *Sockets {
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	return &Sockets{dial: o.Dial, watched: map[string]*socket{}}
}

// Watch tries the instance's socket, for the first time in 250 ms, until it
// takes a connection, and then calls again once. The upstream is a URL or
// host:port. Watching what is watched already only exchanges again. Watch
// does not block.
func (s *Sockets) Watch(instance, upstream string, again func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watched == nil {
		return
	}
	if k := s.watched[instance]; k != nil {
		if k.upstream == upstream {
			k.again = again
			return
		}
		k.stop()
	}
	ctx, stop := context.WithCancel(context.Background())
	k := &socket{upstream: upstream, again: again, stop: stop}
	s.watched[instance] = k
	s.done.Go(func() {
		defer stop()
		if s.connects(ctx, address(upstream)) {
			s.reached(instance, k)
		}
	})
}

// connects tries until there is a connection, or ctx ends.
func (s *Sockets) connects(ctx context.Context, address string) bool {
	wait := backoff{Backoff: socketBackoff}
	for {
		select {
		case <-time.After(wait.next(0)):
		case <-ctx.Done():
			return false
		}
		limited, cancel := context.WithTimeout(ctx, dialLimit)
		conn, err := s.dial(limited, "tcp", address)
		cancel()
		if err == nil {
			conn.Close() //nolint:errcheck // nothing was sent
			return true
		}
	}
}

// reached calls back, if nobody has stopped the watch.
func (s *Sockets) reached(instance string, k *socket) {
	s.mu.Lock()
	again := k.again
	if s.watched[instance] == k {
		delete(s.watched, instance)
	} else {
		again = func() {}
	}
	s.mu.Unlock()
	again()
}

// Stop ends the watch, if there is one. It does not block: a call back that
// has begun goes on.
func (s *Sockets) Stop(instance string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.watched[instance]; k != nil {
		k.stop()
		delete(s.watched, instance)
	}
}

// Close ends all watches, and waits for the calls back that have begun.
func (s *Sockets) Close() {
	s.mu.Lock()
	for _, k := range s.watched {
		k.stop()
	}
	s.watched = nil
	s.mu.Unlock()
	s.done.Wait()
}

// address returns host:port of an upstream.
func address(upstream string) string {
	u, err := url.Parse(upstream)
	if err != nil || u.Host == "" {
		return upstream
	}
	port := u.Port()
	if port == "" && u.Scheme == "https" {
		port = "443"
	} else if port == "" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}
