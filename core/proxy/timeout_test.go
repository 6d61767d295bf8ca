package proxy

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/message"
)

func TestTimeLeftIsPassedOn(t *testing.T) {
	g := behind(t, upstreamOf(t, headers("Modgate-Timeout", "Grpc-Timeout")))
	_, body := g.do("GET", "/m", "", "Modgate-Timeout", "60000")
	first, _, _ := strings.Cut(strings.TrimPrefix(body, "Modgate-Timeout="), "\n")
	if ms, err := strconv.Atoi(first); err != nil || ms > 60000 || ms < 50000 {
		t.Errorf("upstream got %q, want what is left of a minute", body)
	}
	_, body = g.do("GET", "/m", "", "grpc-timeout", "1M")
	if _, second, _ := strings.Cut(body, "Grpc-Timeout="); !strings.HasSuffix(second, "m\n") || len(second) != len("59999m\n") {
		t.Errorf("upstream got %q, want what is left of a minute in milliseconds", body)
	}
	if _, body := g.do("GET", "/m", ""); body != "Modgate-Timeout=\nGrpc-Timeout=\n" {
		t.Errorf("upstream got %q, want nothing that the caller did not say", body)
	}
}

func TestTimeoutThatCannotBeReadIsRefused(t *testing.T) {
	g := behind(t, answers(t, "hello"))
	for _, value := range []string{"0", "", "-1", "1s", "1.5", "1234567890"} {
		if resp, body := g.do("GET", "/m", "", "Modgate-Timeout", value); resp.StatusCode != 400 || !strings.Contains(body, "Modgate-Timeout") {
			t.Errorf("%q: answer = %d %s", value, resp.StatusCode, body)
		}
	}
	_, r := g.raw("GET /m HTTP/1.1\r\nHost: x\r\nModgate-Timeout: 5\r\nModgate-Timeout: 6\r\n\r\n")
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 400 {
		t.Errorf("said twice: %v, %v", resp, err)
	}
}

func TestGRPCTimeouts(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"2H": 2 * time.Hour, "3M": 3 * time.Minute, "4S": 4 * time.Second, "5m": 5 * time.Millisecond, "6u": 6 * time.Microsecond,
		"99999999n": 99999999 * time.Nanosecond, "0S": time.Nanosecond,
		"": 0, "5": 0, "S": 0, "5x": 0, "123456789S": 0, "-1S": 0, "+1S": 0,
	} {
		var h head
		if ok := h.takeGRPCTimeout([]byte(value)); h.timeout != want || ok != (want != 0) {
			t.Errorf("%q = %v, %v; want %v", value, h.timeout, ok, want)
		}
	}
}

// A caller's time ends the wait for the answer, parked or not, and is no
// instance's fault.
func TestCallersTimeEndsTheWait(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	a := instance("a", "m", "1.0.0", upstreamOf(t, func(http.ResponseWriter, *http.Request) { <-release }))
	g := start(t, func(o *Options) { o.Limits.Failures = 1 })
	m := g.module("m")
	g.ready(m, a)
	if resp, _ := g.do("GET", "/m", "", "Modgate-Timeout", "50"); resp.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("answer = %d, want 504", resp.StatusCode)
	}
	if a.Out(time.Now()) {
		t.Error("the instance is out for what the caller had no time for")
	}
	g.away(m, message.ReasonUpdating, time.Minute)
	if resp, _ := g.do("GET", "/m", "", "Modgate-Timeout", "50"); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("parked: %d, want DELAY", resp.StatusCode)
	}
}

// A request has a whole time, however the answer drips; an event stream goes
// on.
func TestWholeTimeBoundsAnAnswer(t *testing.T) {
	g := behind(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/events") {
			w.Header().Set("Content-Type", "text/event-stream")
		}
		for range 20 {
			_, _ = io.WriteString(w, "data: x\n\n")
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}), func(o *Options) { o.Limits.Request = 100 * time.Millisecond })
	read := func(path string) (int, error) {
		resp, err := http.Get("http://" + g.address + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return strings.Count(string(b), "data"), err
	}
	if n, err := read("/m/x"); err == nil {
		t.Errorf("the answer came whole in %d parts, want it cut", n)
	}
	if n, err := read("/m/events"); err != nil || n != 20 {
		t.Errorf("%d events, %v; want all 20", n, err)
	}
}
