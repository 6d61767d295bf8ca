// Package adapter says what stands between the gateway and a module that
// speaks another dialect: who may edit requests to the module and its answers,
// translate what the lifecycle tells it and what it says, and judge its health
// (lifecycle.md L4).
//
// It decides the shape of that conversation. It runs no adapter, sends nothing
// and waits for nothing: the gateway sends, retries and gives up. Who runs
// adapters written for Wasm is package plugins; the one that does nothing is
// None.
package adapter

import (
	"errors"

	"github.com/modgate/modgate/core/message"
)

// Adapter is one module's. All its methods may be called at the same time. An
// adapter whose Hooks lack a bit answers that hook as None does, so nobody has
// to ask before; who asks saves the work of preparing an Exchange.
//
// An Exchange belongs to the caller. It is used until the method returns, and
// not by two methods at a time.
type Adapter interface {
	// Hooks says what the adapter wants to see. It may change when the
	// adapter is replaced.
	Hooks() Hooks

	// Request sees a request on its way to the module, and may edit or answer
	// it. With an error the request must not go on: the gateway answers 503,
	// or 413 for an error that is ErrTooLarge.
	Request(x Exchange) (Call, error)

	// Response ends what Request began, exactly once if c.Response: with the
	// module's answer, which it may edit, or, failed, with none: what it edits
	// then is lost. With an error the answer must not go on: the gateway
	// answers 503.
	Response(c Call, x Exchange, failed bool) error

	// Encode turns e into the request with which the module is told. x has
	// the default, see NewDraft, and is edited. With an error nothing is to
	// be sent: ask again later.
	Encode(e Event, x Exchange) (Encoding, error)

	// Reply ends what Encode began, if anything was sent: with the module's
	// answer in x, or, failed, with none. An error is as the verdict Retry.
	Reply(c Call, x Exchange, failed bool) (Reply, error)

	// Decode sees a request that the module itself sent to the gateway. If it
	// is a message of the lifecycle, x has the answer to it. With an error
	// nothing was announced: the gateway answers 503.
	Decode(x Exchange) (Decoded, error)

	// Probe edits the request that asks for the module's health.
	Probe(x Exchange) (Call, error)

	// Judge ends what Probe began: it says what the answer in x, or, failed,
	// that there is none, means. With an error the default rule decides.
	Judge(c Call, x Exchange, failed bool) (Health, error)
}

// ErrTooLarge is returned by Exchange.Body for a body above the limit, and so
// by Adapter.Request where the adapter needs the body.
var ErrTooLarge = errors.New("the body is too large for the adapter")

// Hooks is a set of hooks.
type Hooks uint32

// The hooks, numbered as in the ABI of adapters written for Wasm.
const (
	HookRequest  Hooks = 1 << iota // Request
	HookResponse                   // Response
	HookEncode                     // Encode
	HookDecode                     // Decode
	HookReply                      // Reply
	HookProbe                      // Probe and Judge

	HookTraffic = HookRequest | HookResponse
)

// Has reports whether one of the given hooks is in h.
func (h Hooks) Has(any Hooks) bool { return h&any != 0 }

// Call ties the two halves of a hook together. It is a value; who got it hands
// it back unchanged.
type Call struct {
	Next     bool // the request goes on; false: the adapter has answered it, and x has the answer
	Response bool // Response is to be called, once, whatever becomes of the request
	Buffer   int  // and wants the answer's body at hand, if that is no longer than so many bytes; 0: it does not

	Guest    any // the rest is the adapter's own
	Context  uint32
	Features uint32
}

// None is the adapter that does nothing: everything passes, modules are told
// as the lifecycle says, and the default rules judge. The zero value is ready.
type None struct{}

// Hooks returns none.
func (None) Hooks() Hooks { return 0 }

// Request lets the request pass.
func (None) Request(Exchange) (Call, error) { return Call{Next: true}, nil }

// Response does nothing.
func (None) Response(Call, Exchange, bool) error { return nil }

// Encode leaves the default.
func (None) Encode(Event, Exchange) (Encoding, error) { return Encoding{Send: true}, nil }

// Reply takes a 2xx for the acknowledgement, and anything else as a reason to
// try again.
func (None) Reply(_ Call, x Exchange, failed bool) (Reply, error) {
	if status := x.Status(); !failed && status/100 == 2 {
		return Reply{Verdict: Acknowledged}, nil
	}
	return Reply{Verdict: Retry}, nil
}

// Decode takes nothing for a message.
func (None) Decode(Exchange) (Decoded, error) { return Decoded{}, nil }

// Probe leaves the default.
func (None) Probe(Exchange) (Call, error) { return Call{Next: true}, nil }

// Judge leaves it to the default rule.
func (None) Judge(Call, Exchange, bool) (Health, error) { return ByRule, nil }

// Decoded is what a module's request meant.
type Decoded struct {
	// Message: it was for the lifecycle, and x has the answer. Otherwise it is
	// traffic like any other.
	Message bool
	// Malformed: it was meant to be one, and is none that can be understood.
	// The gateway answers 400 if x has no answer.
	Malformed bool
	// Announcements are to be made for the module in this order, before the
	// answer is given. A Seq of 0 is the caller's to choose.
	Announcements []message.Announcement
}
