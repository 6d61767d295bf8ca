// Package notify delivers notices to instances, over streams of Server-Sent
// Events that they hold open (lifecycle.md N1, 3.4).
//
// It decides what is still worth telling, in which order, and when something
// counts as told. It never decides what is true: notices are put in, and a
// snapshot is asked of who knows.
package notify

import (
	"context"
	"errors"
	"sync"

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
	// receiver: never under a lock, and for one receiver in the order of
	// writing. Nil: nobody wants to know.
	Told func(message.Notice)
}

// Post holds a box of notices for every instance. Open makes one.
type Post struct {
	told    func(message.Notice)
	streams sync.WaitGroup // all that are open

	mu     sync.Mutex
	boxes  map[string]*box // by instance; guarded by mu, with all that is in them
	closed bool            // guarded by mu
}

// Open returns a post without notices. It starts no goroutine: a stream runs
// on its caller's.
func Open(o Options) *Post {
	if o.Told == nil {
		o.Told = func(message.Notice) {}
	}
	return &Post{told: o.Told, boxes: map[string]*box{}}
}

// Put keeps n for its receiver until a newer notice about its subject comes,
// and wakes the receiver's stream. It does not block, however slow that
// stream's reader is. A notice that is older than the kept one of the same
// module, or the same, is dropped.
func (p *Post) Put(n message.Notice) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.box(n.Receiver); b.put(n) && b.stream != nil {
		b.stream.wake()
	}
}

// Forget drops what is kept for the instance and ends its stream. It does not
// wait for the stream's end.
func (p *Post) Forget(instance string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.boxes[instance]; b != nil && b.stream != nil {
		b.stream.end(ErrForgotten)
	}
	delete(p.boxes, instance)
}

// Close ends every stream, now and later, and waits until the last Told has
// returned.
func (p *Post) Close() {
	p.mu.Lock()
	p.closed = true
	for _, b := range p.boxes {
		if b.stream != nil {
			b.stream.end(ErrClosed)
		}
	}
	p.mu.Unlock()
	p.streams.Wait()
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

// enter makes s the stream of the instance. It ends the former one and waits
// for it to leave, so that an instance is never told two things at once.
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
	p.mu.Unlock()

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
	}
	p.mu.Unlock()
	close(s.left)
	p.streams.Done()
}
