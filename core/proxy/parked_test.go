package proxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp/fasthttputil"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/park"
	"github.com/modgate/modgate/core/route"
)

// timedAnswer is an answer, and when it came.
type timedAnswer struct {
	*http.Response
	body  string
	after time.Duration
	err   error
}

// send sends a request on a connection of its own and leaves it waiting.
func (g *gate) send(request string) <-chan timedAnswer {
	g.t.Helper()
	start := time.Now()
	_, r := g.raw(request)
	done := make(chan timedAnswer, 1)
	go func() {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			done <- timedAnswer{err: err}
			return
		}
		b, err := io.ReadAll(resp.Body)
		done <- timedAnswer{Response: resp, body: string(b), after: time.Since(start), err: err}
	}()
	return done
}

func (r timedAnswer) want(t *testing.T, status int, after time.Duration) {
	t.Helper()
	if r.err != nil {
		t.Fatalf("no answer: %v", r.err)
	}
	if r.StatusCode != status || r.after != after {
		t.Errorf("answer = %d %s after %v, want %d after %v", r.StatusCode, r.body, r.after, status, after)
	}
}

// memory is an upstream without a socket, for bubbles.
type memory struct {
	ln     *fasthttputil.InmemoryListener
	server http.Server
}

func memoryUpstream(t *testing.T, h http.HandlerFunc) *memory {
	m := &memory{ln: fasthttputil.NewInmemoryListener(), server: http.Server{Handler: h}}
	go func() { _ = m.server.Serve(m.ln) }()
	t.Cleanup(func() { _ = m.server.Close() })
	return m
}

func (m *memory) dial(context.Context, string, string) (net.Conn, error) { return m.ln.Dial() }

const get = "GET /m HTTP/1.1\r\nHost: a\r\n\r\n"

func TestParkedRequestGetsItsModulesAnswer(t *testing.T) {
	// L3, A8, 3.2: parked, released by RESUME, relayed, and told how long.
	synctest.Test(t, func(t *testing.T) {
		up := memoryUpstream(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
		g := bubble(t, func(o *Options) { o.Dial = up.dial })
		m := g.module("m")
		g.away(m, message.ReasonUpdating, time.Minute)
		done := g.send(get)
		time.Sleep(5 * time.Second)
		g.ready(m, instance("a", "m", "1.0.0", "http://a"))
		r := <-done
		r.want(t, 200, 5*time.Second)
		if word, params := statusOf(t, r.Response); word != "resume" || params["module"] != "m" || params["waited"] != int64(5000) {
			t.Errorf("Modgate-Status = %s %v", word, params)
		}
		if n := g.proxy.Stats().Parked; n != 1 {
			t.Errorf("parked %d times, want 1", n)
		}
	})
}

func TestEndOfTheAbsenceAnswersMissing(t *testing.T) {
	// A4, if the control plane has nothing else to say by then.
	synctest.Test(t, func(t *testing.T) {
		g := bubble(t)
		m := g.module("m")
		g.away(m, message.ReasonLost, 10*time.Second)
		r := <-g.send(get)
		r.want(t, 503, 10*time.Second+lastWord)
		wantProblem(t, r.Response, r.body, 503, message.ProblemMissing, message.ReasonExpired)

		g.away(m, message.ReasonLost, time.Minute)
		done := g.send(get)
		time.Sleep(3 * time.Second)
		g.set(m, route.State{Availability: message.Missing, Reason: message.ReasonForced})
		r = <-done
		r.want(t, 503, 3*time.Second)
		wantProblem(t, r.Response, r.body, 503, message.ProblemMissing, message.ReasonForced)
	})
}

func TestAbsenceThatGoesOnAtItsEndIsNoMissing(t *testing.T) {
	// A4, U2: the grace's end is the absence's, and the UPDATE is granted then.
	synctest.Test(t, func(t *testing.T) {
		g := bubble(t)
		m := g.module("m")
		g.away(m, message.ReasonWaiting, 10*time.Second)
		done := g.send(get)
		time.Sleep(10*time.Second + time.Millisecond)
		g.away(m, message.ReasonUpdating, time.Minute)
		r := <-done
		r.want(t, 503, 10*time.Second+time.Millisecond)
		wantProblem(t, r.Response, r.body, 503, message.ProblemDelay, message.ReasonUpdating)
	})
}

func TestEndOfTheOwnWaitAnswersDelay(t *testing.T) {
	// A4, A6: the least of the TTL left, the policy's wait and the caller's.
	for name, c := range map[string]struct {
		wait    time.Duration
		request string
		after   time.Duration
		applied string
	}{
		"policy":          {4 * time.Second, get, 4 * time.Second, ""},
		"caller":          {4 * time.Second, "GET /m HTTP/1.1\r\nHost: a\r\nPrefer: respond-async, wait=2\r\n\r\n", 2 * time.Second, "wait=2"},
		"caller, shorter": {time.Second, "GET /m HTTP/1.1\r\nHost: a\r\nPrefer: wait=2;x=y\r\n\r\n", time.Second, "wait=2"},
		"caller, none":    {0, "GET /m HTTP/1.1\r\nHost: a\r\nprefer: wait=0\r\n\r\n", 0, "wait=0"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := bubble(t)
				m := g.module("m")
				st := *g.away(m, message.ReasonLost, time.Minute)
				st.Plan = fallback.Always{Action: fallback.Delay, Wait: c.wait}
				g.set(m, st)
				r := <-g.send(c.request)
				r.want(t, 503, c.after)
				wantProblem(t, r.Response, r.body, 503, message.ProblemDelay, message.ReasonLost)
				if got := r.Header.Get("Preference-Applied"); got != c.applied {
					t.Errorf("Preference-Applied = %q, want %q", got, c.applied)
				}
			})
		})
	}
}

func TestParkedWaitIsOnlyEverShortened(t *testing.T) {
	// A4: a later deadline of the absence does not lengthen it.
	synctest.Test(t, func(t *testing.T) {
		g := bubble(t)
		m := g.module("m")
		g.away(m, message.ReasonWaiting, 10*time.Second)
		done := g.send(get)
		time.Sleep(5 * time.Second)
		g.away(m, message.ReasonUpdating, time.Minute)
		r := <-done
		r.want(t, 503, 10*time.Second)
		wantProblem(t, r.Response, r.body, 503, message.ProblemDelay, message.ReasonUpdating)
	})
}

func TestRequestIsLetGoThreeTimesAtMost(t *testing.T) {
	// To a module that is ready each time, and gone when the request comes.
	synctest.Test(t, func(t *testing.T) {
		var g *gate
		var m *route.Module
		g = bubble(t, func(o *Options) {
			o.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED }
			o.Unreachable = func(*route.Instance) { g.away(m, message.ReasonLost, time.Minute) }
		})
		m = g.module("m")
		g.away(m, message.ReasonLost, time.Minute)
		done := g.send(get)
		start := time.Now()
		for range maxRounds {
			time.Sleep(time.Second)
			synctest.Wait()
			g.ready(m, instance("a", "m", "1.0.0", "http://a"))
		}
		r := <-done
		r.want(t, 503, time.Since(start))
		wantProblem(t, r.Response, r.body, 503, message.ProblemDelay, message.ReasonLost)
	})
}

func TestParkedRequestOutlastsWhatHappensInAnAbsence(t *testing.T) {
	// L3: waiting, granted, holder lost, back: it gets its answer after RESUME.
	synctest.Test(t, func(t *testing.T) {
		up := memoryUpstream(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
		g := bubble(t, func(o *Options) { o.Dial = up.dial })
		m := g.module("m")
		g.away(m, message.ReasonWaiting, time.Minute)
		done := g.send(get)
		for n := range 2 * maxLooks {
			time.Sleep(time.Second)
			g.away(m, []message.Reason{message.ReasonUpdating, message.ReasonLost}[n%2], time.Minute)
		}
		g.ready(m, instance("a", "m", "1.0.0", "http://a"))
		r := <-done
		r.want(t, 200, 2*maxLooks*time.Second)
	})
}

func TestOverflowIsAnsweredAtOnce(t *testing.T) {
	// A6.
	synctest.Test(t, func(t *testing.T) {
		g := bubble(t, func(o *Options) { o.Room = park.NewRoom(park.Limits{PerModule: 1}) })
		g.room = g.proxy.Room
		m := g.module("m")
		g.away(m, message.ReasonLost, 10*time.Second)
		first := g.send(get)
		synctest.Wait()
		r := <-g.send(get)
		r.want(t, 503, 0)
		wantProblem(t, r.Response, r.body, 503, message.ProblemOverflow, message.ReasonLost)
		if got := r.Header.Get("Proxy-Status"); got != `modgate; error=connection_limit_reached; details="overflow"` {
			t.Errorf("Proxy-Status = %q", got)
		}
		if got := r.Header.Get("Retry-After"); got != "10" {
			t.Errorf("Retry-After = %q, want 10", got)
		}
		<-first
	})
}

func TestShutdownAnswersParkedRequestsWithDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := bubble(t)
		m := g.module("m")
		g.away(m, message.ReasonLost, time.Minute)
		done := g.send(get)
		synctest.Wait()
		g.room.Close() // as Shutdown does first
		r := <-done
		r.want(t, 503, 0)
		wantProblem(t, r.Response, r.body, 503, message.ProblemDelay, message.ReasonLost)
	})
}

func TestParkedRequestHoldsBackNoAnswerBeforeIt(t *testing.T) {
	// Pipelined: the first is for a ready module, or the gateway's own to answer,
	// the second is parked.
	g := start(t)
	m, other := g.module("m"), g.module("other")
	g.ready(other, instance("o", "other", "1.0.0", answers(t, "hello")))
	for first, status := range map[string]int{"GET /other": 200, "GET /nowhere": 404, "OPTIONS *": 204} {
		g.away(m, message.ReasonLost, time.Minute)
		_, r := g.raw(first + " HTTP/1.1\r\nHost: a\r\n\r\n" + get)
		resp, err := http.ReadResponse(r, nil)
		if err != nil || resp.StatusCode != status {
			t.Fatalf("first answer = %v, %v; want %d while the second is parked", resp, err, status)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		eventually(t, "the second parked", func() bool { return g.room.Parked("m").Parked == 1 })
		g.set(m, route.State{Availability: message.Missing})
		if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 503 {
			t.Errorf("second answer = %v, %v; want 503", resp, err)
		}
	}
}

func TestLeavingClientIsNoticedWhileParked(t *testing.T) {
	// A6, on real sockets, with pipelined bytes behind the parked request.
	g := start(t)
	m := g.module("m")
	g.away(m, message.ReasonLost, time.Minute)
	c, _ := g.raw(get + get)
	eventually(t, "parked", func() bool { return g.room.Parked("m").Parked == 1 })
	left := time.Now()
	c.Close()
	eventually(t, "its place is free", func() bool { return g.room.Parked("m").Parked == 0 })
	if d := time.Since(left); d > time.Second {
		t.Errorf("noticed after %v, want milliseconds", d)
	}
	eventually(t, "counted", func() bool { return g.proxy.Stats().Left == 1 })
}

func TestRequestIsParkedBefore100Continue(t *testing.T) {
	// A6: no body is sent for a module that is away.
	g := start(t)
	m := g.module("m")
	g.away(m, message.ReasonLost, time.Minute)
	c, r := g.raw("POST /m HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	eventually(t, "parked", func() bool { return g.room.Parked("m").Parked == 1 })
	if n := r.Buffered(); n != 0 {
		t.Fatalf("%d bytes were answered while parked", n)
	}
	g.ready(m, instance("a", "m", "1.0.0", upstreamOf(t, func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Expect") != "" {
			t.Error("Expect was relayed")
		}
		_, _ = io.Copy(w, req.Body)
	})))
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 100 {
		t.Fatalf("first answer = %v, %v; want 100", resp, err)
	}
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != 200 || resp.Header.Get("Modgate-Status") == "" {
		t.Fatalf("answer = %v, %v; want 200 that says how long it was parked", resp, err)
	}
	if b, _ := io.ReadAll(resp.Body); string(b) != "hello" {
		t.Errorf("body = %q", b)
	}
}

func TestExpectationIsAnsweredWithoutABody(t *testing.T) {
	// DELAY and MISSING go out instead of 100 Continue.
	g := start(t)
	m := g.module("m")
	g.set(m, route.State{Availability: message.Missing, Reason: message.ReasonLost})
	c, r := g.raw("POST /m HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	wantProblem(t, resp, string(b), 503, message.ProblemMissing, message.ReasonLost)
	wantClosed(t, c, resp)
}

func TestHoldersInACircleAreNotParked(t *testing.T) {
	// U11: two holders that ask each other's modules.
	g := start(t)
	m, n := g.module("m"), g.module("n")
	hm, _ := named(t, "hm", "m", "2.0.0")
	hn, _ := named(t, "hn", "n", "2.0.0")
	updating := func(holder *route.Instance) route.State {
		return route.State{
			Availability: message.Delayed, Reason: message.ReasonUpdating, Holder: holder, Until: time.Now().Add(time.Minute),
		}
	}
	g.set(m, updating(hm))
	g.set(n, updating(hn))
	mToken, _ := g.caller(hm)
	nToken, _ := g.caller(hn)
	first := g.send("GET /n HTTP/1.1\r\nHost: a\r\nModgate-Token: " + mToken + "\r\n\r\n")
	eventually(t, "parked", func() bool { return g.room.Parked("n").Parked == 1 })

	resp, body := g.do("GET", "/m", "", "Modgate-Token", nToken)
	wantProblem(t, resp, body, 503, message.ProblemDelay, message.ReasonCycle)
	if c := g.cycles.Load(); c != 1 {
		t.Errorf("%d cycles reported, want 1", c)
	}
	g.ready(n, hn)
	if r := <-first; r.err != nil || r.StatusCode != 200 {
		t.Errorf("the first holder's request = %+v, want 200", r)
	}
}
