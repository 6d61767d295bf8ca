package plugins

import (
	"fmt"

	"github.com/modgate/modgate/core/adapter"
)

// trials are requests that no client sent. Some guests insist on a body.
var trials = []struct {
	method string
	body   []byte
}{{"GET", nil}, {"POST", []byte("{}")}}

// selfTest tries the guest out. One that crashes at every trial would at a
// client's request; one that takes any of them may have its reasons.
func (g *generation) selfTest() (refused error) {
	if !g.hooks.Has(adapter.HookTraffic) {
		return nil
	}
	for _, t := range trials {
		d := adapter.NewDraft(t.method, "/", []adapter.Attribute{{Name: "Host", Value: "modgate.invalid"}}, t.body)
		err := g.try(d)
		if err == nil {
			if refused != nil {
				g.p.log.Warn("adapter passes the self-test with one request, and not with another", "passes", t.method+" /", "cause", cut(refused.Error(), maxFaultText))
			}
			return nil
		}
		if refused == nil {
			refused = fmt.Errorf("self-test: %s /: %w", t.method, err)
		}
	}
	return refused
}

// try sends a request through the guest, and the answer of a module.
func (g *generation) try(d *adapter.Draft) error {
	i, err := g.take()
	if err != nil {
		return err
	}
	var c adapter.Call
	if err = i.request(d, &c); err == nil && c.Response {
		d.Answer(200, nil, nil, nil)
		err = i.response(c, d, false)
	}
	i.release(err)
	return err
}
