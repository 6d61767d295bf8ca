package notify

import (
	"context"
	"errors"
	"time"

	"github.com/modgate/modgate/core/message"
)

// Deliver begins to send to webhooks what their instances are owed, to 16 of
// them at a time, until Close. What that is, owed is asked before each
// request, and before something is written to a stream: the newest per
// subject, and nothing that was told or has become untrue. Deliver is called
// once, and does not wait.
//
// A webhook is tried again after 1 s, and after twice as long each time it
// fails, 5 minutes at most, as long as it is attached (N1).
func (p *Post) Deliver(owed func(instance string) []message.Notice) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.owed = owed
	ctx, stop := context.WithCancel(context.Background())
	p.rota.start(stop)
	for range workers {
		p.workers.Go(func() { p.work(ctx, owed) })
	}
}

// work takes turns, one notice each, until the post is closed.
func (p *Post) work(ctx context.Context, owed func(instance string) []message.Notice) {
	for {
		ctx, cancel := context.WithCancel(ctx)
		p.mu.Lock()
		h := p.rota.take(cancel)
		p.mu.Unlock()
		if h == nil {
			cancel()
			return
		}
		p.serve(ctx, h, owed(h.Instance))
		cancel()
	}
}

// serve is one turn of h.
func (p *Post) serve(ctx context.Context, h *hook, owed []message.Notice) {
	owed = p.ripe(h, owed)
	if len(owed) > 0 {
		p.try(ctx, h, h.next(owed))
	}
	left := h.turn.left
	p.mu.Lock()
	if len(owed) == 0 {
		h.forgive()
	}
	b := p.boxes[h.Instance]
	over := p.rota.leave(h, b != nil && b.hook == h && b.stream == nil)
	p.mu.Unlock()
	if over {
		p.o.Settled(h.Webhook)
	}
	close(left)
}

// ripe returns what of owed may be told now. The rest is held back, and gives
// h another turn when it may be (L5).
func (p *Post) ripe(h *hook, owed []message.Notice) (ripe []message.Notice) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.boxes[h.Instance]
	if b == nil {
		return nil
	}
	now := time.Now()
	for _, n := range owed {
		if b.calm.admits(n, now) {
			ripe = append(ripe, n)
		}
	}
	p.calm(h.Instance, b, now)
	return ripe
}

// try sends n and notes what came of it.
func (p *Post) try(ctx context.Context, h *hook, n message.Notice) {
	began := time.Now()
	err := p.send(ctx, h.Webhook, n)
	if err == nil {
		p.o.Told(n)
	}
	if p.judge(ctx, h, n, began, err) {
		p.o.Overdue(h.Webhook, err)
	}
}

// judge says what the answer to n means, and reports whether it is worth an
// alert.
func (p *Post) judge(ctx context.Context, h *hook, n message.Notice, began time.Time, err error) (overdue bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil:
		h.delivered(n, time.Now())
		if b := p.boxes[h.Instance]; b != nil && b.hook == h {
			b.calm.heard(n.Subject, time.Now())
		}
	case errors.Is(err, errGone):
		if b := p.boxes[h.Instance]; b != nil && b.hook == h {
			b.hook = nil
		}
	case ctx.Err() == nil: // else it was interrupted, not refused
		return h.undelivered(n, began, time.Now())
	}
	return false
}
