package gateway

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// firstInherited is the descriptor of the first socket that systemd hands
// over (sd_listen_fds(3)).
const firstInherited = 3

// listeners returns the data and the control listener: sockets that systemd
// holds (LISTEN_FDS, named "data" and "control" by LISTEN_FDNAMES, else in
// that order), so that connections wait in the backlog while the gateway is
// replaced (G3); otherwise new ones at the configured addresses.
func listeners(data, control string) (_, _ net.Listener, err error) {
	inherited, err := inherit()
	if err != nil {
		return nil, nil, err
	}
	d, err := pick(inherited["data"], data)
	if err != nil {
		return nil, nil, fmt.Errorf("open the data listener: %w", err)
	}
	c, err := pick(inherited["control"], control)
	if err != nil {
		d.Close() //nolint:errcheck // the first error counts
		return nil, nil, fmt.Errorf("open the control listener: %w", err)
	}
	return d, c, nil
}

func pick(inherited net.Listener, address string) (net.Listener, error) {
	if inherited != nil {
		return inherited, nil
	}
	return net.Listen("tcp", address)
}

// inherit takes over the sockets that the environment announces for this
// process.
func inherit() (map[string]net.Listener, error) {
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || n < 0 || n > 16 {
		return nil, fmt.Errorf("LISTEN_FDS=%q is not a number of sockets", os.Getenv("LISTEN_FDS"))
	}
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	order := []string{"data", "control"}
	out := map[string]net.Listener{}
	for i := range n {
		name := ""
		if i < len(names) {
			name = names[i]
		}
		if name != "data" && name != "control" && i < len(order) {
			name = order[i]
		}
		syscall.CloseOnExec(firstInherited + i)
		f := os.NewFile(uintptr(firstInherited+i), name)
		l, err := net.FileListener(f)
		f.Close() //nolint:errcheck // net has its own copy
		if err != nil {
			return nil, fmt.Errorf("take over socket %d (%s): %w", firstInherited+i, name, err)
		}
		out[name] = l
	}
	return out, nil
}

// loopback reports whether only this machine reaches the listener (I2).
func loopback(l net.Listener) bool {
	host, _, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// bounded is a listener that lets a number of connections in at a time, the
// others wait; those that it is told to are under TLS.
type bounded struct {
	net.Listener
	tls func() *tls.Config // asked for each connection; nil: clear text

	mu     sync.Mutex
	turn   sync.Cond // of mu: open, limit or closed has changed
	open   int       // guarded by mu, as below
	limit  int
	closed bool
}

func newBounded(ln net.Listener, limit int, secure func() *tls.Config) *bounded {
	b := &bounded{Listener: ln, tls: secure, limit: limit}
	b.turn.L = &b.mu
	return b
}

// Accept waits until there is room, and then for the next connection.
func (b *bounded) Accept() (net.Conn, error) {
	if !b.enter() {
		return nil, net.ErrClosed
	}
	nc, err := b.Listener.Accept()
	if err != nil {
		b.leave()
		return nil, err
	}
	nc = &counted{Conn: nc, leave: sync.OnceFunc(b.leave)}
	if t := b.tls(); t != nil {
		nc = tls.Server(nc, t)
	}
	return nc, nil
}

func (b *bounded) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.open >= b.limit && !b.closed {
		b.turn.Wait()
	}
	if b.closed {
		return false
	}
	b.open++
	return true
}

func (b *bounded) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open--
	b.turn.Signal()
}

// bound lets so many connections in at a time.
func (b *bounded) bound(limit int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit = limit
	b.turn.Broadcast()
}

// Close closes the listener.
func (b *bounded) Close() error {
	b.mu.Lock()
	b.closed = true
	b.turn.Broadcast()
	b.mu.Unlock()
	return b.Listener.Close()
}

// counted is a connection of bounded.
type counted struct {
	net.Conn
	leave func()
}

// Close closes the connection and makes room for another.
func (c *counted) Close() error {
	err := c.Conn.Close()
	c.leave()
	return err
}
