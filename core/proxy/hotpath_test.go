//go:build unix && !race

package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// BenchmarkExchange is what a request costs without the kernel: the real proxy
// between a client and an upstream that are memory, and a naive fasthttp proxy
// between the same. Without sockets and schedulers a hundred nanoseconds show,
// on a busy machine too.
func BenchmarkExchange(b *testing.B) {
	b.Run("module", func(b *testing.B) { benchmarkGate(b, moduleFields) })
	b.Run("client", func(b *testing.B) { benchmarkGate(b, clientFields) })
	b.Run("naive", func(b *testing.B) {
		upstream := &fasthttp.HostClient{Addr: "m.test:80", Dial: func(string) (net.Conn, error) { return new(replier), nil }}
		server := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
			if err := upstream.Do(&ctx.Request, &ctx.Response); err != nil {
				ctx.Error(err.Error(), fasthttp.StatusBadGateway)
			}
		}}
		token, run := strings.Repeat("x", 20), strings.Repeat("x", 60)
		newAsker(b, strings.NewReplacer("TOKEN", token, "RUN", run).Replace(moduleFields)).ask(server.Serve)
	})
}

// BenchmarkCounting is what it costs to count a request in and out of the one
// instance that every core sends to: a door of its own for each.
func BenchmarkCounting(b *testing.B) {
	i := instance("m-1", "m", "1.0.0", "http://m.test")
	b.ReportAllocs()
	before := processorTime(b)
	cores := runtime.GOMAXPROCS(0)
	var all sync.WaitGroup
	for range cores {
		all.Go(func() {
			for range b.N/cores + 1 {
				i.Enter(processor()).Leave()
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
}

// clientFields are those of a client; moduleFields those of a module that asks
// another while it serves one.
const (
	clientFields = "User-Agent: peers\r\nAccept: application/json\r\nAccept-Encoding: gzip\r\nX-Tenant: library\r\n" +
		"Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
	moduleFields = clientFields + "Modgate-Token: TOKEN\r\nModgate-Run: RUN\r\n"
)

func benchmarkGate(b *testing.B, fields string) {
	g := prepare(b, func(o *Options) {
		o.Dial = func(context.Context, string, string) (net.Conn, error) { return new(replier), nil }
	})
	b.Cleanup(func() {
		if err := g.proxy.Shutdown(context.WithoutCancel(b.Context())); err != nil { // by now it is over
			b.Errorf("Shutdown: %v", err)
		}
	})
	asking := instance("asking-1", "asking", "1.0.0", "http://asking.test")
	token, _ := g.caller(asking)
	g.ready(g.module("m"), instance("m-1", "m", "1.0.0", "http://m.test"))
	r := newRun([]byte("run key"))
	value := chained(&r, asking.Hop)
	newAsker(b, strings.NewReplacer("TOKEN", token, "RUN", value).Replace(fields)).ask(g.proxy.Serve)
}

// asker is a client's connection on which the same request comes b.N times, and
// the listener that accepts it.
type asker struct {
	endless
	b       *testing.B
	request []byte
	rest    []byte // of one that was read in part
	asked   int
	answers int
	over    chan struct{} // closed when the connection is
}

func newAsker(b *testing.B, fields string) *asker {
	return &asker{
		b: b, over: make(chan struct{}),
		request: []byte("GET /m/items?limit=10 HTTP/1.1\r\nHost: gw.test\r\n" + fields + "\r\n"),
	}
}

// ask has the request served b.N times.
func (a *asker) ask(serve func(net.Listener) error) {
	ln := &once{c: a, shut: make(chan struct{})}
	served := make(chan error)
	a.b.ReportAllocs()
	before := processorTime(a.b)
	go func() { served <- serve(ln) }()
	<-a.over
	a.b.StopTimer()
	a.b.ReportMetric(float64(processorTime(a.b)-before)/float64(a.b.N), "cpu-ns/op")
	ln.Close()
	if err := <-served; err != nil && !errors.Is(err, io.EOF) {
		a.b.Errorf("Serve: %v", err)
	}
	if a.answers != a.b.N {
		a.b.Errorf("%d answers, want %d", a.answers, a.b.N)
	}
}

// processorTime is what this process has used: on a machine that others use too
// it says more than the clock.
func processorTime(b *testing.B) int64 {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return used.Utime.Nano() + used.Stime.Nano()
}

func (a *asker) Read(p []byte) (int, error) {
	if len(a.rest) == 0 {
		if a.asked == a.b.N {
			return 0, io.EOF
		}
		a.asked++
		a.rest = a.request
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

func (a *asker) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, []byte("HTTP/1.1 200")) && bytes.HasSuffix(p, []byte("Em\"}")) {
		a.answers++
	}
	return len(p), nil
}

func (a *asker) Close() error {
	close(a.over)
	return nil
}

// replier is an upstream's connection: what is read after a write is its answer.
type replier struct {
	endless
	asked bool
}

var upstreamAnswer = []byte("HTTP/1.1 200 OK\r\nServer: fasthttp\r\nDate: Sun, 29 Nov 2026 13:00:00 GMT\r\n" +
	"Content-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"title\":\"Em\"}")

func (r *replier) Write(p []byte) (int, error) {
	r.asked = true
	return len(p), nil
}

func (r *replier) Read(p []byte) (int, error) {
	if !r.asked {
		return 0, io.EOF
	}
	r.asked = false
	return copy(p, upstreamAnswer), nil
}

// endless is a connection without an other end.
type endless struct{}

func (endless) Close() error                     { return nil }
func (endless) LocalAddr() net.Addr              { return loopback }
func (endless) RemoteAddr() net.Addr             { return loopback }
func (endless) SetDeadline(time.Time) error      { return nil }
func (endless) SetReadDeadline(time.Time) error  { return nil }
func (endless) SetWriteDeadline(time.Time) error { return nil }

var loopback net.Addr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}

// once is a listener that accepts one connection.
type once struct {
	c    net.Conn
	shut chan struct{} // closed by Close
}

func (l *once) Accept() (net.Conn, error) {
	if c := l.c; c != nil {
		l.c = nil
		return c, nil
	}
	<-l.shut
	return nil, io.EOF
}

func (l *once) Close() error {
	select {
	case <-l.shut:
	default:
		close(l.shut)
	}
	return nil
}

func (l *once) Addr() net.Addr { return loopback }
