package adapter

import (
	"time"

	"github.com/modgate/modgate/sdk-wasm/go/adapter/internal/abi"
)

// Gateway is what every hook may ask the gateway.
type Gateway struct{ g *Guest }

// Level is a line's in the log.
type Level int32

// The levels.
const (
	Debug Level = abi.LevelDebug
	Info  Level = abi.LevelInfo
	Warn  Level = abi.LevelWarn
	Error Level = abi.LevelError
)

// Log writes a line into the gateway's log, with the adapter's name: at most 4
// KiB, and 100 lines a second.
func (g Gateway) Log(l Level, text string) { g.g.host.Log(int32(l), text) }

// Logs reports whether a line of the level would be seen, so that none is made
// in vain.
func (g Gateway) Logs(l Level) bool { return g.g.host.LogEnabled(int32(l)) == 1 }

// Now returns the time.
func (g Gateway) Now() time.Time { return time.Unix(0, g.g.host.Now()) }

// Property returns what the gateway knows of a request, such as "module.name";
// the ABI lists them all.
func (g Gateway) Property(name string) (text string, ok bool) {
	t := &g.g.texts
	buf := t.room()
	n := int(g.g.host.GetProperty(name, buf))
	if n < 0 {
		return "", false
	}
	if n > len(buf) {
		t.more(n)
		g.g.host.GetProperty(name, t.free)
	}
	return t.cut(n), true
}

// SharedGet returns what the adapter's instances keep under a key for each
// other.
func (g Gateway) SharedGet(key string) (value string, ok bool) {
	t := &g.g.texts
	for {
		n := int(g.g.host.KVGet(key, t.room()))
		switch {
		case n < 0:
			return "", false
		case n <= len(t.free):
			return t.cut(n), true
		}
		t.more(n) // another instance may write a longer one meanwhile
	}
}

// SharedSet keeps a value under a key for ttl, 0 for good, and reports whether
// plugin.shared leaves room for it. An empty value is forgotten.
func (g Gateway) SharedSet(key, value string, ttl time.Duration) bool {
	return g.g.host.KVSet(key, value, uint32(ttl.Milliseconds())) == 0
}

// Config is what Configure is given.
type Config struct {
	Gateway
	Text string // plugin.config of the module's block, as it is
}
