package park

import (
	"net"
	"testing"
	"time"
)

// pair returns both ends of a real connection.
func pair(t *testing.T) (server, client net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if client, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return server, client
}

func watcher(t *testing.T) *Watcher {
	t.Helper()
	w, err := NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return w
}

func wantGone(t *testing.T, d *Departure) {
	t.Helper()
	select {
	case <-d.Gone():
	case <-time.After(5 * time.Second):
		t.Error("the departure was not noticed")
	}
}

func TestDepartureIsNoticed(t *testing.T) {
	w := watcher(t)
	for name, leave := range map[string]func(*net.TCPConn) error{
		"close":      (*net.TCPConn).Close,
		"half close": (*net.TCPConn).CloseWrite,
		"reset":      func(c *net.TCPConn) error { return errorsFirst(c.SetLinger(0), c.Close()) },
	} {
		t.Run(name, func(t *testing.T) {
			server, client := pair(t)
			d := w.Watch(server)
			if err := leave(client.(*net.TCPConn)); err != nil {
				t.Fatal(err)
			}
			wantGone(t, d)
			d.Stop()
		})
	}
}

func errorsFirst(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestDepartureIsNoticedBehindPipelinedBytes(t *testing.T) {
	w := watcher(t)
	server, client := pair(t)
	if _, err := client.Write([]byte("GET /next HTTP/1.1\r\n")); err != nil {
		t.Fatal(err)
	}
	d := w.Watch(server)
	defer d.Stop()
	client.Close()
	wantGone(t, d)
}

func TestDepartureBeforeWatchIsNoticed(t *testing.T) {
	w := watcher(t)
	server, client := pair(t)
	client.Close()
	d := w.Watch(server)
	defer d.Stop()
	wantGone(t, d)
}

func TestStoppedWatchIsSilent(t *testing.T) {
	w := watcher(t)
	server, client := pair(t)
	stopped := w.Watch(server)
	stopped.Stop()
	again := w.Watch(server) // the same descriptor
	defer again.Stop()
	client.Close()
	wantGone(t, again)
	select {
	case <-stopped.Gone():
		t.Error("a stopped watch reported")
	default:
	}
	if n := len(w.watched); n != 0 {
		t.Errorf("%d watches left", n)
	}
}

func TestDescriptorReuseReportsNobodyElse(t *testing.T) {
	// The connection closes under its watch, and its number is given away.
	w := watcher(t)
	server, _ := pair(t)
	old := w.Watch(server)
	server.Close()
	for range 64 {
		s, _ := pair(t)
		d := w.Watch(s)
		defer d.Stop()
		select {
		case <-d.Gone():
			t.Fatal("a new connection departed with the old one")
		default:
		}
	}
	old.Stop() // must not end the watch of the descriptor's new owner
}

func TestWatchedConnectionUnderWrapper(t *testing.T) {
	w := watcher(t)
	server, client := pair(t)
	d := w.Watch(wrapped{server})
	defer d.Stop()
	client.Close()
	wantGone(t, d)
}

type wrapped struct{ net.Conn }

func (w wrapped) NetConn() net.Conn { return w.Conn }

func TestUnwatchableConnectionNeverDeparts(t *testing.T) {
	w := watcher(t)
	a, b := net.Pipe()
	d := w.Watch(a)
	b.Close()
	if d.Gone() != nil {
		t.Error("want nobody to watch a pipe")
	}
	d.Stop()
}

func BenchmarkWatch(b *testing.B) {
	w, err := NewWatcher()
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.ReportAllocs()
	for b.Loop() {
		w.Watch(c).Stop()
	}
}
