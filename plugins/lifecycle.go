package plugins

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
)

// visit is one call of a hook that is no request's.
type visit struct {
	export  export
	phase   phase
	budget  time.Duration
	event   *adapter.Event
	instead config.OnError // what happens if the guest fails, unless the operator says otherwise
	args    [2]uint64
}

// visit calls a hook and hands its result to done while the instance is held.
// It returns false if the hook is not there, or is to be gone on without.
func (p *Plugin) visit(h adapter.Hooks, x adapter.Exchange, v visit, done func(g *generation, i *instance, result uint64) error) (bool, error) {
	for {
		g := p.current.Load()
		if g == nil || !g.hooks.Has(h) {
			return false, nil
		}
		if g.health.ill(time.Now) {
			return false, g.failing(x, v.instead)
		}
		i, err := g.take()
		if errors.Is(err, errRetired) {
			continue
		}
		if err == nil {
			err = i.visit(x, v, done)
			i.release(err)
		}
		var body bodyError
		if errors.As(err, &body) {
			return false, body.error
		}
		if err != nil {
			g.failed(exportNames[v.export].name, x, err)
			return false, g.failing(x, v.instead)
		}
		g.fine()
		return true, nil
	}
}

func (i *instance) visit(x adapter.Exchange, v visit, done func(*generation, *instance, uint64) error) error {
	i.call.begin(v.phase, x, v.budget)
	i.call.event = v.event
	i.stack[0], i.stack[1] = v.args[0], v.args[1]
	if err := i.run(v.export); err != nil {
		return err
	}
	result := i.stack[0]
	if err := i.call.finish(); err != nil {
		return err
	}
	return done(i.g, i, result)
}

// What hooks that edit a request return in their lower half.
const (
	sendNothing = iota
	sendEdited
	sendDefault
)

// Encode lets the guest turn an event into a request. If it fails, nothing is
// sent: a module that speaks another dialect might take the default for
// something else, and its answer for an acknowledgement.
func (p *Plugin) Encode(e adapter.Event, x adapter.Exchange) (adapter.Encoding, error) {
	out := adapter.Encoding{Send: true}
	v := visit{
		export: lifecycleEncode, phase: encoding, budget: p.o.Plugin.Budget.Lifecycle, event: &e,
		instead: config.Fail, args: [2]uint64{typeOf(e)},
	}
	_, err := p.visit(adapter.HookEncode, x, v, func(_ *generation, _ *instance, result uint64) error {
		out.Call.Context = uint32(result >> 32)
		switch uint32(result) {
		case sendNothing:
			out.Send = false
		case sendEdited:
		case sendDefault:
			x.Discard()
		default:
			return misuse(fmt.Sprintf("lifecycle_encode returned %d: 0, 1 or 2 is expected", uint32(result)))
		}
		return nil
	})
	return out, err
}

func typeOf(e adapter.Event) uint64 {
	switch {
	case e.Poll:
		return typePoll
	case e.Kind == message.NoticeDelay:
		return typeDelay
	case e.Kind == message.NoticeMissing:
		return typeMissing
	default:
		return typeResume
	}
}

// Bounds of how long a module that is still at it is left alone.
const (
	pollDefault = time.Second
	pollMin     = 50 * time.Millisecond
	pollMax     = 10 * time.Minute
)

// Reply lets the guest say what the module's answer means.
func (p *Plugin) Reply(c adapter.Call, x adapter.Exchange, failed bool) (adapter.Reply, error) {
	var out adapter.Reply
	v := visit{
		export: lifecycleReply, phase: replying, budget: p.o.Plugin.Budget.Lifecycle,
		instead: config.Fail, args: ended(c, failed),
	}
	known, err := p.visit(adapter.HookReply, x, v, func(_ *generation, i *instance, result uint64) error {
		if uint32(result) > 3 {
			return misuse(fmt.Sprintf("lifecycle_reply returned %d: 0 to 3 is expected", uint32(result)))
		}
		out = i.call.draft.reply(adapter.Acknowledged + adapter.Verdict(result))
		return nil
	})
	if !known && err == nil {
		return adapter.None{}.Reply(c, x, failed)
	}
	return out, err
}

// reply is a verdict with what was set beside it.
func (a *announcement) reply(v adapter.Verdict) adapter.Reply {
	r := adapter.Reply{Verdict: v}
	if v == adapter.InProgress {
		r.After = pollDefault
	}
	for _, attr := range a.list {
		switch {
		case attr.Name == "reason":
			r.Reason = cut(string(appendText(nil, []byte(attr.Value))), 1024)
		case attr.Name != "poll_ms":
			r.Memory = append(r.Memory, attr)
		case v == adapter.InProgress:
			if ms, err := strconv.ParseInt(attr.Value, 10, 32); err == nil {
				r.After = min(max(time.Duration(ms)*time.Millisecond, pollMin), pollMax)
			}
		}
	}
	return r
}

// ended are the arguments of the second half of a hook.
func ended(c adapter.Call, failed bool) [2]uint64 {
	if failed {
		return [2]uint64{uint64(c.Context), 1}
	}
	return [2]uint64{uint64(c.Context)}
}

// Decode lets the guest say what a request of its module means.
func (p *Plugin) Decode(x adapter.Exchange) (adapter.Decoded, error) {
	var out adapter.Decoded
	v := visit{export: lifecycleDecode, phase: decoding, budget: p.o.Plugin.Budget.Lifecycle, instead: config.Fail}
	if g := p.current.Load(); g != nil && g.hooks.Has(adapter.HookDecode) {
		if err := g.fetch(x); err != nil && !errors.Is(err, adapter.ErrTooLarge) { // which no message is
			return out, err
		}
	}
	_, err := p.visit(adapter.HookDecode, x, v, func(_ *generation, i *instance, result uint64) error {
		switch n := int32(uint32(result)); {
		case n < 0:
			out.Message, out.Malformed = true, true
		case n > 0:
			out.Message, out.Announcements = true, i.call.draft.emitted
		}
		return nil
	})
	return out, err
}

// Probe lets the guest edit the request that asks for the module's health.
func (p *Plugin) Probe(x adapter.Exchange) (adapter.Call, error) {
	out := adapter.Call{Next: true}
	v := visit{export: healthRequest, phase: probing, budget: p.o.Plugin.Budget.Probe, instead: config.Skip}
	_, err := p.visit(adapter.HookProbe, x, v, func(_ *generation, _ *instance, result uint64) error {
		out.Context = uint32(result >> 32)
		if uint32(result) != sendEdited {
			x.Discard()
		}
		return nil
	})
	return out, err
}

// Judge lets the guest say what the answer to a probe means.
func (p *Plugin) Judge(c adapter.Call, x adapter.Exchange, failed bool) (adapter.Health, error) {
	out := adapter.ByRule
	v := visit{
		export: healthResponse, phase: judging, budget: p.o.Plugin.Budget.Probe,
		instead: config.Skip, args: ended(c, failed),
	}
	_, err := p.visit(adapter.HookProbe, x, v, func(_ *generation, _ *instance, result uint64) error {
		if uint32(result) > uint32(adapter.Starting) {
			return misuse(fmt.Sprintf("health_response returned %d: 0 to 4 is expected", uint32(result)))
		}
		out = adapter.Health(result)
		return nil
	})
	return out, err
}
