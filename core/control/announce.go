package control

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// Bearer returns who bears the instance token, or nil (I1). The caller may
// be fenced.
func (c *Control) Bearer(token string) *route.Caller {
	return c.o.Live.Load().Callers[sha256.Sum256([]byte(token))]
}

// Renew renews the lease of an instance. A fenced one gets ErrFenced, and is
// known to be there still: it can be promoted (O1). One that was lost learns
// it from the state, and goes on with RESUME (L6).
func (c *Control) Renew(who *route.Caller) (message.Renewed, error) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.instances[who.Instance.ID]
	if p == nil || p.caller != who {
		return message.Renewed{}, lifecycle.ErrUnknown
	}
	p.expiry = c.leaseEnd(now, p.lease)
	r := c.modules[p.module].record
	_, in := r.Find(who.Instance.ID)
	if in == nil || in.Phase == message.Fenced {
		return message.Renewed{}, lifecycle.ErrFenced
	}
	return message.Renewed{State: r.State(now, who.Instance.ID), Epoch: r.WriteEpoch(in), Lease: message.Duration(p.lease)}, nil
}

// Announce applies an announcement and returns its answer. While that is
// pending it waits up to wait; a DISCONNECT is always waited for, since the
// process exits on its answer (L1). The errors are those of the machine,
// *ConflictError, or that the record could not be saved.
func (c *Control) Announce(ctx context.Context, who *route.Caller, a message.Announcement, wait time.Duration) (message.Answer, error) {
	name, id := who.Instance.Module, who.Instance.ID
	if a.Type == message.Resume {
		if err := c.returns(name, id); err != nil {
			return message.Answer{}, err
		}
	}
	c.touch(who)
	if _, err := c.apply(name, lifecycle.Announced{Instance: id, Announcement: a}); err != nil {
		return message.Answer{}, err
	}
	end, over := c.now().Add(wait), false
	for {
		answer, changed, err := c.answer(name, id)
		if errors.Is(err, lifecycle.ErrUnknown) && a.Type == message.Disconnect {
			return message.Answer{Outcome: message.Disconnected, State: answer.State}, nil
		}
		if err != nil || answer.Outcome != message.Pending {
			return answer, err
		}
		left := time.Until(end)
		if a.Type == message.Disconnect {
			left = time.Duration(answer.TTL) + time.Second
		}
		if left <= 0 || over {
			return answer, nil
		}
		over = !await(ctx, changed, left) // then the answer says what is left by now
	}
}

// await waits for changed, and reports false when time or ctx ended first.
func await(ctx context.Context, changed <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-changed:
		return true
	case <-timer.C:
		return false
	case <-ctx.Done():
		return false
	}
}

// answer returns what the last announcement led to, and what is closed when
// that may change.
func (c *Control) answer(name, id string) (message.Answer, <-chan struct{}, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.modules[name]
	a, err := e.record.Answer(c.now(), id)
	if err != nil {
		a.State = e.record.State(c.now(), id)
	}
	return a, e.changed, err
}

// touch counts any announcement as a sign of life.
func (c *Control) touch(who *route.Caller) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.instances[who.Instance.ID]; p != nil && p.caller == who {
		p.expiry = c.leaseEnd(c.now(), p.lease)
	}
}

// returns refuses a RESUME while another module has the version's routes
// (V9).
func (c *Control) returns(name, id string) error {
	c.mu.Lock()
	v, _ := c.modules[name].record.Find(id)
	if v == nil {
		c.mu.Unlock()
		return lifecycle.ErrUnknown
	}
	yield, err := c.room(name, v.Routes, nil)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return c.yielded(name, yield)
}

// Unreachable takes out an instance that refused connections twice (L6).
// When it returns, the module's State says so, unless that could not be
// saved: then it is tried again soon.
func (c *Control) Unreachable(i *route.Instance) {
	ev := lifecycle.Unreachable{Instance: i.ID}
	if _, err := c.apply(i.Module, ev); err != nil {
		c.queue.add(i.Module, ev)
	}
}
