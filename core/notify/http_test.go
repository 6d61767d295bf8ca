package notify

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/modgate/modgate/core/message"
)

// serve answers with the stream of instance a, and counts who was told.
func serve(t *testing.T, told func(message.Notice)) (*Post, string) {
	p := Open(Options{Told: told})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		err := p.Stream(r.Context(), w, "a", r.Header.Get("Last-Event-ID"), func() []message.Notice { return nil })
		if err == nil {
			t.Error("Stream ended and does not say why")
		}
	}))
	t.Cleanup(s.Close)
	t.Cleanup(p.Close)
	return p, s.URL
}

func get(t *testing.T, url string) *bufio.Reader {
	t.Helper()
	resp, err := http.Get(url) //nolint:noctx // the test's server ends it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return bufio.NewReader(resp.Body)
}

// until reads lines until one begins with the prefix.
func until(t *testing.T, r *bufio.Reader, prefix string) string {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("read until %q: %v", prefix, err)
		}
		if strings.HasPrefix(line, prefix) {
			return line
		}
	}
}

func TestStreamOverHTTPArrivesAtOnceAndEndsWell(t *testing.T) {
	p, url := serve(t, nil)
	first := get(t, url)
	until(t, first, "event: synced")
	p.Put(notice(delay, 1))
	if got := until(t, first, "data: {\"specversion"); !strings.Contains(got, `"id":"users/users/1"`) {
		t.Errorf("read %q, want the notice as a CloudEvent", got)
	}
	second := get(t, url)
	until(t, second, "event: synced")
	if _, err := io.ReadAll(first); err != nil {
		t.Errorf("the replaced stream ended with %v, want a body that is complete", err)
	}
	p.Close()
	if _, err := io.ReadAll(second); err != nil {
		t.Errorf("the stream of a closed post ended with %v, want a body that is complete", err)
	}
}

func TestStuckClientOverHTTPMakesRoom(t *testing.T) {
	p, url := serve(t, nil)
	get(t, url) // takes nothing beyond what the sockets' buffers hold
	n := notice(delay, 0)
	n.Data.Required = strings.Repeat("x", 1<<20)
	for turn := range uint64(32) {
		n.Turn = turn + 1
		n.Subject = fmt.Sprint("s", turn)
		p.Put(n)
	}
	until(t, get(t, url), "event: synced")
}

func TestHammerPost(t *testing.T) {
	var order sync.Map // subject -> turn
	var wrong atomic.Pointer[string]
	p, url := serve(t, func(n message.Notice) {
		if was, loaded := order.Swap(n.Subject, n.Turn); loaded && was.(uint64) > n.Turn {
			text := fmt.Sprintf("%s was told turn %d after %d", n.Subject, n.Turn, was)
			wrong.Store(&text)
		}
	})
	const putters, turns = 4, 300
	var all sync.WaitGroup
	for i := range putters {
		all.Go(func() {
			for turn := range uint64(turns) {
				p.Put(about(fmt.Sprint("s", i), notice(delay, turn+1)))
			}
		})
	}
	for range 3 {
		all.Go(func() {
			for range 5 {
				resp, err := http.Get(url) //nolint:noctx // the test's server ends it
				if errors.Is(err, io.EOF) {
					continue // replaced before its head was on the way
				}
				if err != nil {
					t.Error(err)
					return
				}
				_, err = bufio.NewReader(resp.Body).ReadString('\n')
				resp.Body.Close()
				if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	last := get(t, url)
	until(t, last, "event: synced")
	for i := range putters {
		p.Put(about(fmt.Sprint("s", i), notice(resume, turns+1)))
	}
	for range putters {
		until(t, last, "event: dev.modgate.resume.v1")
	}
	p.Close()
	if text := wrong.Load(); text != nil {
		t.Error(*text)
	}
	for i := range putters {
		if got, _ := order.Load(fmt.Sprint("s", i)); got != uint64(turns+1) {
			t.Errorf("s%d was told turn %v last, want %d", i, got, turns+1)
		}
	}
}
