package proxy

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/modgate/modgate/core/message"
)

func TestWebSocketIsTunnelled(t *testing.T) {
	g := start(t)
	m := g.module("m")
	a := instance("a", "m", "1.0.0", upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"echo"}})
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseNow()
		for {
			typ, b, err := c.Read(r.Context())
			if err != nil {
				return
			}
			if err := c.Write(r.Context(), typ, append(b, '!')); err != nil {
				return
			}
		}
	}))
	g.ready(m, a)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, resp, err := websocket.Dial(ctx, "ws://"+g.address+"/m", &websocket.DialOptions{Subprotocols: []string{"echo"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if resp.Header.Get("Modgate-Request-Id") == "" || c.Subprotocol() != "echo" {
		t.Errorf("answer = %v, protocol %q", resp.Header, c.Subprotocol())
	}
	for _, text := range []string{"one", "two", string(make([]byte, 30_000))} {
		if err := c.Write(ctx, websocket.MessageBinary, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, b, err := c.Read(ctx); err != nil || string(b) != text+"!" {
			t.Fatalf("echo = %q, %v", b, err)
		}
	}
	if a.Runs() != 1 || g.proxy.Stats().Tunnels != 1 {
		t.Errorf("runs %d, tunnels %d; want one each while it is open", a.Runs(), g.proxy.Stats().Tunnels)
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("close: %v", err)
	}
	eventually(t, "the run has ended", func() bool { return a.Runs() == 0 && g.proxy.Stats().Tunnels == 0 })
}

func TestRefusedUpgradeIsAnAnswerLikeAnother(t *testing.T) {
	g := behind(t, upstreamOf(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "no")
	}))
	resp, body := g.do("GET", "/m", "", "Connection", "Upgrade", "Upgrade", "websocket")
	if resp.StatusCode != 403 || body != "no" {
		t.Errorf("answer = %d %q, want 403 no", resp.StatusCode, body)
	}
}

func TestBytesBehindTheUpgradeAreNotLost(t *testing.T) {
	// The upstream speaks first, in the same packet as its 101.
	up := scripted(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: talk\r\n\r\nhello")
	g := behind(t, up.url)
	c, r := g.raw("GET /m HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: talk\r\n\r\nfirst")
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != 101 || resp.Header.Get("Upgrade") != "talk" {
		t.Fatalf("answer = %v, %v; want 101", resp, err)
	}
	b := make([]byte, 5)
	if _, err := io.ReadFull(r, b); err != nil || string(b) != "hello" {
		t.Errorf("read %q, %v; want hello", b, err)
	}
	c.Close()
}

// A module may decline to switch, but not choose another protocol (RFC 9110
// 7.8).
func TestUpgradeToWhatWasNotAskedForIsBadGateway(t *testing.T) {
	const switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
	for name, c := range map[string]struct{ asked, answer string }{
		"another protocol": {"Connection: Upgrade\r\nUpgrade: talk\r\n", switched + "Upgrade: other\r\n\r\n"},
		"no protocol":      {"Connection: Upgrade\r\nUpgrade: talk\r\n", switched + "\r\n"},
		"nothing asked":    {"", switched + "Upgrade: talk\r\n\r\n"},
		"another hop's":    {"Upgrade: talk\r\n", switched + "Upgrade: talk\r\n\r\n"},
		"with a body":      {"Connection: Upgrade\r\nUpgrade: talk\r\nContent-Length: 0\r\n", switched + "Upgrade: talk\r\n\r\n"},
		"HTTP/2":           {"Connection: Upgrade\r\nUpgrade: h2c\r\n", switched + "Upgrade: h2c\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			_, r := behind(t, scripted(t, c.answer).url).raw("GET /m HTTP/1.1\r\nHost: a\r\n" + c.asked + "\r\n")
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			wantProblem(t, resp, string(body), 502, message.ProblemUpstream, message.NoReason)
		})
	}
	g := behind(t, scripted(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: Talk\r\n\r\n").url)
	_, r := g.raw("GET /m HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: other/1, talk\r\n\r\n")
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 101 || resp.Header.Get("Upgrade") != "Talk" {
		t.Errorf("one of two: %v, %v; want 101", resp, err)
	}
}
