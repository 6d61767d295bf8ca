package voice

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
)

// lifecyclePath is where a module is told of its grant if its adapter says
// nothing else.
const lifecyclePath = "/_modgate"

// How long a talk waits before it goes on.
const (
	firstRetry = time.Second // doubles
	lastRetry  = 30 * time.Second
	leastPoll  = 100 * time.Millisecond
	mostPoll   = time.Minute
)

// talk is the conversation with a module about the grant that its instance
// holds, until the module has acknowledged it: the RESUME.
type talk struct {
	*voice
	epoch uint64
	stop  context.CancelFunc
	over  sync.WaitGroup

	polling bool // it is at it: ask what has become of it
	memory  []adapter.Attribute
}

// tell begins to talk about the grant of that epoch, unless it does or did.
func (v *voice) tell(epoch uint64) {
	if v.talk != nil && v.talk.epoch == epoch {
		return
	}
	v.hush()
	ctx, stop := context.WithCancel(v.ctx)
	t := &talk{voice: v, epoch: epoch, stop: stop}
	v.talk = t
	t.over.Go(func() { t.run(ctx) })
}

// hush ends the talk, if there is one, and waits for that.
func (v *voice) hush() {
	if v.talk == nil {
		return
	}
	v.talk.stop()
	v.talk.over.Wait()
	v.talk = nil
	v.all.o.Alerts.Clear(v.key("update"))
}

// run talks until the module has acknowledged the grant, or never will.
func (t *talk) run(ctx context.Context) {
	for retry := firstRetry; ; {
		reply, err := t.exchange(ctx)
		wait := retry
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errNoGrant):
			return
		case err != nil, reply.Verdict == adapter.Retry:
			t.report(alert.Warning, "has not taken its UPDATE yet", reply.Reason, err)
			retry = min(2*retry, lastRetry)
		case reply.Verdict == adapter.Acknowledged:
			if t.resume(ctx) {
				return
			}
		case reply.Verdict == adapter.GiveUp:
			t.report(alert.Critical, "has failed to update", reply.Reason, nil)
			return
		case reply.Verdict == adapter.InProgress:
			t.polling, t.memory = true, reply.Memory
			wait, retry = min(max(reply.After, leastPoll), mostPoll), firstRetry
		default:
			t.report(alert.Warning, "has an adapter that answers nothing", reply.Verdict.String(), nil)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// errNoGrant is returned by exchange when the instance holds none any more.
var errNoGrant = errors.New("no grant is held")

// exchange tells the module once, or asks it what has become of it. With an
// error nobody was told, or nobody answered.
func (t *talk) exchange(ctx context.Context) (adapter.Reply, error) {
	notice, any := t.all.o.Control.Granted(t.Module, t.Instance)
	if !any {
		if at, there := t.all.o.Control.Place(t.Module, t.Instance); !there || at.Grant.Instance != t.Instance {
			return adapter.Reply{}, errNoGrant
		}
		return adapter.Reply{}, errors.New("it is lost")
	}
	a := t.all.o.Adapters.Of(t.Module).Load()
	if a == nil {
		return adapter.Reply{}, errors.New("its adapter is not there")
	}
	d, err := adapter.NewNotice(notice, lifecyclePath)
	if err != nil {
		return adapter.Reply{}, err
	}
	d.Properties = t.properties()
	e, err := a.Encode(adapter.Event{Notice: notice, Poll: t.polling, Memory: t.memory}, d)
	switch {
	case err != nil:
		return adapter.Reply{}, fmt.Errorf("encode the grant: %w", err)
	case !e.Send:
		return adapter.Reply{Verdict: adapter.Acknowledged}, nil
	}
	// It may take as long as an absence may: modules of FOLIO answer when they
	// are done.
	limited, cancel := context.WithTimeout(ctx, t.all.o.Control.AbsenceMax(t.Module))
	defer cancel()
	sent := t.all.o.Client.Do(limited, t.Upstream, d)
	if ctx.Err() != nil {
		return adapter.Reply{}, ctx.Err()
	}
	reply, err := a.Reply(e.Call, d, sent != nil)
	if err != nil {
		return adapter.Reply{}, fmt.Errorf("read the answer to the grant: %w", err)
	}
	if reply.Verdict == adapter.Retry && sent == nil {
		t.polling, t.memory = false, nil // it answered, and wants to be told again
	}
	if reply.Verdict == adapter.Retry && sent != nil {
		return reply, sent
	}
	return reply, nil
}

// properties are what the adapter may ask for.
func (v *voice) properties() map[string]string {
	p := map[string]string{
		"module.name": v.Module, "module.version": v.Version.String(), "module.instance": v.Instance, "module.endpoint": v.Upstream,
	}
	if v.Egress != "" {
		p["module.egress"] = "http://" + v.Egress
	}
	if at, there := v.all.o.Control.Place(v.Module, v.Instance); there && !at.Served.IsZero() {
		p["module.served"] = at.Served.String() // the version that served last
	}
	return p
}

// resume says RESUME for the module that acknowledged, and reports whether
// that ends the talk.
func (t *talk) resume(ctx context.Context) bool {
	err := t.say(ctx, message.Resume)
	switch {
	case err == nil, errors.Is(err, lifecycle.ErrFenced), errors.Is(err, lifecycle.ErrRefused), errors.Is(err, lifecycle.ErrUnknown):
		t.all.o.Alerts.Clear(t.key("update"))
		return true
	default: // another module took its routes (V9), or it could not be saved
		t.report(alert.Critical, "has updated and cannot serve", "", err)
		return false
	}
}

func (t *talk) report(severity alert.Severity, what, reason string, err error) {
	text := fmt.Sprintf("%s %s %s", t.Module, t.Version, what)
	if err != nil {
		reason = err.Error()
	}
	if reason != "" {
		text += ": " + reason
	}
	t.all.raise(t.key("update"), severity, t.Module, "%s", text)
}
