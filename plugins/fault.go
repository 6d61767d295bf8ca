package plugins

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero/sys"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/config"
)

// misuse is the panic by which a host function ends its guest.
type misuse string

func (m misuse) Error() string { return string(m) }

var (
	errBudget = errors.New("it took more work than its budget")
	errLost   = errors.New("the instance that began the request crashed meanwhile")
	errBusy   = errors.New("all instances are busy")
)

// bodyError is the panic by which a guest ends that wants a body which cannot
// be had: that is the client's fault.
type bodyError struct{ error }

func (b bodyError) Unwrap() error { return b.error }

// kindOf says what err, with which a call returned, was.
func kindOf(err error) adapter.Kind {
	var exit *sys.ExitError
	var wrong misuse
	switch {
	case errors.Is(err, errBudget):
		return adapter.Overtime
	case errors.Is(err, errBusy):
		return adapter.Busy
	case errors.Is(err, errLost):
		return adapter.Lost
	case errors.As(err, &exit):
		return adapter.Exit
	case errors.As(err, &wrong):
		return adapter.Misuse
	case strings.Contains(err.Error(), "stack overflow"):
		return adapter.Overflow
	default:
		return adapter.Trap
	}
}

// maxFaultText bounds a fault's text, in bytes.
const maxFaultText = 2 << 10

func cut(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}

// textAndTrace takes apart what the engine says of a guest that failed: what went
// wrong, and where.
func textAndTrace(err error) (text, trace string) {
	text, trace, _ = strings.Cut(err.Error(), "\nwasm stack trace:\n")
	lines := strings.Split(trace, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.TrimSuffix(text, " (recovered by wazero)"), strings.Join(lines, "\n")
}

// Quarantine: so many faults within the window, or one that costs the host
// much, keep a guest from being asked; twice as long each time, until it has
// gone a window of its longest without.
const (
	tolerated     = 5
	faultWindow   = 10 * time.Second
	quarantineMin = time.Second
	quarantineMax = time.Minute
)

// health says whether a generation may be asked.
type health struct {
	until atomic.Int64 // end of the quarantine in Unix nanoseconds; 0: none

	sick atomic.Bool // there was a fault, and it is not over

	mu     sync.Mutex
	last   time.Time     // of faults; guarded by mu, as below
	recent []time.Time   // of faults
	length time.Duration // of the last quarantine
	since  time.Time     // its end
}

// ill reports whether the guest is in quarantine. Where it is not, no clock is
// read.
func (h *health) ill(now func() time.Time) bool {
	until := h.until.Load()
	return until != 0 && now().UnixNano() < until
}

// fault notes one at now, and reports whether it leads to quarantine.
func (h *health) fault(now time.Time, kind adapter.Kind) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sick.Store(true)
	h.last = now
	if h.since.After(now) {
		return true // it began before the quarantine
	}
	fresh := h.recent[:0]
	for _, t := range h.recent {
		if now.Sub(t) < faultWindow {
			fresh = append(fresh, t)
		}
	}
	h.recent = append(fresh, now)
	again := h.until.Load() != 0 // it is on probation
	if len(h.recent) < tolerated && kind != adapter.Overflow && !again {
		return false
	}
	h.length = min(max(quarantineMin, 2*h.length), quarantineMax)
	h.recent, h.since = h.recent[:0], now.Add(h.length)
	h.until.Store(h.since.UnixNano())
	return true
}

// worked notes that the guest did its work after a fault, and reports whether
// that is over: none has followed for a window, and after a quarantine for as
// long as that lasted. The next quarantine begins with the shortest again.
func (h *health) worked(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	quarantined := h.until.Load() != 0
	if !h.sick.Load() || now.Before(h.last.Add(faultWindow)) || quarantined && now.Before(h.since.Add(h.length)) {
		return false
	}
	h.length = 0
	h.until.Store(0)
	h.sick.Store(false)
	return true
}

// failed notes a fault in the handling of x, and tells who wants to know.
func (g *generation) failed(hook string, x adapter.Exchange, err error) {
	f := g.fault(hook, x, err)
	f.Quarantined = g.health.fault(f.Time, f.Kind)
	g.report(f)
}

// lost notes that the instance which began a request is gone: that it crashed
// was noted then.
func (g *generation) lost(hook string, x adapter.Exchange) { g.report(g.fault(hook, x, errLost)) }

func (g *generation) fault(hook string, x adapter.Exchange, err error) adapter.Fault {
	module, _ := x.Property("module.name")
	text, trace := textAndTrace(err)
	return adapter.Fault{
		Module: string(module), Adapter: g.p.o.Name, Generation: g.number, Hook: hook,
		Kind: kindOf(err), Text: cut(text, maxFaultText), Trace: cut(trace, maxFaultText), Time: time.Now(),
	}
}

func (g *generation) report(f adapter.Fault) {
	g.p.faults.Add(1)
	g.p.last.Store(&f)
	g.p.log.Error("adapter failed", "module", f.Module, "hook", f.Hook, "kind", string(f.Kind), "cause", f.Text, "trace", f.Trace, "quarantined", f.Quarantined)
	g.p.o.Fault(f)
}

// fine notes that the guest did its work.
func (g *generation) fine() {
	if g.health.sick.Load() && g.health.worked(time.Now()) {
		g.p.o.Mended(g.p.o.Name)
	}
}

// failing is what follows when the guest cannot be asked: nil lets x go on as
// if there were no adapter.
func (g *generation) failing(x adapter.Exchange, byHook config.OnError) error {
	way := g.p.o.Plugin.OnError
	if way == config.ByHook {
		way = byHook
	}
	if way == config.Skip {
		x.Discard()
		return nil
	}
	return ErrFailed
}
