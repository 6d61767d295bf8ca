package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// peer is a socket that refuses until it is up.
type peer struct {
	mu    sync.Mutex
	up    bool
	tries []time.Duration // since start
	asked string
	start time.Time
}

func (p *peer) dial(_ context.Context, network, address string) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tries, p.asked = append(p.tries, time.Since(p.start)), network+" "+address
	if !p.up {
		return nil, errors.New("connection refused")
	}
	conn, _ := net.Pipe()
	return conn, nil
}

func (p *peer) rise() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.up = true
}

// watching runs f with the sockets of a peer that refuses.
func watching(t *testing.T, f func(*testing.T, *peer, *Sockets)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &peer{start: time.Now()}
		s := OpenSockets(SocketOptions{Dial: p.dial})
		defer s.Close()
		f(t, p, s)
	})
}

func TestSocketIsTriedFrom250MillisecondsTo5SecondsApart(t *testing.T) { // L6
	watching(t, func(t *testing.T, p *peer, s *Sockets) {
		s.Watch("a", "http://127.0.0.1:9101", func() { t.Error("called back, and the socket refuses") })
		time.Sleep(20 * time.Second)
		synctest.Wait()
		const ms = time.Millisecond
		want := []time.Duration{250 * ms, 750 * ms, 1750 * ms, 3750 * ms, 7750 * ms, 12750 * ms, 17750 * ms}
		if !slices.Equal(p.tries, want) {
			t.Errorf("tried after %v, want %v", p.tries, want)
		}
		if p.asked != "tcp 127.0.0.1:9101" {
			t.Errorf("dialled %s", p.asked)
		}
	})
}

func TestConnectCallsBackOnce(t *testing.T) { // L6
	watching(t, func(t *testing.T, p *peer, s *Sockets) {
		calls := 0
		s.Watch("a", "http://127.0.0.1:9101", func() { calls++ })
		time.Sleep(time.Second)
		p.rise()
		time.Sleep(time.Minute)
		synctest.Wait()
		if calls != 1 || len(p.tries) != 3 {
			t.Errorf("called back %d times after %d tries, want once, after 3", calls, len(p.tries))
		}
		s.Watch("a", "http://127.0.0.1:9101", func() { calls++ }) // refused again later
		time.Sleep(time.Second)
		synctest.Wait()
		if calls != 2 {
			t.Errorf("called back %d times, want a second time for the second watch", calls)
		}
	})
}

func TestWatchingTwiceExchangesTheCallOnly(t *testing.T) {
	watching(t, func(t *testing.T, p *peer, s *Sockets) {
		called := ""
		for i := range 5 {
			s.Watch("a", "http://127.0.0.1:9101", func() { called += fmt.Sprint(i) })
		}
		time.Sleep(300 * time.Millisecond)
		p.rise()
		time.Sleep(time.Minute)
		synctest.Wait()
		if called != "4" || len(p.tries) != 2 {
			t.Errorf("called %q after %d tries, want the latest, after 2", called, len(p.tries))
		}
	})
}

func TestNewUpstreamIsTriedInThePlaceOfTheOld(t *testing.T) {
	watching(t, func(t *testing.T, p *peer, s *Sockets) {
		called := ""
		s.Watch("a", "http://127.0.0.1:9101", func() { called += "old" })
		s.Watch("a", "http://127.0.0.1:9102", func() { called += "new" })
		p.rise()
		time.Sleep(time.Minute)
		synctest.Wait()
		if called != "new" || p.asked != "tcp 127.0.0.1:9102" || len(p.tries) != 1 {
			t.Errorf("called %q after %d tries, the last of %s", called, len(p.tries), p.asked)
		}
	})
}

func TestStoppedWatchDoesNotCallBack(t *testing.T) {
	watching(t, func(t *testing.T, p *peer, s *Sockets) {
		s.Watch("a", "http://127.0.0.1:9101", func() { t.Error("called back after Stop") })
		time.Sleep(time.Second)
		synctest.Wait()
		s.Stop("a")
		s.Stop("never watched")
		p.rise()
		before := len(p.tries)
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(p.tries) != before {
			t.Error("a stopped watch goes on trying")
		}
	})
}

func TestStopDuringTheDialDoesNotCallBack(t *testing.T) {
	// The interleaving: the connect succeeds, Stop comes, the watch looks.
	synctest.Test(t, func(t *testing.T) {
		connected, stopped := make(chan struct{}), make(chan struct{})
		s := OpenSockets(SocketOptions{Dial: func(context.Context, string, string) (net.Conn, error) {
			close(connected)
			<-stopped
			conn, _ := net.Pipe()
			return conn, nil
		}})
		s.Watch("a", "127.0.0.1:9101", func() { t.Error("called back after Stop") })
		<-connected
		s.Stop("a")
		close(stopped)
		s.Close()
	})
}

func TestCloseWaitsForWatchesAndRefusesMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &peer{up: true, start: time.Now()}
		s := OpenSockets(SocketOptions{Dial: p.dial})
		inside, finish := make(chan struct{}), make(chan struct{})
		s.Watch("a", "127.0.0.1:9101", func() { close(inside); <-finish })
		<-inside
		closed := make(chan struct{})
		go func() { s.Close(); close(closed) }()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("Close returned during a call back")
		default:
		}
		close(finish)
		<-closed
		s.Watch("b", "127.0.0.1:9101", func() { t.Error("called back after Close") })
		time.Sleep(time.Minute)
	})
}

func TestTryThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		s := OpenSockets(SocketOptions{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			tries++
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		defer s.Close()
		s.Watch("a", "127.0.0.1:9101", func() {})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if tries != 2 {
			t.Errorf("tried %d times in 5 s, want 2: 250 ms, 2 s of it, 500 ms, 2 s of it", tries)
		}
	})
}

func TestRealSocketComesBack(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := OpenSockets(SocketOptions{})
	defer s.Close()
	again := make(chan struct{})
	s.Watch("a", "http://"+l.Addr().String(), func() { close(again) })
	<-again
}

func TestAddressOfUpstream(t *testing.T) {
	for upstream, want := range map[string]string{
		"http://127.0.0.1:9101":  "127.0.0.1:9101",
		"http://127.0.0.1:9101/": "127.0.0.1:9101",
		"http://inventory":       "inventory:80",
		"https://inventory":      "inventory:443",
		"https://[::1]":          "[::1]:443",
		"http://[::1]:9101":      "[::1]:9101",
		"127.0.0.1:9101":         "127.0.0.1:9101",
		"localhost:9101":         "localhost:9101",
	} {
		if got := address(upstream); got != want {
			t.Errorf("address(%q) = %q, want %q", upstream, got, want)
		}
	}
}
