package proxy

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/park"
	"github.com/modgate/modgate/core/route"
)

// narrow makes an instance that speaks HTTP/2, and has room for one stream.
func narrow(t *testing.T, module string, h http.HandlerFunc) *route.Instance {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 1}
	s.Start()
	t.Cleanup(s.Close)
	i := instance("narrow", module, "1.0.0", s.URL)
	i.Protocol = message.H2C
	return i
}

// Who is answered 503 by HTTP/2 loses that stream and nothing else: what is
// under way on the connection goes on, and what comes later is served there.
func TestRefusedStreamsLeaveTheirConnection(t *testing.T) {
	more := make(chan struct{})
	events := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: 1\n\n")
		w.(http.Flusher).Flush()
		select {
		case <-more:
			_, _ = io.WriteString(w, "data: 2\n\n")
		case <-r.Context().Done():
		}
	}
	g := start(t, func(o *Options) {
		o.Room = park.NewRoom(park.Limits{PerModule: 1})
		o.Limits.Upstream, o.Limits.FirstByte = 1, 200*time.Millisecond
	})
	g.room = g.proxy.Room
	full, away := g.module("full"), g.module("away")
	g.away(full, message.ReasonUpdating, time.Minute)
	g.away(away, message.ReasonUpdating, time.Minute)
	g.ready(g.module("busy"), instance("busy", "busy", "1.0.0", upstreamOf(t, events)))
	g.ready(g.module("narrow"), narrow(t, "narrow", events))
	client := overH2(t, nil)
	url := "http://" + g.address

	var streams []*bufio.Reader
	for _, path := range []string{"/busy", "/narrow"} {
		resp, err := client.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		r := bufio.NewReader(resp.Body)
		if line, err := r.ReadString('\n'); err != nil || line != "data: 1\n" {
			t.Fatalf("%s: first event = %q, %v", path, line, err)
		}
		streams = append(streams, r)
	}
	var parked sync.WaitGroup
	parked.Go(func() {
		if resp, body := ask(t, client, "GET", url+"/full", nil); resp.StatusCode != 200 || body != "hello" {
			t.Errorf("the parked stream got %d %q", resp.StatusCode, body)
		}
	})
	eventually(t, "parked", func() bool { return g.room.Parked("full").Parked == 1 })

	for _, c := range []struct {
		what, path, prefer string
		kind               message.ProblemType
		retryAfter         string
	}{
		{"the waiting room is full", "/full", "", message.ProblemOverflow, "60"},
		{"DELAY", "/away", "wait=0", message.ProblemDelay, "60"},
		{"every connection to the upstream is in use", "/busy", "", message.ProblemOverflow, "1"},
		{"an HTTP/2 upstream has no stream left", "/narrow", "", message.ProblemOverflow, "1"},
	} {
		for _, body := range []string{"", strings.Repeat("x", 100<<10)} { // which is more than a window
			resp, text := ask(t, client, "POST", url+c.path, strings.NewReader(body), "Prefer", c.prefer)
			var p message.Problem
			if err := json.Unmarshal([]byte(text), &p); err != nil || p.Type != c.kind || resp.StatusCode != 503 {
				t.Errorf("%s, %d octets: %d %s, want 503 %s", c.what, len(body), resp.StatusCode, text, c.kind)
			}
			if got := resp.Header.Get("Retry-After"); got != c.retryAfter {
				t.Errorf("%s: Retry-After = %q, want %q", c.what, got, c.retryAfter)
			}
		}
	}

	g.ready(full, instance("a", "full", "1.0.0", answers(t, "hello")))
	parked.Wait()
	close(more)
	for i, r := range streams {
		if rest, err := io.ReadAll(r); err != nil || string(rest) != "\ndata: 2\n\n" {
			t.Errorf("stream %d went on with %q, %v", i, rest, err)
		}
	}
	if n := g.proxy.Stats().Connections; n != 1 {
		t.Errorf("%d connections of clients, want the one", n)
	}
}

// Requests wait for room on the connections to an upstream that speaks HTTP/2,
// as they wait for a connection to any other.
func TestCallsWaitForRoom(t *testing.T) {
	var now, most, served atomic.Int64
	i := narrow(t, "m", func(_ http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		_, _ = io.Copy(io.Discard, r.Body)
		served.Add(1)
		now.Add(-1)
	})
	g := start(t, func(o *Options) { o.Limits.Upstream = 1 })
	g.ready(g.module("m"), i)
	client := overH2(t, nil)
	ask(t, client, "GET", "http://"+g.address+"/m", nil) // and the upstream has said how many it takes
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if resp, body := ask(t, client, "PUT", "http://"+g.address+"/m", strings.NewReader("hello")); resp.StatusCode != 200 {
				t.Errorf("answer = %d %s", resp.StatusCode, body)
			}
		})
	}
	all.Wait()
	if most.Load() != 1 || served.Load() != 51 {
		t.Errorf("%d served, %d at once; want 51, one by one", served.Load(), most.Load())
	}
}

// Whose turn has come and who leaves lets the next look, and so does time: no
// room is lost.
func TestTurnIsPassedOn(t *testing.T) {
	came := func(turn <-chan struct{}) bool {
		select {
		case <-turn:
			return true
		default:
			return false
		}
	}
	synctest.Test(t, func(t *testing.T) {
		var q queue
		first, second, third := q.join(false), q.join(false), q.join(false)
		q.leave(second) // it waited too long
		q.next()
		if !came(first) || came(third) {
			t.Error("want the first to have its turn, and the third none")
		}
		again := q.join(true)
		q.next()
		if !came(again) || came(third) {
			t.Error("want who found no room to be first again")
		}
		q.leave(again)
		if !came(third) {
			t.Error("want the third to have its turn when the first leaves")
		}
		for range 2 { // the queue was empty meanwhile
			if last, began := q.join(false), time.Now(); !await(last, began.Add(time.Minute)) || time.Since(began) != lookAgain {
				t.Errorf("a look after %v, want %v", time.Since(began), lookAgain)
			}
		}
		if await(q.join(false), time.Now().Add(lookAgain/2)) {
			t.Error("a look too early")
		}
	})
}
