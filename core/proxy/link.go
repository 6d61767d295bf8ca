package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/modgate/modgate/core/message"
)

// link is a connection to an upstream that speaks HTTP/2, with many calls at
// once.
type link struct {
	*http.ClientConn
	scheme, address string
	terms           *terms    // when it was made
	since           time.Time // of the last call; guarded by upstream.mu
}

// errNotH2 is returned by call when an upstream does not speak HTTP/2.
var errNotH2 = errors.New("the upstream does not speak HTTP/2, as it is declared")

// multiplexes reports whether the upstream speaks HTTP/2.
func (u *upstream) multiplexes() bool { return u.protocol != message.HTTP1 }

// call begins a call to the upstream on a link that has room for it; on a new
// one if none has, or fresh is asked for. One link at a time is made: who
// comes meanwhile waits for it. When there are as many as there may be, and
// each is full, it waits for room as long as for an answer, but not longer than
// until due.
func (u *upstream) call(t *terms, fresh bool, due time.Time) (*conn, error) {
	if !u.used.Load() {
		u.used.Store(true)
	}
	until := by(due, t.FirstByte)
	var turn chan struct{} // nil: it does not wait
	came := false          // its turn did
	defer func() {
		if turn != nil || came {
			u.room.leave(turn)
		}
	}()
	for {
		l, wait, err := u.reach(t, fresh)
		switch {
		case errors.Is(err, errCrowded) && turn == nil:
			turn, fresh = u.room.join(came), false // and look again: room may have come meanwhile
			continue
		case errors.Is(err, errCrowded):
			if !await(turn, until) {
				return nil, err
			}
			turn, came = nil, true
			continue
		case err != nil:
			return nil, err
		case l != nil:
			return u.callOn(l, !fresh), nil
		case wait != nil:
			<-wait // it is bounded as a dial
			continue
		}
		l, err = u.link(t, until)
		if err != nil {
			return nil, err
		}
		if l.Reserve() == nil {
			return u.callOn(l, false), nil
		}
		fresh = false
	}
}

// fits reports whether calls on t may go by l.
func (l *link) fits(t *terms) bool { return l.terms.Head == t.Head && l.terms.Idle == t.Idle }

// callOn makes a call on l, where a place is reserved for it.
func (u *upstream) callOn(l *link, reused bool) *conn {
	c := &conn{Conn: newCall(l), up: u, reused: reused}
	c.call = c.Conn.(*call)
	c.lender = &u.p.heads
	c.serve(l.terms)
	return c
}

// reach returns a link with a place that it has reserved; or what is closed
// when there may be one; or nothing, and the caller must make one.
func (u *upstream) reach(t *terms, fresh bool) (_ *link, wait <-chan struct{}, _ error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return nil, nil, errForgotten
	}
	u.links = slices.DeleteFunc(u.links, func(l *link) bool {
		if l.Err() == nil {
			return false
		}
		u.slots--
		return true
	})
	for _, l := range u.links {
		if !fresh && l.fits(t) && l.Reserve() == nil {
			l.since = time.Now()
			return l, nil, nil
		}
	}
	switch {
	case u.linking != nil:
		return nil, u.linking, nil
	case u.slots >= t.Upstream:
		return nil, nil, errCrowded
	}
	u.slots++
	u.linking = make(chan struct{})
	return nil, nil, nil
}

// link makes the link for which reach has left room.
func (u *upstream) link(t *terms, until time.Time) (*link, error) {
	l, err := u.dialLink(t, until)
	u.mu.Lock()
	defer u.mu.Unlock()
	close(u.linking)
	u.linking = nil
	switch {
	case err != nil:
		u.slots--
		return nil, err
	case u.closed:
		u.slots--
		_ = l.Close()
		return nil, errForgotten
	}
	l.since = time.Now()
	l.SetStateHook(func(*http.ClientConn) { u.room.next() })
	u.links = append(u.links, l)
	return l, nil
}

func (u *upstream) dialLink(t *terms, until time.Time) (*link, error) {
	ctx, cancel := context.WithDeadline(context.Background(), earlier(until, time.Now().Add(t.Connect)))
	defer cancel()
	transport := &http.Transport{
		DialContext: u.p.Dial, Protocols: new(http.Protocols), DisableCompression: true,
		MaxResponseHeaderBytes: int64(t.Head),
		HTTP2: &http.HTTP2Config{
			MaxReceiveBufferPerStream: streamWindow, MaxReceiveBufferPerConnection: connectionWindow, MaxReadFrameSize: frameSize,
			SendPingTimeout: t.Idle, WriteByteTimeout: t.Idle,
		},
	}
	l := &link{scheme: "http", address: u.address, terms: t}
	if u.protocol == message.H2 {
		l.scheme = "https"
		transport.Protocols.SetHTTP2(true)
		transport.TLSClientConfig = u.p.TLS().Clone()
		transport.TLSClientConfig.VerifyConnection = func(s tls.ConnectionState) error {
			if s.NegotiatedProtocol != protocolH2 {
				return errNotH2
			}
			return nil
		}
	} else {
		transport.Protocols.SetUnencryptedHTTP2(true)
	}
	c, err := transport.NewClientConn(ctx, l.scheme, u.address)
	if err != nil {
		return nil, fmt.Errorf("connect by %s: %w", u.protocol, err)
	}
	l.ClientConn = c
	return l, nil
}

// sweepLinks closes links that have had no call since before. The caller holds
// mu.
func (u *upstream) sweepLinks(before time.Time) {
	u.links = slices.DeleteFunc(u.links, func(l *link) bool {
		if l.Err() == nil && (l.InFlight() > 0 || !l.since.Before(before)) {
			return false
		}
		u.slots--
		_ = l.Close()
		return true
	})
}
