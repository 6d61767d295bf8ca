package plugins

import (
	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/config"
)

// missing is the adapter of a module that must have one and has none.
type missing struct{ onError config.OnError }

func (m missing) fails(byHook config.OnError) bool {
	return m.onError == config.Fail || m.onError == config.ByHook && byHook == config.Fail
}

// Hooks returns all but those of probes.
func (m missing) Hooks() adapter.Hooks {
	return adapter.HookRequest | adapter.HookEncode | adapter.HookReply | adapter.HookDecode
}

func (m missing) Request(x adapter.Exchange) (adapter.Call, error) {
	if m.fails(config.Fail) {
		return adapter.Call{}, ErrFailed
	}
	return adapter.None{}.Request(x)
}

func (m missing) Response(adapter.Call, adapter.Exchange, bool) error { return nil }

func (m missing) Encode(e adapter.Event, x adapter.Exchange) (adapter.Encoding, error) {
	if m.fails(config.Fail) {
		return adapter.Encoding{}, ErrFailed
	}
	return adapter.None{}.Encode(e, x)
}

func (m missing) Reply(c adapter.Call, x adapter.Exchange, failed bool) (adapter.Reply, error) {
	if m.fails(config.Fail) {
		return adapter.Reply{}, ErrFailed
	}
	return adapter.None{}.Reply(c, x, failed)
}

func (m missing) Decode(x adapter.Exchange) (adapter.Decoded, error) {
	if m.fails(config.Fail) {
		return adapter.Decoded{}, ErrFailed
	}
	return adapter.None{}.Decode(x)
}

func (m missing) Probe(x adapter.Exchange) (adapter.Call, error) { return adapter.None{}.Probe(x) }

func (m missing) Judge(c adapter.Call, x adapter.Exchange, failed bool) (adapter.Health, error) {
	return adapter.None{}.Judge(c, x, failed)
}
