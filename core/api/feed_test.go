package api

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/control"
)

func happened(f *Feed, module string, turn uint64) {
	f.Observe(control.Happening{Time: time.Now(), Module: module, Event: "drained", Turn: turn})
}

func TestFeedIsBounded(t *testing.T) {
	var f Feed
	for i := range feedSize + 10 {
		happened(&f, "m", uint64(i))
	}
	all, gap, _ := f.since(1)
	if len(all) != feedSize || !gap {
		t.Errorf("%d are remembered, gap %v; want %d, and a gap", len(all), gap, feedSize)
	}
	if all[0].Turn != 10 || all[len(all)-1].ID != f.latest() {
		t.Errorf("from turn %d to id %d, want 10 to %d", all[0].Turn, all[len(all)-1].ID, f.latest())
	}
	if rest, gap, _ := f.since(f.latest() - 2); len(rest) != 2 || gap {
		t.Errorf("%d after the last but two, gap %v", len(rest), gap)
	}
}

func TestIDsRiseOverRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var before, after Feed
		for range 1000 {
			happened(&before, "m", 1)
		}
		time.Sleep(time.Second)
		happened(&after, "m", 1)
		if happenings, gap, _ := after.since(before.latest()); len(happenings) != 1 || !gap {
			t.Errorf("after the restart: %d, gap %v; want 1, and a gap", len(happenings), gap)
		}
	})
}

func TestHistoryIsOfOneModule(t *testing.T) {
	p := newPlatform(t)
	p.serve("m", "1.0.0", "m-1")
	p.serve("other", "1.0.0", "o-1")
	var got struct {
		Module string
		Events []control.Happening
	}
	p.call("GET", "/v1/admin/modules/m/history", "admin", "").want(http.StatusOK).decode(&got)
	var words []string
	for _, h := range got.Events {
		words = append(words, h.Event+" "+h.Instance)
	}
	if want := "registered m-1, resume m-1"; strings.Join(words, ", ") != want {
		t.Errorf("%q, want %s", words, want)
	}
}

// event is one of a stream.
type event struct{ id, name, data string }

// reader reads a stream that a server sends.
type reader struct {
	t *testing.T
	*http.Response
	lines *bufio.Scanner
}

// follow opens a stream over a real connection.
func follow(t *testing.T, s *httptest.Server, path, token, lastEventID string) *reader {
	t.Helper()
	ctx, stop := contextWith(t, 20*time.Second) // bounds a test that fails
	t.Cleanup(stop)
	r, err := http.NewRequestWithContext(ctx, "GET", s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if lastEventID != "" {
		r.Header.Set("Last-Event-ID", lastEventID)
	}
	resp, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || got != "text/event-stream" {
		t.Fatalf("%d %s", resp.StatusCode, got)
	}
	return &reader{t, resp, bufio.NewScanner(resp.Body)}
}

// next waits for the next event that has a name.
func (r *reader) next() (e event) {
	r.t.Helper()
	for r.lines.Scan() {
		field, value, _ := strings.Cut(r.lines.Text(), ": ")
		switch {
		case field == "id":
			e.id = value
		case field == "event":
			e.name = value
		case field == "data":
			e.data = value
		case r.lines.Text() == "" && e.name != "":
			return e
		}
	}
	r.t.Fatalf("the stream ended: %v", r.lines.Err())
	return e
}

func TestEventsFollowWhatHappens(t *testing.T) { // 3.3
	p := newPlatform(t)
	s := httptest.NewServer(p.handler)
	t.Cleanup(s.Close) // after the streams
	p.register("m", "1.0.0", "m-1")
	stream := follow(t, s, "/v1/admin/events", adminToken, "")
	p.announce("m-1", "resume")
	first := stream.next()
	var h happening
	if err := json.Unmarshal([]byte(first.data), &h); err != nil {
		t.Fatal(err)
	}
	if first.name != "resume" || h.Module != "m" || h.Instance != "m-1" || fmt.Sprint(h.ID) != first.id {
		t.Errorf("first event %+v, want the resume of m-1; from before the stream comes nothing", first)
	}
	stream.Body.Close()

	p.register("m", "1.0.0", "m-2")
	p.announce("m-2", "resume")
	again := follow(t, s, "/v1/admin/events", adminToken, first.id)
	for _, want := range []string{"registered", "resume"} {
		if e := again.next(); e.name != want {
			t.Errorf("after Last-Event-ID %+v, want %s", e, want)
		}
	}
	forgotten := follow(t, s, "/v1/admin/events", adminToken, "1")
	for _, want := range []string{"gap", "registered", "resume"} {
		if e := forgotten.next(); e.name != want {
			t.Errorf("after a forgotten Last-Event-ID %+v, want %s", e, want)
		}
	}
}

func TestNoticesAreStreamed(t *testing.T) { // 3.4, D2
	p := newPlatform(t)
	s := httptest.NewServer(p.handler)
	t.Cleanup(s.Close) // after the streams
	p.serve("m", "1.0.0", "m-1", `,"requires":[{"id":"tags","range":"1"}]`)
	stream := follow(t, s, "/v1/instances/m-1/notices", p.tokens["m-1"], "")
	if e := stream.next(); e.name != "dev.modgate.missing.v1" || !strings.Contains(e.data, `"subject":"tags"`) {
		t.Errorf("snapshot begins with %+v, want tags missing", e)
	}
	if e := stream.next(); e.name != "synced" {
		t.Errorf("%+v, want synced", e)
	}
	p.serve("tags", "1.0.0", "t-1")
	for e := stream.next(); e.name != "dev.modgate.resume.v1"; e = stream.next() {
		if e.name != "dev.modgate.delay.v1" {
			t.Fatalf("%+v, want delay, then resume", e)
		}
	}
}

func TestStreamEndsWithItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		p.register("m", "1.0.0", "m-1", `,"lease":"5m"`)
		for path, as := range map[string]string{"/v1/admin/events": "admin", "/v1/instances/m-1/notices": "m-1"} {
			leaving, stop := contextWith(t, 40*time.Second)
			start := time.Now()
			a := p.callWith(leaving, "GET", path, as, "").want(http.StatusOK)
			stop()
			if got := time.Since(start); got != 40*time.Second {
				t.Errorf("%s ended after %v", path, got)
			}
			if got := strings.Count(string(a.body), "\n: \n") + strings.Count(string(a.body), "\n\n: "); got < 2 {
				t.Errorf("%s: no comment every 15s in %q", path, a.body)
			}
			if a := p.call("HEAD", path, as, ""); len(a.body) != 0 || a.StatusCode != http.StatusOK {
				t.Errorf("HEAD %s: %d %q", path, a.StatusCode, a.body)
			}
		}
	})
}

// stuck is a reader that takes nothing.
type stuck struct {
	*httptest.ResponseRecorder
	limit time.Time
}

func (s *stuck) SetWriteDeadline(t time.Time) error { s.limit = t; return nil }

func (s *stuck) Write([]byte) (int, error) {
	time.Sleep(time.Until(s.limit))
	return 0, errors.New("i/o timeout")
}

func TestReaderThatTakesNothingIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		r := httptest.NewRequest("GET", "/v1/admin/events", nil)
		r.Header.Set("Authorization", "Bearer "+adminToken)
		start := time.Now()
		p.handler.ServeHTTP(&stuck{ResponseRecorder: httptest.NewRecorder()}, r)
		if got := time.Since(start); got != writeLimit {
			t.Errorf("given up after %v, want %v", got, writeLimit)
		}
	})
}
