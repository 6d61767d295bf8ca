package plugins

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/config"
)

// instance is one instance of a generation. It is locked while the guest
// works, not while the module does.
type instance struct {
	g      *generation
	module api.Module
	memory api.Memory
	hooks  [exports]api.Function
	out    output // what the guest prints
	err    output

	mu      sync.Mutex // held by who works with the instance; of one that works alone, until the answer's end
	call    call       // guarded by mu, as below
	stack   [4]uint64
	asked   [2]questions // in handle_request, in handle_response
	pending int          // requests that it has begun and is to end
	calls   uint64       // into it
	retired bool         // it ends when pending is 0
	dead    bool         // it crashed, or is closed
}

// instantiate makes an instance, and lets it begin.
func (g *generation) instantiate() (*instance, error) {
	i := &instance{g: g}
	i.call.i = i
	i.out, i.err = output{lines: &g.p.lines, level: levelInfo}, output{lines: &g.p.lines, level: levelWarn}
	budget := g.p.o.Plugin.Budget.Start
	i.call.begin(starting, nil, budget)
	c := wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize", "_start").
		WithSysWalltime().WithSysNanotime().WithRandSource(rand.Reader).WithStdout(&i.out).WithStderr(&i.err)
	var err error
	if i.module, err = g.runtime.InstantiateModule(&i.call, g.compiled, c); err != nil {
		i.lastWords()
		return nil, fmt.Errorf("begin: %w", err)
	}
	i.memory = i.module.Memory()
	i.call.memory = i.memory
	for e := range i.hooks {
		if g.abi.exported[e] {
			i.hooks[e] = i.module.ExportedFunction(exportNames[e].name)
		}
	}
	if err := i.configure(); err != nil {
		i.close()
		return nil, err
	}
	return i, nil
}

// configure asks the guest what it can do, and whether its configuration is
// one.
func (i *instance) configure() error {
	g := i.g
	hooks, alone := g.abi.plain(), g.p.o.Plugin.Exclusive
	if i.hooks[capabilities] != nil {
		if err := i.run(capabilities); err != nil {
			return fmt.Errorf("begin: modgate_capabilities: %w", err)
		}
		mask := uint32(i.stack[0])
		var err error
		if hooks, err = g.abi.capable(mask); err != nil {
			return fmt.Errorf("check: %w", err)
		}
		alone = alone || mask&aloneBit != 0
	}
	if i.hooks[configure] != nil {
		if err := i.run(configure); err != nil {
			return fmt.Errorf("configure: %w", err)
		}
		if code := int32(uint32(i.stack[0])); code != 0 {
			return fmt.Errorf("configure: %w with code %d: its log says why", errConfiguration, code)
		}
	}
	if !g.begun {
		g.hooks, g.alone = hooks, alone // the first instances speak for all
	}
	return nil
}

// run calls an export with what is on the stack, and leaves the result there.
func (i *instance) run(e export) error {
	i.calls++
	return i.hooks[e].CallWithStack(&i.call, i.stack[:])
}

// request lets the guest see a request, and notes in out what becomes of it.
// The caller has locked i.
func (i *instance) request(x adapter.Exchange, out *adapter.Call) error {
	c, g := &i.call, i.g
	c.begin(beforeNext, x, g.p.o.Plugin.Budget.Request)
	if err := i.run(handleRequest); err != nil {
		return err
	}
	result := i.stack[0]
	if err := c.finish(); err != nil {
		return err
	}
	if uint32(result) > 1 {
		return misuse(fmt.Sprintf("handle_request returned next = %d: 0 or 1 is expected", uint32(result)))
	}
	if out.Next = uint32(result) == 1; out.Next && g.hooks.Has(adapter.HookResponse) {
		out.Response, out.Buffer = true, g.buffer(c.features)
		out.Guest, out.Context, out.Features = i, uint32(result>>32), c.features
		i.pending++
	}
	c.end()
	return nil
}

// response lets the guest see the answer. The caller has locked i.
func (i *instance) response(call adapter.Call, x adapter.Exchange, failed bool) error {
	c := &i.call
	c.begin(afterNext, x, i.g.p.o.Plugin.Budget.Request)
	if call.Guest != nil {
		i.pending--
		c.features = call.Features
	}
	i.stack[0], i.stack[1] = uint64(call.Context), 0
	if failed {
		i.stack[1] = 1
	}
	if err := i.run(handleResponse); err != nil {
		return err
	}
	if err := c.finish(); err != nil {
		return err
	}
	c.end()
	return nil
}

// release gives i back after a call that ended with err: an instance whose
// guest crashed is never used again.
func (i *instance) release(err error) {
	if err != nil && !i.dead {
		i.dead = true
		i.close()
		i.g.remove(i)
	}
	i.call.end()
	i.ended()
	i.mu.Unlock()
}

// ended closes a retired instance that has nothing more to end. The caller has
// locked i.
func (i *instance) ended() {
	if i.retired && !i.dead && i.pending == 0 {
		i.dead = true
		i.close()
		i.g.remove(i)
	}
}

// retire closes i when it has ended what it began: of one that works alone,
// whoever holds it has to let go first.
func (i *instance) retire() {
	i.mu.Lock()
	i.retired = true
	i.ended()
	i.mu.Unlock()
}

func (i *instance) close() {
	_ = i.module.Close(context.Background())
	i.lastWords()
}

// lastWords logs what the guest printed without ending the line.
func (i *instance) lastWords() {
	i.out.end()
	i.err.end()
}

// Request lets the guest see a request on its way to the module.
func (p *Plugin) Request(x adapter.Exchange) (out adapter.Call, err error) {
	for {
		g := p.current.Load()
		if g == nil || !g.hooks.Has(adapter.HookTraffic) {
			return adapter.Call{Next: true}, nil
		}
		if err = g.request(x, &out); err == nil || !errors.Is(err, errRetired) {
			return out, err
		}
	}
}

// request is Request. What becomes of x is written to out, which is empty,
// once: copying it costs more than taking an instance does.
func (g *generation) request(x adapter.Exchange, out *adapter.Call) error {
	if !g.hooks.Has(adapter.HookRequest) {
		out.Next, out.Response, out.Buffer = true, true, g.buffer(g.features.Load())
		return nil
	}
	if g.health.ill(time.Now) {
		return g.without(x, out)
	}
	if err := g.fetch(x); err != nil {
		return err
	}
	i, err := g.take()
	if err != nil {
		if errors.Is(err, errRetired) {
			return err
		}
		g.failed("handle_request", x, err)
		return g.without(x, out)
	}
	if err := i.request(x, out); err != nil {
		i.release(err)
		return g.afterFault(x, out, err)
	}
	if g.alone && out.Response {
		return nil // Response unlocks it
	}
	i.ended()
	i.mu.Unlock()
	g.fine()
	return nil
}

// buffer returns how much of an answer's body a guest with these features
// wants.
func (g *generation) buffer(features uint32) int {
	if features&bufferResponse == 0 {
		return 0
	}
	return int(g.p.o.Plugin.Body)
}

// fetch reads the request's body before an instance is held, if the guest will
// want it.
func (g *generation) fetch(x adapter.Exchange) error {
	sure := g.features.Load()&bufferRequest != 0
	if !sure && !g.reads.Load() || x.AtHand(adapter.Request) {
		return nil
	}
	_, err := x.Body(adapter.Request, int(g.p.o.Plugin.Body))
	if errors.Is(err, adapter.ErrTooLarge) && !sure {
		return nil // perhaps it does not want this one
	}
	return err
}

// afterFault is what becomes of a request whose guest ended with err.
func (g *generation) afterFault(x adapter.Exchange, out *adapter.Call, err error) error {
	var body bodyError
	if errors.As(err, &body) {
		return body.error
	}
	g.failed("handle_request", x, err)
	return g.without(x, out)
}

// without is what becomes of a request whose adapter cannot be asked.
func (g *generation) without(x adapter.Exchange, out *adapter.Call) error {
	err := g.failing(x, config.Fail)
	out.Next = err == nil
	return err
}

// Response lets the guest see the module's answer.
func (p *Plugin) Response(c adapter.Call, x adapter.Exchange, failed bool) error {
	if i, ok := c.Guest.(*instance); ok {
		if !i.g.alone {
			i.mu.Lock()
		}
		return i.respond(c, x, failed)
	}
	for { // it sees answers only
		g := p.current.Load()
		if g == nil || !g.hooks.Has(adapter.HookResponse) {
			return nil
		}
		if g.health.ill(time.Now) {
			return g.failing(x, config.Fail)
		}
		i, err := g.take()
		if err == nil {
			return i.respond(c, x, failed)
		}
		if !errors.Is(err, errRetired) {
			g.failed("handle_response", x, err)
			return g.failing(x, config.Fail)
		}
	}
}

// respond ends a request. The caller has locked i.
func (i *instance) respond(c adapter.Call, x adapter.Exchange, failed bool) error {
	g := i.g
	if i.dead {
		i.mu.Unlock()
		g.lost("handle_response", x)
		return g.failing(x, config.Fail)
	}
	if g.health.ill(time.Now) {
		var err error
		if c.Guest != nil { // what it began it has to end, or it would keep what it has of the request for good
			err = i.response(c, x, true)
		}
		i.release(err)
		if err != nil {
			g.failed("handle_response", x, err)
		}
		return g.failing(x, config.Fail)
	}
	if err := i.response(c, x, failed); err != nil {
		i.release(err)
		if body := (bodyError{}); !errors.As(err, &body) { // the answer is longer than it may see
			g.failed("handle_response", x, err)
		}
		return g.failing(x, config.Fail)
	}
	i.ended()
	i.mu.Unlock()
	g.fine()
	return nil
}
