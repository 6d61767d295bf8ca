package proxy

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// rogue is a client that speaks HTTP/2 frame by frame.
type rogue struct {
	net.Conn
	*http2.Framer
	block  bytes.Buffer
	fields *hpack.Encoder
}

// rogue connects, with settings, in clear text.
func (g *gate) rogue(settings ...http2.Setting) *rogue {
	g.t.Helper()
	c, err := g.dial()
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close() })
	r := &rogue{Conn: c, Framer: http2.NewFramer(c, c)}
	r.fields = hpack.NewEncoder(&r.block)
	_, _ = io.WriteString(c, http2.ClientPreface)
	_ = r.WriteSettings(settings...)
	return r
}

// request returns a header block: a request's, and more fields.
func (r *rogue) request(method string, more ...string) []byte {
	r.block.Reset()
	all := append([]string{":method", method, ":scheme", "http", ":authority", "a", ":path", "/m"}, more...)
	for i := 0; i < len(all); i += 2 {
		_ = r.fields.WriteField(hpack.HeaderField{Name: all[i], Value: all[i+1]})
	}
	return bytes.Clone(r.block.Bytes())
}

// ask opens a stream.
func (r *rogue) ask(id uint32, ends bool, block []byte) error {
	return r.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndStream: ends, EndHeaders: true})
}

// drain reads frames until the gateway closes, and returns how the connection
// and its streams ended.
func (r *rogue) drain(status func(id uint32, status string)) (reset map[uint32]http2.ErrCode, away http2.ErrCode) {
	reset = make(map[uint32]http2.ErrCode)
	read := hpack.NewDecoder(4096, nil)
	for {
		f, err := r.ReadFrame()
		if err != nil {
			return reset, away
		}
		switch f := f.(type) {
		case *http2.HeadersFrame:
			fields, _ := read.DecodeFull(f.HeaderBlockFragment())
			for _, h := range fields {
				if h.Name == ":status" && status != nil {
					status(f.StreamID, h.Value)
				}
			}
		case *http2.RSTStreamFrame:
			reset[f.StreamID] = f.ErrCode
		case *http2.GoAwayFrame:
			away = f.ErrCode
		case *http2.SettingsFrame, *http2.PingFrame, *http2.DataFrame, *http2.WindowUpdateFrame, *http2.ContinuationFrame,
			*http2.PriorityFrame, *http2.PushPromiseFrame:
		}
	}
}

// Streams that are opened and reset at once, by the ten thousand: no more of
// them are at the module than may be open, and what they held is free.
func TestRapidResetIsBounded(t *testing.T) {
	const streams = 10
	var now, most atomic.Int64
	synctest.Test(t, func(t *testing.T) {
		g := onStage(t, func(c net.Conn, r *bufio.Reader) {
			if readHead(r) != nil {
				return
			}
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			toTheEnd(r)
			now.Add(-1)
		}, func(o *Options) { o.Limits.Streams = streams })
		r := g.rogue()
		go r.drain(nil)
		before := runtime.NumGoroutine()
		for i := range uint32(10_000) {
			if r.ask(2*i+1, true, r.request("GET")) != nil || r.WriteRSTStream(2*i+1, http2.ErrCodeCancel) != nil {
				break // it was told to be calm
			}
			if n := runtime.NumGoroutine() - before; n > 20*streams {
				t.Fatalf("%d goroutines after %d streams", n, i)
			}
		}
		r.Close()
		time.Sleep(time.Minute)
		g.ended(t)
	})
	if n := most.Load(); n > 4*streams {
		t.Errorf("%d requests were at the module at once, %d streams may be open", n, streams)
	}
}

// Floods, each of which ends its connection before it has cost much.
func TestH2FloodsEndTheirConnection(t *testing.T) {
	for name, flood := range map[string]func(r *rogue, n int) error{
		"CONTINUATION": func(r *rogue, n int) error {
			if n == 0 {
				return r.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: r.request("GET")})
			}
			return r.WriteContinuation(1, false, r.request("GET", "x-filler", strings.Repeat("x", 1000)))
		},
		"empty CONTINUATION": func(r *rogue, n int) error {
			if n == 0 {
				return r.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: r.request("GET")})
			}
			time.Sleep(time.Millisecond) // they hold nothing but the connection
			return r.WriteContinuation(1, false, nil)
		},
		"PING, and nothing read": func(r *rogue, _ int) error { return r.WritePing(false, [8]byte{}) },
		"SETTINGS, and nothing read": func(r *rogue, _ int) error {
			time.Sleep(time.Millisecond)
			return r.WriteSettings()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := onStage(t, func(_ net.Conn, r *bufio.Reader) { toTheEnd(r) }, func(o *Options) { o.Limits.Idle = 20 * time.Second })
				r := g.rogue()
				if strings.Contains(name, "CONTINUATION") {
					go r.drain(nil)
				}
				start := time.Now()
				n := 0
				var err error
				for ; err == nil && n < 1_000_000; n++ {
					err = flood(r, n)
				}
				if took := time.Since(start); err == nil || took > time.Minute {
					t.Errorf("%d frames were taken within %v, %v", n, took, err)
				}
				r.Close()
				time.Sleep(time.Minute)
				g.ended(t)
			})
		})
	}
}

// A few octets that unpack to a head of megabytes: 431, or the connection's
// end, and nothing reaches the module.
// More streams than may be open are refused, and may be asked for again.
func TestStreamsAreLimited(t *testing.T) {
	const streams, asked = 10, 30
	var at atomic.Int64
	synctest.Test(t, func(t *testing.T) {
		g := onStage(t, func(_ net.Conn, r *bufio.Reader) {
			if readHead(r) == nil {
				at.Add(1)
				toTheEnd(r)
			}
		}, func(o *Options) { o.Limits.Streams = streams })
		r := g.rogue()
		refused := make(chan int)
		go func() {
			n := 0
			reset, _ := r.drain(nil)
			for _, code := range reset {
				if code == http2.ErrCodeRefusedStream {
					n++
				}
			}
			refused <- n
		}()
		for i := range uint32(asked) {
			if err := r.ask(2*i+1, true, r.request("GET")); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		r.Close()
		if n := <-refused; n != asked-streams || at.Load() != streams {
			t.Errorf("%d streams were refused, and %d reached the upstream; want %d, %d", n, at.Load(), asked-streams, streams)
		}
		time.Sleep(time.Minute)
		g.ended(t)
	})
}

func TestHPACKBombIsRefused(t *testing.T) {
	for _, size := range []int{10, 4000} { // the smaller has not too many fields, and is too large
		bomb(t, size)
	}
}

func bomb(t *testing.T, size int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := onStage(t, func(_ net.Conn, r *bufio.Reader) {
			if readHead(r) == nil {
				t.Error("it reached the upstream")
			}
		})
		r := g.rogue()
		more := make([]string, 0, 8000)
		for range size { // one octet each, but for the first
			more = append(more, "x-bomb", strings.Repeat("x", 3000))
		}
		block := r.request("GET", more...)
		if len(block) > 12<<10 {
			t.Fatalf("the bomb has %d octets", len(block))
		}
		var status string
		done := make(chan struct{})
		go func() {
			defer close(done)
			r.drain(func(_ uint32, s string) { status = s; r.Close() })
		}()
		_ = r.ask(1, true, block)
		<-done
		if status != "431" && status != "" {
			t.Errorf("answer = %s, want 431", status)
		}
		time.Sleep(time.Minute)
		g.ended(t)
	})
}

// Each client here keeps a stream, or its connection, for as long as it can.
func TestSlowH2ClientsAreTimedOut(t *testing.T) {
	for name, c := range map[string]struct {
		play   func(r *rogue)
		within time.Duration // of the stream's end
	}{
		"never opens the window": {func(r *rogue) { _ = r.ask(1, true, r.request("GET")) }, 25 * time.Second},
		"never sends its body":   {func(r *rogue) { _ = r.ask(1, false, r.request("POST")) }, 25 * time.Second},
		"drips its body": {func(r *rogue) {
			_ = r.ask(1, false, r.request("POST"))
			for r.WriteData(1, false, []byte("x")) == nil {
				time.Sleep(10 * time.Second)
			}
		}, 5*time.Minute + 10*time.Second},
		"sends nothing after the preface": {func(*rogue) {}, 25 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := onStage(t, func(up net.Conn, r *bufio.Reader) {
					var line string
					line, _ = r.ReadString('\n')
					if readHead(r) == nil && strings.HasPrefix(line, "GET") {
						_, _ = io.WriteString(up, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"+strings.Repeat("x", 100_000))
					}
					toTheEnd(r)
				}, func(o *Options) { o.Limits.Idle, o.Limits.Request = 20*time.Second, 5*time.Minute })
				r := g.rogue(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
				start := time.Now()
				var all sync.WaitGroup
				all.Go(func() { c.play(r) })
				all.Go(func() { r.drain(nil) })
				for g.proxy.Stats().Connections > 0 && time.Since(start) < 24*time.Hour {
					time.Sleep(time.Second)
				}
				if took := time.Since(start); took > c.within+45*time.Second { // the refusal is not read, and then the connection idle
					t.Errorf("it was let go after %v, want %v", took, c.within)
				}
				r.Close()
				all.Wait()
				time.Sleep(time.Minute)
				g.ended(t)
			})
		})
	}
}
