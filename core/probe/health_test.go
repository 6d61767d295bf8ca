package probe

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/config"
)

// patient is an instance that is asked for its health, in memory.
type patient struct {
	watch func() // begins to ask
	start time.Time
	found []Finding       // of each probe, until the last sleep was over
	tries []time.Duration // when, since start

	mu     sync.Mutex
	finds  []Finding        // guarded by mu, as below
	times  []time.Duration  // of finds
	answer http.HandlerFunc // nil: it refuses connections
	silent bool             // it takes connections and says nothing
	heads  []string         // of what it was asked
}

func (p *patient) dial(_ context.Context, _, _ string) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.answer == nil && !p.silent {
		return nil, errors.New("connection refused")
	}
	ours, theirs := net.Pipe()
	if p.silent {
		go func() { io.Copy(io.Discard, theirs) }()
		return ours, nil
	}
	answer := p.answer
	go func() { _ = http.Serve(&once{conn: theirs}, answer) }() // ends with ErrClosed
	return ours, nil
}

// once is a listener of one connection.
type once struct {
	conn net.Conn
	done bool
}

func (o *once) Accept() (net.Conn, error) {
	if o.done {
		return nil, net.ErrClosed
	}
	o.done = true
	return o.conn, nil
}

func (o *once) Close() error   { return nil }
func (o *once) Addr() net.Addr { return o.conn.LocalAddr() }

func (p *patient) is(status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = false
	p.answer = func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.heads = append(p.heads, r.Method+" "+r.URL.String()+" "+r.Host+" "+r.UserAgent())
		w.WriteHeader(status)
	}
}

func (p *patient) refuses() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer, p.silent = nil, false
}

func (p *patient) hangs() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer, p.silent = nil, true
}

// standings is what was found, one letter a probe.
func (p *patient) standings() string {
	var b strings.Builder
	for _, f := range p.found {
		b.WriteByte("?+-"[f.Standing])
	}
	return b.String()
}

// last is the latest finding.
func (p *patient) last() Finding { return p.found[len(p.found)-1] }

// steady is a probe without jitter.
func steady(typ config.ProbeType) config.Probe {
	p := config.DefaultProbe()
	p.Type, p.Path, p.Jitter = typ, "/health?all", 0
	return p
}

// asking runs f with a patient that is asked from p.watch on.
func asking(t *testing.T, probe config.Probe, judge adapter.Adapter, f func(*testing.T, *patient, *Health)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &patient{start: time.Now()}
		o := HealthOptions{Client: NewClient(ClientOptions{Dial: p.dial})}
		if judge != nil {
			o.Adapter = func(module string) adapter.Adapter {
				if module != "m" {
					t.Errorf("the adapter of %q was asked for", module)
				}
				return judge
			}
		}
		h := OpenHealth(o)
		defer h.Close()
		p.watch = func() {
			h.Watch(Subject{Instance: "a", Module: "m", Upstream: "http://a.test:9101", Probe: probe, Report: func(f Finding) {
				p.mu.Lock()
				defer p.mu.Unlock()
				p.finds, p.times = append(p.finds, f), append(p.times, time.Since(p.start))
			}})
		}
		f(t, p, h)
	})
}

// sleep lets time pass, and sees what was found meanwhile.
func (p *patient) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.found, p.tries = slices.Clone(p.finds), slices.Clone(p.times)
}

func TestInstanceIsUpAndDownAfterItsThresholds(t *testing.T) { // L2
	probe := steady(config.HTTPProbe)
	probe.Rise, probe.Fall = 2, 3
	asking(t, probe, nil, func(t *testing.T, p *patient, _ *Health) {
		p.is(200)
		p.watch()
		p.sleep(30 * time.Second)
		p.is(503)
		p.sleep(60 * time.Second)
		p.is(399)
		p.sleep(20 * time.Second)
		if got := p.standings(); !regexp.MustCompile(`^\?\+{8}-+\+{3}$`).MatchString(got) {
			t.Errorf("found %s, want up with the second success, down with the third failure, and back", got)
		}
		if p.heads[0] != "GET /health?all a.test:9101 modgate" {
			t.Errorf("was asked %s", p.heads[0])
		}
	})
}

func TestOneFailureBetweenSuccessesDoesNotCount(t *testing.T) {
	asking(t, steady(config.HTTPProbe), nil, func(t *testing.T, p *patient, _ *Health) {
		p.is(204)
		p.watch()
		p.sleep(time.Second)
		for range 10 {
			p.is(500)
			p.sleep(5 * time.Second)
			p.is(204)
			p.sleep(5 * time.Second)
		}
		if strings.Contains(p.standings(), "-") {
			t.Errorf("found %s", p.standings())
		}
	})
}

func TestInstanceThatIsNotUpIsAskedSooner(t *testing.T) {
	asking(t, steady(config.TCPProbe), nil, func(t *testing.T, p *patient, _ *Health) {
		p.watch()
		p.sleep(14 * time.Second)
		p.is(200)
		p.sleep(20 * time.Second)
		p.refuses()
		p.sleep(16 * time.Second)
		const ms = time.Millisecond
		want := []time.Duration{
			0, 250 * ms, 750 * ms, 1750 * ms, 3750 * ms, 7750 * ms, 12750 * ms, // refused
			17750 * ms, 22750 * ms, 27750 * ms, 32750 * ms, // up
			37750 * ms, 42750 * ms, 47750 * ms, 48000 * ms, 48500 * ms, 49500 * ms, // refused, and down with the third
		}
		if !slices.Equal(p.tries, want) {
			t.Errorf("asked after %v, want %v", p.tries, want)
		}
		if got := p.standings(); got != "??-----++++++----" {
			t.Errorf("found %s", got)
		}
	})
}

func TestIntervalVariesByTheJitter(t *testing.T) {
	probe := steady(config.TCPProbe)
	probe.Interval, probe.Jitter = 10*time.Second, 50
	asking(t, probe, nil, func(t *testing.T, p *patient, _ *Health) {
		p.is(200)
		p.watch()
		p.sleep(20 * time.Minute)
		least, most := time.Hour, time.Duration(0)
		for i := 1; i < len(p.tries); i++ {
			d := p.tries[i] - p.tries[i-1]
			least, most = min(least, d), max(most, d)
		}
		if least < 5*time.Second || most > 15*time.Second || most-least < 5*time.Second {
			t.Errorf("from %v to %v apart, want from 5 s to 15 s", least, most)
		}
	})
}

func TestSilenceIsToldFromARefusal(t *testing.T) { // U6
	asking(t, steady(config.HTTPProbe), nil, func(t *testing.T, p *patient, _ *Health) {
		p.hangs()
		p.watch()
		p.sleep(9 * time.Second)
		if f := p.last(); f.Silent == 0 || !errors.Is(f.Cause, context.DeadlineExceeded) {
			t.Errorf("of who does not answer: %+v", f)
		}
		p.refuses()
		p.sleep(10 * time.Second)
		before := p.last().Silent
		p.is(503)
		p.sleep(10 * time.Second)
		if f := p.last(); before < 4 || f.Silent != 0 || f.Cause == nil || f.Standing != Down {
			t.Errorf("silent %d times; of who answers 503: %+v", before, f)
		}
		if got := p.last().Cause.Error(); got != "GET /health?all is answered 503" {
			t.Errorf("cause: %s", got)
		}
		p.is(200)
		p.sleep(6 * time.Second)
		if f := p.last(); f.Cause != nil || f.Silent != 0 {
			t.Errorf("of who is up: %+v", f)
		}
	})
}

// judge is an adapter that asks in words of its own.
type judge struct {
	adapter.None
	says  adapter.Health
	fault error
}

func (j *judge) Probe(x adapter.Exchange) (adapter.Call, error) {
	for _, name := range []string{"module.name", "module.instance", "module.endpoint"} {
		if v, ok := x.Property(name); !ok || len(v) == 0 {
			return adapter.Call{}, errors.New("it is not told " + name)
		}
	}
	x.SetTarget([]byte("/ping"))
	return adapter.Call{Next: true, Context: 7}, j.fault
}

func (j *judge) Judge(c adapter.Call, x adapter.Exchange, failed bool) (adapter.Health, error) {
	if c.Context != 7 || failed || x.Status() != 418 {
		return adapter.ByRule, errors.New("not mine")
	}
	return j.says, nil
}

func TestAdapterJudges(t *testing.T) { // L4
	for _, c := range []struct {
		says adapter.Health
		want string
	}{{adapter.Up, "+"}, {adapter.Degraded, "+"}, {adapter.Down, "-"}, {adapter.Starting, "?"}, {adapter.ByRule, "-"}} {
		asking(t, steady(config.HTTPProbe), &judge{says: c.says}, func(t *testing.T, p *patient, _ *Health) {
			p.is(418)
			p.watch()
			p.sleep(30 * time.Second)
			if got := p.standings(); !strings.HasSuffix(got, c.want) || p.last().Degraded != (c.says == adapter.Degraded) {
				t.Errorf("says %s: found %s, degraded %v", c.says, got, p.last().Degraded)
			}
			if !strings.HasPrefix(p.heads[0], "GET /ping ") {
				t.Errorf("was asked %s", p.heads[0])
			}
		})
	}
	asking(t, steady(config.HTTPProbe), &judge{says: adapter.Down, fault: errors.New("trapped")}, func(t *testing.T, p *patient, _ *Health) {
		p.is(200)
		p.watch()
		p.sleep(time.Second)
		if got := p.standings(); got != "+" || !strings.HasPrefix(p.heads[0], "GET /health?all ") {
			t.Errorf("an adapter that fails: found %s, was asked %s", got, p.heads[0])
		}
	})
}

func TestNobodyIsAskedAfterStop(t *testing.T) {
	asking(t, steady(config.TCPProbe), nil, func(t *testing.T, p *patient, h *Health) {
		p.is(200)
		p.watch()
		p.sleep(12 * time.Second)
		h.Stop("a")
		h.Stop("b")
		asked := len(p.tries)
		p.sleep(time.Hour)
		if len(p.tries) != asked {
			t.Errorf("asked %d times after Stop", len(p.tries)-asked)
		}
		again := 0
		h.Watch(Subject{Instance: "a", Upstream: "http://a", Probe: steady(config.TCPProbe), Report: func(f Finding) { again++ }})
		p.sleep(7 * time.Second)
		h.Close()
		h.Watch(Subject{Instance: "a", Upstream: "http://a", Probe: steady(config.TCPProbe), Report: func(Finding) { t.Error("asked after Close") }})
		p.sleep(time.Hour)
		if again != 2 {
			t.Errorf("watched again: asked %d times, want 2", again)
		}
	})
}
