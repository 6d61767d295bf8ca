// Package notify delivers notices to instances, over streams of Server-Sent
// Events that they hold open, and by webhook to those that hold none
// (lifecycle.md N1, 3.4).
//
// It decides what is still worth telling, in which order, and when something
// counts as told. It never decides what is true: notices are put in, and a
// snapshot, or what a webhook is owed, is asked of who knows.
package notify

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/modgate/modgate/core/message"
)

// Why Stream ended, beside the context's own reason and the writer's.
var (
	ErrReplaced  = errors.New("the instance opened another stream")
	ErrForgotten = errors.New("the instance is not registered any more")
	ErrClosed    = errors.New("the gateway shuts down")
)

// Options are what a Post works with.
type Options struct {
	// Told is called after a notice was written to an open stream of its
	// receiver, or its webhook answered 2xx: never under a lock, and for one
	// receiver in the order of writing. Nil: nobody wants to know.
	Told func(message.Notice)

	// Overdue is called once when a webhook has not taken what it is owed for
	// 15 minutes, with the last reason; and Settled when that is over: it took
	// everything, opened a stream, said 410, or is not registered any more.
	// Never under a lock. Nil: nobody wants to know.
	Overdue func(w Webhook, cause error)
	Settled func(Webhook)

	// Transport carries the requests to webhooks; nil: one of its own.
	Transport http.RoundTripper
}

// Post holds a box of notices for every instance. Open makes one.
type Post struct {
	o       Options
	client  *http.Client
	streams sync.WaitGroup // all that are open
	workers sync.WaitGroup // of Deliver

	mu     sync.Mutex
	boxes  map[string]*box                        // by instance; guarded by mu, with all that is in them
	rota   rota                                   // whose webhook has its turn; guarded by mu
	owed   func(instance string) []message.Notice // nil before Deliver; guarded by mu
	closed bool                                   // guarded by mu
}

// Open returns a post without notices. It starts no goroutine: a stream runs
// on its caller's, and webhooks have to wait for Deliver.
func Open(o Options) *Post {
	if o.Told == nil {
		o.Told = func(message.Notice) {}
	}
	if o.Overdue == nil {
		o.Overdue = func(Webhook, error) {}
	}
	if o.Settled == nil {
		o.Settled = func(Webhook) {}
	}
	p := &Post{o: o, client: newClient(o.Transport), boxes: map[string]*box{}}
	p.rota.open(&p.mu)
	return p
}

// Put keeps n for its receiver until a newer notice about its subject comes,
// and wakes the receiver's stream, or else its webhook; about one subject once
// a second at most (L5). It does not block, however slow the receiver is. A
// notice that is older than the kept one of the same module, or the same, is
// dropped.
func (p *Post) Put(n message.Notice) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.box(n.Receiver)
	if now := time.Now(); b.put(n, now) {
		p.wake(b)
	} else {
		p.calm(n.Receiver, b, now)
	}
}

func (p *Post) wake(b *box) {
	switch {
	case b.stream != nil:
		b.stream.wake()
	case b.hook != nil:
		p.rota.wake(b.hook)
	}
}

// calm lets those notices of b be told that were held back for long enough,
// now and later. The caller holds mu.
func (p *Post) calm(instance string, b *box, now time.Time) {
	over, next := b.calm.take(now)
	for _, n := range over {
		b.put(n, now)
		p.wake(b) // it may have been put before
	}
	switch {
	case next.IsZero() || p.closed:
	case b.calm.alarm != nil:
		b.calm.alarm.Reset(next.Sub(now))
	default:
		b.calm.alarm = time.AfterFunc(next.Sub(now), func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.boxes[instance] == b {
				p.calm(instance, b, time.Now())
			}
		})
	}
}

// Attach makes w the webhook of its instance, which is new or was
// forgotten. Nothing is sent before Deliver.
func (p *Post) Attach(w Webhook) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := &hook{Webhook: w}
	p.box(w.Instance).hook = h
	p.rota.wake(h)
}

// Forget drops what is kept for the instance, ends its stream and takes its
// webhook away. It does not wait for the end of what is being written.
func (p *Post) Forget(instance string) {
	p.mu.Lock()
	b := p.boxes[instance]
	delete(p.boxes, instance)
	if b == nil {
		p.mu.Unlock()
		return
	}
	b.calm.stop()
	if b.stream != nil {
		b.stream.end(ErrForgotten)
	}
	h, over := b.hook, false
	if h != nil {
		over = p.rota.rest(h)
	}
	p.mu.Unlock()
	if over {
		p.o.Settled(h.Webhook)
	}
}

// Close ends every stream, now and later, interrupts what is being sent to
// webhooks, and waits until the last Told has returned.
func (p *Post) Close() {
	p.mu.Lock()
	p.closed = true
	for _, b := range p.boxes {
		b.calm.stop()
		if b.stream != nil {
			b.stream.end(ErrClosed)
		}
	}
	p.rota.close()
	p.mu.Unlock()
	p.streams.Wait()
	p.workers.Wait()
	p.client.CloseIdleConnections()
}

// box returns the instance's box, which it makes if need be. The caller holds
// mu.
func (p *Post) box(instance string) *box {
	b := p.boxes[instance]
	if b == nil {
		b = newBox()
		p.boxes[instance] = b
	}
	return b
}

// stream is an open stream, as others see it.
type stream struct {
	end  context.CancelCauseFunc
	more chan struct{} // of capacity 1: something was put
	left chan struct{} // closed when its last Told has returned
}

func (s *stream) wake() {
	select {
	case s.more <- struct{}{}:
	default: // it is awake already
	}
}

// enter makes s the stream of the instance. It ends the former one, or what
// is being sent to the webhook, and waits for it to leave, so that an instance
// is never told two things at once.
func (p *Post) enter(instance string, s *stream) (*box, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	p.streams.Add(1)
	b := p.box(instance)
	former := b.stream
	b.stream = s
	var sending *turn
	h, over := b.hook, false
	if h != nil {
		sending, over = h.turn, p.rota.rest(h)
	}
	p.mu.Unlock()

	if over {
		p.o.Settled(h.Webhook)
	}
	if sending != nil {
		<-sending.left
	}
	if former != nil {
		former.end(ErrReplaced)
		<-former.left
	}
	return b, nil
}

func (p *Post) leave(b *box, s *stream) {
	p.mu.Lock()
	if b.stream == s {
		b.stream = nil
		if b.hook != nil && p.boxes[b.hook.Instance] == b {
			p.rota.wake(b.hook) // it may not have heard everything
		}
	}
	p.mu.Unlock()
	close(s.left)
	p.streams.Done()
}
