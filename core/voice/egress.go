package voice

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/route"
)

// exit is an egress listener.
type exit struct {
	net.Listener
	owner  atomic.Pointer[voice]
	begun  bool // it is served; guarded by Voices.mu
	served sync.WaitGroup
}

// close closes the listener and waits until it is served no longer.
func (e *exit) close() {
	e.Close() //nolint:errcheck // its server may have closed it already
	e.served.Wait()
}

// Prepare opens the egress listeners that cfg declares and that are not open:
// what can fail of Declare for want of an address. They are served when they
// are declared.
func (v *Voices) Prepare(cfg *config.Config) error {
	v.declaring.Lock()
	defer v.declaring.Unlock()
	return v.prepare(cfg)
}

// prepare is Prepare. The caller holds declaring.
func (v *Voices) prepare(cfg *config.Config) error {
	opened := map[string]*exit{}
	for _, d := range cfg.Declared() {
		v.mu.Lock()
		_, open := v.exits[d.Egress]
		v.mu.Unlock()
		if open || d.Egress == "" || opened[d.Egress] != nil {
			continue
		}
		ln, err := v.o.Listen("tcp", d.Egress)
		if err != nil {
			for _, e := range opened {
				e.close()
			}
			return fmt.Errorf("open the egress of %s %s: %w", d.Module, d.Version, err)
		}
		opened[d.Egress] = &exit{Listener: ln}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for address, e := range opened {
		v.exits[address] = e
	}
	return nil
}

// Abandon closes what Prepare opened and Declare has not put in force.
func (v *Voices) Abandon() {
	v.declaring.Lock()
	defer v.declaring.Unlock()
	v.mu.Lock()
	cfg := v.cfg
	v.mu.Unlock()
	v.settle(cfg)
}

// settle gives every egress to its owner, and closes those that nobody has
// any more. The caller holds declaring.
func (v *Voices) settle(cfg *config.Config) {
	var idle []*exit
	v.mu.Lock()
	owners := map[string]*voice{}
	for _, d := range cfg.Declared() {
		owners[d.Egress] = v.voices[d.Instance]
	}
	for address, e := range v.exits {
		if e.owner.Store(owners[address]); owners[address] == nil {
			delete(v.exits, address)
			idle = append(idle, e)
		}
	}
	v.mu.Unlock()
	for _, e := range idle {
		e.close()
	}
	if v.serving {
		v.serve()
	}
}

// Serve lets requests in at the egress listeners, from now on (G3).
func (v *Voices) Serve() {
	v.declaring.Lock()
	defer v.declaring.Unlock()
	v.serving = true
	v.serve()
}

// serve serves the listeners that are not served yet. The caller holds
// declaring.
func (v *Voices) serve() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for address, e := range v.exits {
		if e.begun {
			continue
		}
		e.begun = true
		e.served.Go(func() {
			if err := v.o.Egress(e, e.caller); err != nil {
				v.o.Log.Error("serve an egress", "address", address, "cause", err)
			}
		})
	}
}

// caller returns whose requests arrive at the egress, nil while that is
// nobody.
func (e *exit) caller() *route.Caller {
	if owner := e.owner.Load(); owner != nil {
		return owner.bearer()
	}
	return nil
}
