package park

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
)

// A Watcher notices that the client of a parked request has left (A6). The
// server cannot: it does not read while a request is being served. One epoll
// instance of its own watches for the other end's FIN or RST, also behind
// pipelined bytes that nobody has read. The zero Watcher sees nothing.
type Watcher struct {
	epoll *os.File
	done  chan struct{} // closed when run returns

	mu      sync.Mutex
	last    uint64                // guarded by mu, as below
	watched map[uint64]*Departure // by the key that epoll reports
}

// Departure is a watch over one connection.
type Departure struct {
	w    *Watcher
	conn syscall.RawConn
	key  uint64
	gone chan struct{} // closed by the watcher
}

// NewWatcher starts a watcher, which owns one goroutine until Close.
func NewWatcher() (*Watcher, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err == nil {
		err = syscall.SetNonblock(fd, true) // so that the runtime waits for it, not a thread
	}
	if err != nil {
		return nil, fmt.Errorf("create epoll: %w", err)
	}
	w := &Watcher{
		epoll: os.NewFile(uintptr(fd), "epoll"), done: make(chan struct{}),
		watched: make(map[uint64]*Departure),
	}
	conn, err := w.epoll.SyscallConn()
	if err != nil {
		_ = w.epoll.Close()
		return nil, fmt.Errorf("watch epoll: %w", err)
	}
	go w.run(conn)
	return w, nil
}

// run reports departures until the epoll instance is closed.
func (w *Watcher) run(conn syscall.RawConn) {
	defer close(w.done)
	events := make([]syscall.EpollEvent, 128)
	for {
		var n int
		err := conn.Read(func(fd uintptr) bool {
			var err error
			n, err = syscall.EpollWait(int(fd), events, 0)
			for errors.Is(err, syscall.EINTR) {
				n, err = syscall.EpollWait(int(fd), events, 0)
			}
			return n != 0
		})
		if err != nil || n < 0 {
			return
		}
		for _, e := range events[:n] {
			w.report(keyOf(e))
		}
	}
}

// report tells that the connection under key is gone. A key that is not
// watched any more is none of ours.
func (w *Watcher) report(key uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if d := w.watched[key]; d != nil {
		delete(w.watched, key)
		close(d.gone)
	}
}

// Watch watches the other end of c until Stop, which must be called before c
// may be closed. A connection that cannot be watched (it is no socket) never
// departs.
func (w *Watcher) Watch(c net.Conn) *Departure {
	conn := rawConn(c)
	if w.epoll == nil || conn == nil {
		return nil
	}
	d := &Departure{w: w, conn: conn, gone: make(chan struct{})}
	w.mu.Lock()
	w.last++
	d.key = w.last // never used again: an event of a descriptor's former owner finds nobody
	w.watched[d.key] = d
	w.mu.Unlock()
	if d.control(syscall.EPOLL_CTL_ADD, &syscall.EpollEvent{
		Events: syscall.EPOLLRDHUP | oneShot, Fd: int32(uint32(d.key)), Pad: int32(uint32(d.key >> 32)),
	}) != nil {
		w.forget(d)
		return nil
	}
	return d
}

// oneShot is EPOLLONESHOT: one report, then silence.
const oneShot = 1 << 30

func keyOf(e syscall.EpollEvent) uint64 {
	return uint64(uint32(e.Pad))<<32 | uint64(uint32(e.Fd))
}

// control changes the watch under the locks of both descriptors, so that
// neither is closed, and its number given away, meanwhile.
func (d *Departure) control(op int, event *syscall.EpollEvent) error {
	epoll, err := d.w.epoll.SyscallConn()
	if err != nil {
		return err
	}
	var errConn, errCtl error
	err = epoll.Control(func(ep uintptr) {
		errConn = d.conn.Control(func(fd uintptr) {
			errCtl = syscall.EpollCtl(int(ep), op, int(fd), event)
		})
	})
	return errors.Join(err, errConn, errCtl)
}

func (w *Watcher) forget(d *Departure) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.watched, d.key)
}

// Gone is closed when the other end has left. It is nil, and so never ready,
// where nobody watches.
func (d *Departure) Gone() <-chan struct{} {
	if d == nil {
		return nil
	}
	return d.gone
}

// Stop ends the watch.
func (d *Departure) Stop() {
	if d == nil {
		return
	}
	_ = d.control(syscall.EPOLL_CTL_DEL, &syscall.EpollEvent{}) // a closed descriptor is out already
	d.w.forget(d)
}

// Close ends all watches and waits for the watcher's goroutine.
func (w *Watcher) Close() error {
	err := w.epoll.Close()
	<-w.done
	return err
}

// rawConn returns the socket under c, below TLS and wrappers; nil if none.
func rawConn(c net.Conn) syscall.RawConn {
	for {
		if s, ok := c.(syscall.Conn); ok {
			conn, err := s.SyscallConn()
			if err != nil {
				return nil
			}
			return conn
		}
		inner, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		c = inner.NetConn()
	}
}
