package gateway

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/modgate/modgate/core/message"
)

// A WebSocket to the older version does not hold its grace: it is closed with
// 1001, and the UPDATE granted, long before the grace is over (V8, U2).
func TestWebSocketHoldsNoGrace(t *testing.T) { // V8
	cfg := testConfig(child{t.TempDir(), anyPort, anyPort})
	cfg.Defaults.Grace, cfg.Defaults.StreamGrace = time.Minute, 100*time.Millisecond
	r := startWith(t, cfg)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseNow()
		c.Read(r.Context()) //nolint:errcheck // until it is closed
	}))
	defer s.Close()
	r.register("books", "1.0.0", s.URL).say(message.Resume)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(r.data, "http")+"/books/news", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	closed := make(chan error, 1)
	go func() {
		_, _, err := c.Read(ctx)
		closed <- err
	}()
	if a := r.register("books", "2.0.0", s.URL).say(message.Update); a.Outcome != message.Granted {
		t.Errorf("update: %+v", a)
	}
	if err := <-closed; websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("the client got %v, want 1001", err)
	}
}
