package proxy

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// talkative is a WebSocket endpoint that sends without end, and says with
// which status it was closed.
func talkative(t *testing.T, closed chan<- websocket.StatusCode) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseNow()
		go func() {
			for err := error(nil); err == nil; {
				err = c.Write(r.Context(), websocket.MessageBinary, make([]byte, rand.IntN(200_000)))
			}
		}()
		_, _, err = c.Read(r.Context())
		closed <- websocket.CloseStatus(err)
	}
}

func TestWebSocketIsClosedWith1001WhenItsStreamsEnd(t *testing.T) { // V8
	for name, read := range map[string]bool{"client that reads": true, "client that reads late": false} {
		t.Run(name, func(t *testing.T) {
			g := start(t)
			m := g.module("m")
			closed := make(chan websocket.StatusCode, 1)
			a := instance("a", "m", "1.0.0", upstreamOf(t, talkative(t, closed)))
			g.ready(m, a)
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			c, _, err := websocket.Dial(ctx, "ws://"+g.address+"/m", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseNow()
			c.SetReadLimit(-1)
			if _, _, err := c.Read(ctx); err != nil {
				t.Fatal(err)
			}
			end := func() { g.proxy.Streams.End(a) }
			if read {
				time.AfterFunc(20*time.Millisecond, end)
			} else {
				end()
			}
			for err == nil {
				_, _, err = c.Read(ctx)
			}
			if got := websocket.CloseStatus(err); got != websocket.StatusGoingAway {
				t.Errorf("the client got %v (%v), want 1001", got, err)
			}
			if got := <-closed; got != websocket.StatusGoingAway {
				t.Errorf("the upstream got %v, want 1001", got)
			}
			eventually(t, "the run has ended", func() bool { return a.Runs() == 0 && g.proxy.Stats().Tunnels == 0 })
		})
	}
}

func TestEventStreamEndsWithTheStreamsOfItsInstance(t *testing.T) { // V8
	g := start(t)
	m := g.module("m")
	a := instance("a", "m", "1.0.0", upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: 1\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	g.ready(m, a)
	resp, err := http.Get("http://" + g.address + "/m")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 9)
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatal(err)
	}
	g.proxy.Streams.End(a)
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 {
		t.Errorf("after the end came %q, %v; want a whole answer", rest, err)
	}
	eventually(t, "the run has ended", func() bool { return a.Runs() == 0 })

	if _, body := g.do("GET", "/m", ""); body != "" && body != "data: 1\n\n" {
		t.Errorf("a stream that begins afterwards got %q", body)
	}
	eventually(t, "it has ended, too", func() bool { return a.Runs() == 0 })
	g.proxy.Streams.Admit(a)
	if n := len(g.proxy.Streams.of); n != 0 {
		t.Errorf("%d instances are remembered", n)
	}
}

// frame returns a WebSocket frame with a payload of n octets.
func frame(opcode byte, n int, masked bool) []byte {
	b := []byte{0x80 | opcode, 0}
	switch {
	case n < 126:
		b[1] = byte(n)
	case n < 1<<16:
		b[1] = 126
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	default:
		b[1] = 127
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	if masked {
		b[1] |= 0x80
		b = append(b, 1, 2, 3, 4)
	}
	return append(b, bytes.Repeat([]byte{0x88}, n)...)
}

func TestFramesAreFollowedHoweverTheyAreCut(t *testing.T) { // RFC 6455 5.2
	var all []byte
	ends := map[int]bool{0: true}
	for _, n := range []int{0, 1, 125, 126, 300, 70_000} {
		for _, masked := range []bool{false, true} {
			all = append(all, frame(2, n, masked)...)
			ends[len(all)] = true
		}
	}
	var whole frames
	for at := range all {
		if whole.between() != ends[at] {
			t.Fatalf("at %d: between frames = %v, want %v", at, whole.between(), ends[at])
		}
		whole.pass(all[at : at+1])
	}
	for range 200 {
		var f frames
		cut := rand.IntN(len(all))
		f.pass(all[:cut])
		f.pass(all[cut:])
		if !f.between() || f.have != 0 {
			t.Fatalf("cut at %d it stands within a frame", cut)
		}
	}
	var f frames
	if f.pass(frame(opClose, 2, false)); f.between() {
		t.Error("something may follow a Close frame")
	}
}

func TestCloseFrameSaysGoingAway(t *testing.T) {
	if got, want := fmt.Sprintf("%x", closeFrame(false)), "880203e9"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	b := closeFrame(true)
	for i := range 2 {
		b[6+i] ^= b[2+i]
	}
	if len(b) != 8 || b[0] != 0x88 || b[1] != 0x82 || binary.BigEndian.Uint16(b[6:]) != goingAway {
		t.Errorf("masked: %x", b)
	}
}
