package park

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// upstream is a module that answers each request after what delay says for
// the number that are under way, and logs in which order they came.
type upstream struct {
	room  *Room
	delay func(under int) (time.Duration, Outcome)

	mu    sync.Mutex
	log   []string // callers; guarded by mu, as below
	under int
	most  int
	last  time.Time // an answer was given
}

// send parks a request and, once it is let go, brings it to the upstream.
func (u *upstream) send(q Request) {
	pass, err := u.room.Wait(q, time.Now().Add(time.Hour), nil)
	if err != nil {
		panic(err)
	}
	u.mu.Lock()
	u.log = append(u.log, q.Caller.Instance)
	u.under++
	u.most = max(u.most, u.under)
	d, outcome := u.delay(u.under)
	u.mu.Unlock()
	time.Sleep(d)
	u.mu.Lock()
	u.under--
	u.last = time.Now()
	u.mu.Unlock()
	pass.Done(outcome)
}

// park parks n requests of each caller, in order.
func (u *upstream) park(n map[string]int) (all *sync.WaitGroup) {
	all = new(sync.WaitGroup)
	for i, longest := 0, slices.Max([]int{n["many"], n["few"], n["a"], n["b"]}); i < longest; i++ {
		for _, c := range []string{"many", "few", "a", "b"} {
			if i < n[c] {
				q := Request{Module: "m", Caller: caller(c), Since: time.Now().Add(time.Duration(i))}
				all.Go(func() { u.send(q) })
			}
		}
	}
	synctest.Wait()
	return all
}

func quick(int) (time.Duration, Outcome) { return time.Millisecond, Took }

func TestManyOfOneCallerDoNotDelayFewOfAnother(t *testing.T) { // A5
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{room: NewRoom(Limits{PerModule: 20_000, PerCaller: 20_000}), delay: quick}
		all := u.park(map[string]int{"many": 10_000, "few": 10})
		start := time.Now()
		u.room.Release("m", 1, 1000)
		all.Wait()
		lastOfFew := 0
		for i, c := range u.log {
			if c == "few" {
				lastOfFew = i + 1
			}
		}
		if lastOfFew == 0 || lastOfFew > 20 { // whichever caller came first
			t.Errorf("the tenth request of few was dispatched as number %d of %d, want at most 20: they take turns", lastOfFew, len(u.log))
		}
		if took := u.last.Sub(start); took < 9900*time.Millisecond || took > 10_100*time.Millisecond {
			t.Errorf("10,010 requests at 1,000 a second took %v", took)
		}
	})
}

func TestRateIsThePolicys(t *testing.T) { // A5
	for _, rate := range []int{1, 50, 999, 20_000} {
		synctest.Test(t, func(t *testing.T) {
			u := &upstream{room: NewRoom(Limits{}), delay: quick}
			n := min(rate, 500) + 1
			all := u.park(map[string]int{"a": n})
			start := time.Now()
			u.room.Release("m", 1, rate)
			all.Wait()
			want := time.Duration(n-1) * time.Second / time.Duration(rate)
			if took := u.last.Sub(start); took < want || took > want+want/10+20*time.Millisecond {
				t.Errorf("%d requests at %d a second took %v, want about %v", n, rate, took, want)
			}
		})
	}
}

func TestRampOpensAsFastAsTheModuleAnswers(t *testing.T) { // A5: 15,000 within 2 s, at 10,000 a second
	synctest.Test(t, func(t *testing.T) {
		// An upstream of 10,000 requests a second: beyond ten at a time they queue.
		u := &upstream{room: NewRoom(Limits{PerModule: 15_000, PerCaller: 15_000}), delay: func(under int) (time.Duration, Outcome) {
			return max(time.Millisecond, time.Duration(under)*100*time.Microsecond), Took
		}}
		all := u.park(map[string]int{"a": 7500, "b": 7500})
		start := time.Now()
		u.room.Release("m", 1, 20_000)
		all.Wait()
		if took := u.last.Sub(start); took > 2*time.Second {
			t.Errorf("took %v", took)
		}
		if u.most > 200 {
			t.Errorf("%d requests were under way at once, want no more than keep it busy", u.most)
		}
	})
}

func TestModuleThatFailsIsSpared(t *testing.T) { // A5
	synctest.Test(t, func(t *testing.T) {
		// It takes four at a time; what comes beyond fails.
		failed := 0
		u := &upstream{room: NewRoom(Limits{})}
		u.delay = func(under int) (time.Duration, Outcome) {
			if under > 4 {
				failed++
				return 10 * time.Millisecond, Failed
			}
			return 10 * time.Millisecond, Took
		}
		all := u.park(map[string]int{"a": 1000})
		u.room.Release("m", 1, 20_000)
		all.Wait()
		if failed > 500 {
			t.Errorf("%d of 1,000 requests were sent to a module that could not take them", failed)
		}
	})
}

func TestModuleThatIsSlowByNatureKeepsNobodyBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{room: NewRoom(Limits{}), delay: func(int) (time.Duration, Outcome) { return time.Hour, Took }}
		all := u.park(map[string]int{"a": 10 * firstWindow})
		u.room.Release("m", 1, 20_000)
		time.Sleep(9*patience + time.Second/2)
		if n := u.room.Parked("m").Parked; n != 0 {
			t.Errorf("%d are parked still", n)
		}
		all.Wait()
	})
}

func TestReleaseDuringARampReplacesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{room: NewRoom(Limits{}), delay: quick}
		all := u.park(map[string]int{"a": 10})
		u.room.Release("m", 1, 1)
		time.Sleep(1500 * time.Millisecond) // two are gone
		if got := u.room.Parked("m"); got.Parked != 8 || got.Callers != 1 {
			t.Fatalf("parked %+v, want 8", got)
		}
		start := time.Now()
		u.room.Release("m", 2, 0) // it is away again: who waits looks at that
		all.Wait()
		if took := u.last.Sub(start); took > time.Second {
			t.Errorf("they looked after %v", took)
		}
		if l := u.room.lots["m"]; l.ramp != nil {
			t.Error("the ramp goes on")
		}
	})
}

// Who parks at the turn that began a ramp, since its own requirement is
// unmet (D3), waits for a release of its own.
func TestRampTakesOnlyWhoWasThereAtItsRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRoom(Limits{})
		first, second := parked(t, r, Request{Module: "m", Caller: caller("a")}), parked(t, r, Request{Module: "m", Caller: caller("a")})
		r.Release("m", 1, 1)
		unmet := parked(t, r, Request{Module: "m", Turn: 1, Caller: caller("a")})
		<-first
		<-second
		time.Sleep(10 * time.Second)
		if len(unmet) != 0 || r.Parked("m").Parked != 1 {
			t.Error("it was let go with the others")
		}
		r.Release("m", 2, 1)
		<-unmet
	})
}

func TestWhoParksAnewFindsItsPlaceAgain(t *testing.T) { // A5
	synctest.Test(t, func(t *testing.T) {
		r := NewRoom(Limits{})
		began := time.Now()
		time.Sleep(time.Second)
		var q queue
		for i, since := range []time.Time{began.Add(time.Second), began.Add(2 * time.Second), began, began.Add(time.Second)} {
			q.push(&waiter{Request: Request{Module: fmt.Sprint(i), Caller: caller("a"), Since: since}})
		}
		var got []string
		for w := q.pop(); w != nil; w = q.pop() {
			got = append(got, w.Module)
		}
		if s := strings.Join(got, " "); s != "2 0 3 1" {
			t.Errorf("order %s, want 2 0 3 1", s)
		}
		done := parked(t, r, Request{Module: "m", Since: began})
		if got := r.Parked("m").Longest; got != time.Second {
			t.Errorf("waits for %v, want what it waited in all", got)
		}
		r.Release("m", 1, 0)
		<-done
	})
}

func TestLeavingOfARampGivesUpOnePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRoom(Limits{})
		left := make(chan struct{})
		done := make(chan error, 1)
		first := parked(t, r, Request{Module: "m"})
		go func() {
			_, err := r.Wait(Request{Module: "m"}, time.Now().Add(time.Hour), left)
			done <- err
		}()
		synctest.Wait()
		last := parked(t, r, Request{Module: "m"})
		r.Release("m", 1, 1)
		<-first
		close(left)
		if err := <-done; err != ErrLeft { //nolint:errorlint // it is the sentinel itself
			t.Errorf("Wait = %v, want ErrLeft", err)
		}
		<-last
		if n, b := r.Total(); n != 0 || b != 0 {
			t.Errorf("left behind %d, %d bytes", n, b)
		}
	})
}

func TestCloseEndsARamp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRoom(Limits{})
		first, last := parked(t, r, Request{Module: "m"}), parked(t, r, Request{Module: "m"})
		r.Release("m", 1, 1)
		<-first
		r.Close()
		if err := <-last; err != ErrClosed { //nolint:errorlint // likewise
			t.Errorf("Wait = %v, want ErrClosed", err)
		}
		var none *Pass
		none.Done(Took)
	})
}
