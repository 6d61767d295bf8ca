package wire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestItemsAreReadAsRFC9651Says(t *testing.T) {
	for text, want := range map[string]Item{
		`delay;module="inventory";reason=updating;ttl=12;epoch=7`: {"delay", map[string]string{"module": "inventory", "reason": "updating", "ttl": "12", "epoch": "7"}},
		`modgate; error=destination_unavailable; details="delay"`: {"modgate", map[string]string{"error": "destination_unavailable", "details": "delay"}},
		`a;b`:          {"a", map[string]string{"b": "?1"}},
		`"a \"b\\"`:    {`a "b\`, map[string]string{}},
		`-12;x=1.5`:    {"-12", map[string]string{"x": "1.5"}},
		`?1;a=?0`:      {"?1", map[string]string{"a": "?0"}},
		`proxy, other`: {"proxy", map[string]string{}},
	} {
		if got, err := ParseItem(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", ";a", `"open`, "a;", "a;B=1", "a;b=", "a b", "-", `"a\n"`, "\"\x01\"", "a;b=\"\xff\""} {
		if got, err := ParseItem(text); err == nil {
			t.Errorf("%q is no item, and was read as %+v", text, got)
		}
	}
}

func TestMembersAreFoundByTheirPaths(t *testing.T) {
	body := []byte(`{"a":{"b":[{"id":"x","n":1.5},{"version":"1.0.0","phase":"idle"}]},"t":true,"z":null,"s":"text"}`)
	for path, want := range map[string]string{
		"s": "text", "t": "true", "a.b.0.n": "1.5", "a.b[x].n": "1.5", "a.b[1.0.0].phase": "idle", "a.b.length": "2",
		"a.b[x]": `{"id":"x","n":1.5}`,
	} {
		if got, found := JSON(body, path); !found || got != want {
			t.Errorf("%s: %q %v, want %q", path, got, found, want)
		}
	}
	for _, path := range []string{"q", "a.q", "a.b.2", "a.b[y]", "s.x", "z", "a.b.-1", "a]b["} {
		if got, found := JSON(body, path); found {
			t.Errorf("%s: found %q", path, got)
		}
	}
	if _, found := JSON([]byte("no json"), "a"); found {
		t.Error("found a member of what is no JSON")
	}
}

func TestAnswersHaveFields(t *testing.T) {
	a := Answer{
		Status: 503, Body: []byte(`{"status":1,"reason":"waiting"}`), Took: 2 * time.Second,
		Header: http.Header{"Modgate-Status": {`delay;ttl=3`}, "Odd": {`"open`}, FromHeader: {"a"}},
	}
	for name, want := range map[string]string{
		"status": "503", "in": "2s", "reason": "waiting", "from": "a", "@modgate-status": "delay;ttl=3",
		"@Modgate-Status;": "delay", "@Modgate-Status;ttl": "3",
	} {
		if got, found := a.Field(name); !found || got != want {
			t.Errorf("%s: %q %v, want %q", name, got, found, want)
		}
	}
	if got, _ := a.Field("@Odd;x"); !strings.Contains(got, "without end") {
		t.Errorf("a field that is not structured: %q", got)
	}
	if _, found := a.Field("error"); found {
		t.Error("an answer that came has an error")
	}
	if got := (Answer{Err: errors.New("cut off")}).String(); !strings.Contains(got, "cut off") {
		t.Errorf("%q", got)
	}
}

func TestEventsAreReadAsTheyCome(t *testing.T) {
	stream := "retry: 1000\n\n: \n\nid: 7\nevent: dev.modgate.delay.v1\ndata: {\"id\":\"books/books/4\",\ndata: \"subject\":\"books\",\"data\":{\"ttl\":\"3s\"}}\n\nevent: synced\ndata: {}\n\nid: 8\nda"
	var got []Event
	if err := ReadEvents(strings.NewReader(stream), func(e Event) { got = append(got, e) }); !errors.Is(err, io.EOF) {
		t.Errorf("at its end: %v", err)
	}
	if len(got) != 3 || got[0].Name != ":" {
		t.Fatalf("%+v", got)
	}
	e := got[1]
	for name, want := range map[string]string{"id": "7", "retry": "1000", "subject": "books", "ttl": "3s", "ce.id": "books/books/4"} {
		if v, found := e.Field(name); !found || v != want {
			t.Errorf("%s: %q %v, want %q", name, v, found, want)
		}
	}
	if e.Kind() != "delay" || e.NoticeID() != "books/books/4" || got[2].Kind() != "synced" || got[2].ID != "7" {
		t.Errorf("%+v", got)
	}
}

func FuzzParseItem(f *testing.F) {
	f.Add(`delay;module="inventory";ttl=12`)
	f.Fuzz(func(_ *testing.T, text string) {
		ParseItem(text) // that it returns is what counts
	})
}

func TestWebSocketSpeaksWithItself(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/none" || !IsWebSocket(r.Header):
			http.Error(w, "no", http.StatusNotFound)
		case r.URL.Path == "/bye":
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+
				accepted(r.Header.Get("Sec-WebSocket-Key"))+"\r\n\r\n")
			writeFrame(conn, opText, []byte("so long"), false)
			writeFrame(conn, opClose, []byte{1001 >> 8, 1001 & 0xff}, false)
		default:
			ServeWebSocket(w, r)
		}
	}))
	defer server.Close()
	address := server.Listener.Addr().String()
	a, err := DialWebSocket(t.Context(), address, "/bye", http.Header{}, "hello")
	if err != nil || a.Status != 101 || string(a.Body) != "so long" || a.Close != 1001 {
		t.Errorf("closed: %+v %v", a, err)
	}
	a, err = DialWebSocket(t.Context(), address, "/none", http.Header{}, "")
	if err != nil || a.Status != 404 || !strings.Contains(string(a.Body), "no") {
		t.Errorf("refused: %+v %v", a, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	heard := make(chan Answer, 1)
	go func() {
		a, _ := DialWebSocket(ctx, address, "/echo", http.Header{}, "hello")
		heard <- a
	}()
	select {
	case a := <-heard:
		t.Errorf("nobody closed it: %+v", a)
	default:
	}
	cancel()
	<-heard
}

func TestSignaturesAreStandardWebhooks(t *testing.T) {
	// The vector of the reference implementations.
	secret, body := "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", `{"test": 2432232314}`
	h := http.Header{"Webhook-Id": {"msg_p5jXN8AQM9LWM0D4loKWxJek"}, "Webhook-Timestamp": {"1614265330"}, "Webhook-Signature": {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}}
	if got := signed(secret, h, body, time.Unix(1614265330, 0)); got != "yes" {
		t.Error(got)
	}
	if got := Signed(secret, h, body); !strings.Contains(got, "off by") {
		t.Errorf("an old one: %s", got)
	}
	h.Set("Webhook-Signature", "v1a,x v1,AAAA")
	if got := signed(secret, h, body, time.Unix(1614265330, 0)); got != "no signature fits" {
		t.Errorf("a wrong one: %s", got)
	}
	if got := Signed("secret", h, body); !strings.Contains(got, "whsec_") {
		t.Errorf("no secret: %s", got)
	}
}
