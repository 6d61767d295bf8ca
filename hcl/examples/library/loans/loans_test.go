package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/hcl/examples/library/modgate"
	"github.com/modgate/modgate/hcl/examples/library/modgatetest"
)

// desk is a loans module before a gateway whose catalogue answers as the test
// says; members always answer.
func desk(t *testing.T, catalogue http.HandlerFunc) (*Loans, *modgatetest.Gateway) {
	t.Helper()
	g := modgatetest.New(t)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /members/{id}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"id":"m1","name":"Ada"}`))
	})
	mux.HandleFunc("GET /catalogue/books/{id}", catalogue)
	g.Serve(mux)
	in := g.Register(t, life(version, "", 0).Registration)
	l, err := OpenLoans(t.Context(), t.TempDir(), in)
	if err != nil {
		t.Fatal(err)
	}
	return l, g
}

func (l *Loans) ask(t *testing.T, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Modgate-Run", "v1.run.mac")
	l.instance.Handler(l.Handler()).ServeHTTP(w, r)
	return w
}

func serveBook(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte(`{"id":"b3","title":"The Twelve Chairs"}`))
}

func TestBookIsLentOnceAtATime(t *testing.T) {
	l, _ := desk(t, serveBook)
	for _, step := range []struct {
		path, body string
		want       int
	}{
		{"/loans", `{"member":"m1","book":"b3"}`, http.StatusCreated},
		{"/loans", `{"member":"m1","book":"b3"}`, http.StatusConflict},
		{"/loans/l1/return", ``, http.StatusOK},
		{"/loans/l1/return", ``, http.StatusConflict},
		{"/loans", `{"member":"m1","book":"b3"}`, http.StatusCreated},
	} {
		if w := l.ask(t, http.MethodPost, step.path, step.body); w.Code != step.want {
			t.Errorf("%s: got %d %s, want %d", step.path, w.Code, w.Body, step.want)
		}
	}
	if all := l.Of("m1"); len(all) != 2 || all[0].Returned.IsZero() || !all[1].Returned.IsZero() {
		t.Errorf("loans %+v, want one that is back and one that is not", all)
	}
}

func TestRunIsPassedOnToBothModules(t *testing.T) { // U11
	var mu sync.Mutex
	var runs []string
	l, g := desk(t, serveBook)
	note := func(h http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			runs = append(runs, r.Header.Get("Modgate-Run")+" "+r.Header.Get("Modgate-Token"))
			mu.Unlock()
			h(w, r)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", note(serveBook))
	g.Serve(mux)
	l.ask(t, http.MethodPost, "/loans", `{"member":"m1","book":"b3"}`)
	mu.Lock()
	defer mu.Unlock()
	want := "v1.run.mac " + modgatetest.Token
	if len(runs) != 2 || runs[0] != want || runs[1] != want {
		t.Errorf("got %q, want twice %q", runs, want)
	}
}

func TestUserIsHeldUntilResume(t *testing.T) { // A6: parking may end first
	asked := make(chan struct{}, rounds)
	back := make(chan struct{})
	l, _ := desk(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-back:
			serveBook(w, r)
		default:
			modgatetest.Away(w, modgate.Delay, "updating")
		}
		asked <- struct{}{}
	})
	l.instance.Requirements.Hear(modgate.Notice{Kind: modgate.Delay, Subject: "catalogue"})
	answered := make(chan int, 1)
	go func() { answered <- l.ask(t, http.MethodPost, "/loans", `{"member":"m1","book":"b3"}`).Code }()
	<-asked
	select {
	case code := <-answered:
		t.Fatalf("answered %d during the DELAY", code)
	default:
	}
	close(back)
	l.instance.Requirements.Hear(modgate.Notice{Kind: modgate.Resumed, Subject: "catalogue"})
	if code := <-answered; code != http.StatusCreated {
		t.Errorf("after RESUME: %d, want 201", code)
	}
}

func TestUserIsToldWhenDelayBecomesMissing(t *testing.T) { // A4
	asked := make(chan struct{}, rounds)
	l, _ := desk(t, func(w http.ResponseWriter, _ *http.Request) {
		modgatetest.Away(w, modgate.Delay, "updating")
		asked <- struct{}{}
	})
	l.instance.Requirements.Hear(modgate.Notice{Kind: modgate.Delay, Subject: "catalogue"})
	answered := make(chan *httptest.ResponseRecorder, 1)
	go func() { answered <- l.ask(t, http.MethodPost, "/loans", `{"member":"m1","book":"b3"}`) }()
	<-asked
	l.instance.Requirements.Hear(modgate.Notice{Kind: modgate.Missing, Subject: "catalogue"})
	if w := <-answered; w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "No loans can be made now") {
		t.Errorf("got %d %s, want 503 and the reason", w.Code, w.Body)
	}
}

func TestUnknownBookIsTheUsersMistake(t *testing.T) {
	l, _ := desk(t, http.NotFound)
	if w := l.ask(t, http.MethodPost, "/loans", `{"member":"m1","book":"b99"}`); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("got %d %s, want 422", w.Code, w.Body)
	}
}

func TestAlarmOncePerIncident(t *testing.T) { // G5
	synctest.Test(t, func(t *testing.T) {
		rs := modgate.NewRequirements([]modgate.Requirement{{ID: "catalogue", State: modgate.StateMet}})
		var told []string // read after synctest.Wait
		a := alarm{requirement: "catalogue", after: 30 * time.Second, send: func(_ context.Context, severity, _, _ string) error {
			told = append(told, severity)
			return nil
		}}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go a.watch(ctx, rs)
		hear := func(kind modgate.Kind, then time.Duration, want int) {
			t.Helper()
			rs.Hear(modgate.Notice{Kind: kind, Subject: "catalogue"})
			time.Sleep(then)
			synctest.Wait()
			if len(told) != want {
				t.Errorf("%s, %v later: told %v, want %d", kind, then, told, want)
			}
		}
		hear(modgate.Missing, 29*time.Second, 0)
		hear(modgate.Resumed, time.Minute, 0) // back in time
		hear(modgate.Missing, 31*time.Second, 1)
		hear(modgate.Missing, time.Hour, 1)
		hear(modgate.Resumed, time.Second, 2)
		hear(modgate.Missing, 31*time.Second, 3)
	})
}
