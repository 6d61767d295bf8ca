package proxy

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modgate/modgate/core/message"
)

func TestParkedH2RequestIsReleasedByResume(t *testing.T) {
	g := start(t)
	m := g.module("m")
	g.away(m, message.ReasonUpdating, time.Minute)
	go func() {
		eventually(t, "parked", func() bool { return g.room.Parked("m").Parked == 3 })
		g.ready(m, instance("a", "m", "1.0.0", upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			_, _ = w.Write(b)
		})))
	}()
	client := overH2(t, nil)
	var all sync.WaitGroup
	for _, size := range []int{10, 100 << 10, 1 << 20} { // the last is more than a stream's window
		all.Go(func() {
			resp, body := ask(t, client, "POST", "http://"+g.address+"/m", strings.NewReader(strings.Repeat("x", size)))
			if resp.StatusCode != 200 || len(body) != size || !strings.HasPrefix(resp.Header.Get("Modgate-Status"), `resume;module="m"`) {
				t.Errorf("answer = %d, %d bytes, %v", resp.StatusCode, len(body), resp.Header)
			}
		})
	}
	all.Wait()
}

// A stream that is reset while it is parked gives its place back, and others
// of its connection wait on (A6).
func TestResetStreamFreesThePlace(t *testing.T) {
	g := start(t)
	m := g.module("m")
	g.away(m, message.ReasonUpdating, time.Minute)
	client := overH2(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var both sync.WaitGroup
	both.Go(func() {
		req, _ := http.NewRequestWithContext(ctx, "GET", "http://"+g.address+"/m", nil)
		if resp, err := client.Do(req); err == nil {
			resp.Body.Close()
			t.Errorf("the stream that was reset got %d", resp.StatusCode)
		}
	})
	eventually(t, "one parked", func() bool { return g.room.Parked("m").Parked == 1 })
	both.Go(func() {
		if resp, body := ask(t, client, "GET", "http://"+g.address+"/m", nil); resp.StatusCode != 200 || body != "hello" {
			t.Errorf("the other stream got %d %q", resp.StatusCode, body)
		}
	})
	eventually(t, "two parked", func() bool { return g.room.Parked("m").Parked == 2 })
	cancel()
	eventually(t, "one left", func() bool { return g.room.Parked("m").Parked == 1 })
	g.ready(m, instance("a", "m", "1.0.0", answers(t, "hello")))
	both.Wait()
	eventually(t, "counted", func() bool { return g.proxy.Stats().Left == 1 })
}

// A stream that is reset while its module works ends the work there.
func TestResetStreamReachesTheModule(t *testing.T) {
	began, ended := make(chan struct{}), make(chan struct{})
	a := instance("a", "m", "1.0.0", upstreamOf(t, func(_ http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
		close(ended)
	}))
	g := start(t)
	g.ready(g.module("m"), a)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	req, _ := http.NewRequestWithContext(ctx, "GET", "http://"+g.address+"/m", nil)
	if resp, err := overH2(t, nil).Do(req); err == nil {
		resp.Body.Close()
		t.Errorf("answer = %d, want none", resp.StatusCode)
	}
	<-ended
	eventually(t, "the run ended", func() bool { return a.Runs() == 0 })
	if got := g.proxy.Stats(); got.Failed != 0 || got.Retried != 0 {
		t.Errorf("%+v: the client left, nothing failed", got)
	}
}

func TestH2EventStream(t *testing.T) {
	ended := make(chan struct{})
	g := behind(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: first\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(ended)
	}))
	resp, err := overH2(t, nil).Get("http://" + g.address + "/m")
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil || line != "data: first\n" {
		t.Errorf("first event = %q, %v", line, err)
	}
	resp.Body.Close()
	<-ended
}

// An answer that breaks off is no whole one, and its connection goes on.
func TestBrokenAnswerResetsItsStream(t *testing.T) {
	g := behind(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/m" {
			_, _ = io.WriteString(w, "hello")
			return
		}
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}))
	client := overH2(t, nil)
	resp, err := client.Get("http://" + g.address + "/m/broken")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("a broken answer was read as %q", b)
	}
	resp.Body.Close()
	if resp, body := ask(t, client, "GET", "http://"+g.address+"/m", nil); resp.StatusCode != 200 || body != "hello" {
		t.Errorf("afterwards: %d %q", resp.StatusCode, body)
	}
	if n := g.proxy.Stats().Connections; n != 1 {
		t.Errorf("%d connections, want one", n)
	}
}

// What is under way ends before the gateway does.
func TestShutdownWaitsForStreams(t *testing.T) {
	began, goOn := make(chan struct{}), make(chan struct{})
	g := behind(t, upstreamOf(t, func(w http.ResponseWriter, _ *http.Request) {
		close(began)
		<-goOn
		_, _ = io.WriteString(w, "hello")
	}))
	g.down.Store(true)
	down := make(chan error, 1)
	go func() {
		<-began
		go func() { time.Sleep(20 * time.Millisecond); close(goOn) }() // in the midst of it
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		down <- g.proxy.Shutdown(ctx)
	}()
	if resp, body := ask(t, overH2(t, nil), "GET", "http://"+g.address+"/m", nil); resp.StatusCode != 200 || body != "hello" {
		t.Errorf("answer = %d %q", resp.StatusCode, body)
	}
	if err := <-down; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// FuzzStreamHead makes heads of what HTTP/2 may carry: each is refused, or is
// the head of one request, the same that was meant.
func FuzzStreamHead(f *testing.F) {
	f.Add("GET", "/m?q", "gw.test", "X-Name", "value", int64(0))
	f.Add("POST", "/m HTTP/1.1\r\nHost: evil\r\n\r\n", "gw.test", "Transfer-Encoding", "chunked", int64(-1))
	f.Add("GET / HTTP/1.1\r\n", "/", "gw\r\nX: y", "Content-Length", "5", int64(5))
	f.Add("GET", "/a\nb", "a@b", "X:", "a\r\n b", int64(0))
	f.Fuzz(func(t *testing.T, method, target, host, name, value string, length int64) {
		r := &http.Request{Method: method, RequestURI: target, Host: host, Header: http.Header{name: {value}}, ContentLength: length}
		raw, ok := appendHead(nil, r)
		var h head
		if !ok || h.parse(raw) != nil {
			return
		}
		if string(h.method) != method || !strings.HasSuffix(target, string(h.target)) && string(h.target) != "/"+target[strings.IndexByte(target, '?')+1:] && len(h.target) > 0 && h.target[0] != '/' && h.target[0] != '*' {
			t.Errorf("%q became %q %q", raw, h.method, h.target)
		}
		if n := bytes.Count(raw, headEnd); n != 1 || !bytes.HasSuffix(raw, headEnd) {
			t.Errorf("%q has %d ends", raw, n)
		}
		if len(h.fields) > 3 {
			t.Errorf("%q has %d fields, want at most those that were meant", raw, len(h.fields))
		}
	})
}
