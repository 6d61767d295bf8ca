package notify

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/modgate/modgate/core/message"
)

func TestWebhookTakesNoticesWhileNoStreamIsOpen(t *testing.T) { // 3.4
	synctest.Test(t, func(t *testing.T) {
		r := receive(t)
		r.becomes(notice(delay, 1))
		r.wants("users/users/1 0s")
		l := listen(t, r.Post, "")
		l.wants("synced")
		time.Sleep(leastPause)
		r.becomes(notice(missing, 2))
		l.wants("missing users/users/2")
		r.wants()

		connectionBreaks(l)
		r.wants()
		time.Sleep(leastPause)
		r.becomes(notice(resume, 3))
		r.wants("users/users/3 2s")
	})
}

func connectionBreaks(l *listener) {
	l.leave()
	<-l.ended
}

func TestWebhookTakesWhatTheStreamDidNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := receive(t)
		l := connect(t, r.Post, "") // reads nothing
		synctest.Wait()
		r.becomes(notice(delay, 1))
		r.wants()
		connectionBreaks(l)
		r.wants("users/users/1 0s")
	})
}

func TestWebhookIsSentASignedCloudEvent(t *testing.T) { // 3.4
	synctest.Test(t, func(t *testing.T) {
		r := receive(t)
		r.always(http.StatusServiceUnavailable)
		r.becomes(about("inventory-storage.v2", notice(delay, 1)))
		time.Sleep(time.Second)
		synctest.Wait()
		verifier, err := standardwebhooks.NewWebhook("whsec_" + base64.StdEncoding.EncodeToString(r.webhook().Key))
		if err != nil {
			t.Fatal(err)
		}
		stranger, err := standardwebhooks.NewWebhookRaw([]byte("the key of another webhook"))
		if err != nil {
			t.Fatal(err)
		}
		if len(r.requests) != 2 {
			t.Fatalf("%d attempts, want 2", len(r.requests))
		}
		for i, req := range r.requests {
			if err := verifier.Verify(r.bodies[i], req.Header); err != nil {
				t.Errorf("attempt %d: %v", i, err)
			}
			if stranger.Verify(r.bodies[i], req.Header) == nil || verifier.Verify(append(r.bodies[i], ' '), req.Header) == nil {
				t.Errorf("attempt %d: verified with another key, or another body", i)
			}
			if got, want := req.Header.Get("Content-Type"), "application/cloudevents+json"; got != want || req.Method != http.MethodPost {
				t.Errorf("%s of %s, want POST of %s", req.Method, got, want)
			}
			if got, want := req.Header.Get("Webhook-Id"), "inventory-storage%2Ev2/inventory-storage%2Ev2/1"; got != want {
				t.Errorf("attempt %d has the id %s, want %s", i, got, want)
			}
		}
		first, second := r.requests[0].Header.Get("Webhook-Timestamp"), r.requests[1].Header.Get("Webhook-Timestamp")
		if first != fmt.Sprint(r.start.Unix()) || second != fmt.Sprint(r.start.Unix()+1) {
			t.Errorf("timestamps %s and %s, want each attempt's", first, second)
		}
		if body := string(r.bodies[0]); !strings.Contains(body, `"type":"dev.modgate.delay.v1"`) || !strings.Contains(body, `"source":"modgate/a"`) {
			t.Errorf("body %s, want a CloudEvent", body)
		}
	})
}

func TestWebhookIsTriedUpToEvery5MinutesAndAlertedOnceAfter15(t *testing.T) { // N1
	synctest.Test(t, func(t *testing.T) {
		r := receive(t)
		r.always(-1)
		r.becomes(notice(delay, 1))
		time.Sleep(message.NoticeOverdue - time.Nanosecond)
		var want []string
		for _, at := range []int{0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 811} {
			want = append(want, fmt.Sprint("users/users/1 ", time.Duration(at)*time.Second))
		}
		r.wants(want...)
		r.wantsAlerts()
		time.Sleep(time.Nanosecond)
		r.wants("users/users/1 15m0s")
		r.wantsAlerts("overdue a: connection refused")
		time.Sleep(10 * time.Minute)
		r.wants("users/users/1 20m0s", "users/users/1 25m0s")
		r.always(http.StatusOK)
		time.Sleep(24 * time.Hour)
		r.wants("users/users/1 30m0s")
		r.wantsAlerts("settled a")
	})
}

func TestWebhookIsSentTheNewestOfASubject(t *testing.T) { // N1
	synctest.Test(t, func(t *testing.T) {
		r := receive(t)
		r.always(http.StatusInternalServerError)
		r.becomes(notice(delay, 1))
		r.wants("users/users/1 0s")
		r.becomes(notice(missing, 2))
		r.becomes(notice(delay, 3))
		r.always(http.StatusOK)
		time.Sleep(time.Hour)
		r.wants("users/users/3 1s")
	})
}

func TestWebhookIsNotSentWhatIsNoLongerTrue(t *testing.T) { // N1: where nothing differs, the cursor moves silently
	synctest.Test(t, func(t *testing.T) {
		r := receive(t)
		r.always(http.StatusInternalServerError)
		r.becomes(notice(delay, 1))
		time.Sleep(16 * time.Minute)
		r.again("users")
		r.wantsAlerts("overdue a: it answered 500 Internal Server Error")
		r.note(func() { r.attempts = nil })
		time.Sleep(time.Hour)
		r.wants()
		r.wantsAlerts("settled a")
	})
}

func TestNoticeThatIsNotTakenKeepsNoOtherBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := receive(t)
		r.answers(func(id string) int {
			if strings.HasPrefix(id, "users/") {
				return http.StatusUnprocessableEntity
			}
			return http.StatusOK
		})
		r.note(func() { r.truth = append(r.truth, notice(delay, 1), about("tags", notice(delay, 1))) })
		r.becomes(about("mail", notice(delay, 1)))
		time.Sleep(3 * time.Second)
		r.wants("users/users/1 0s", "tags/tags/1 1s", "mail/mail/1 1s", "users/users/1 1s", "users/users/1 2s")
	})
}

func TestGoneEndsTheWebhook(t *testing.T) { // 3.4, N1
	synctest.Test(t, func(t *testing.T) {
		r := receive(t)
		r.always(-1)
		r.becomes(notice(delay, 1))
		time.Sleep(message.NoticeOverdue)
		r.wantsAlerts("overdue a: connection refused")
		r.always(http.StatusGone)
		time.Sleep(5 * time.Minute)
		r.wantsAlerts("settled a")
		r.note(func() { r.attempts = nil })
		r.becomes(notice(resume, 2))
		time.Sleep(time.Hour)
		r.wants()
		listen(t, r.Post, "", notice(resume, 2)).wants("resume users/users/2", "synced")
	})
}

func TestRedirectIsNotFollowed(t *testing.T) { // 3.4
	synctest.Test(t, func(t *testing.T) {
		r := receive(t)
		r.always(http.StatusTemporaryRedirect)
		r.becomes(notice(delay, 1))
		time.Sleep(time.Second)
		r.wants("users/users/1 0s", "users/users/1 1s")
		for _, req := range r.requests {
			if req.URL.Host != "loans.example:9101" {
				t.Errorf("sent to %s", req.URL.Host)
			}
		}
	})
}

func TestWebhookIsGiven10Seconds(t *testing.T) { // 3.4
	synctest.Test(t, func(t *testing.T) {
		r := receive(t)
		r.always(0)
		r.becomes(notice(delay, 1))
		time.Sleep(11 * time.Second)
		r.wants("users/users/1 0s", "users/users/1 11s")
		time.Sleep(message.NoticeOverdue)
		r.wantsAlerts("overdue a: it did not answer within 10s")
	})
}

func TestCauseDoesNotNameTheURL(t *testing.T) { // I2: it may hold a secret
	synctest.Test(t, func(t *testing.T) {
		r := receive(t)
		r.always(-1)
		if err := r.send(t.Context(), r.webhook(), notice(delay, 1)); err == nil || strings.Contains(err.Error(), "key=secret") {
			t.Errorf("got %v, want the cause without the URL", err)
		}
	})
}

func TestStreamInterruptsTheWebhook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := receive(t)
		r.always(0)
		r.becomes(notice(delay, 1))
		r.wants("users/users/1 0s")
		l := listen(t, r.Post, "", notice(delay, 1))
		l.wants("delay users/users/1", "synced")
		time.Sleep(time.Hour)
		r.wants()
		connectionBreaks(l)
		r.wants()
		r.wantsAlerts()
	})
}

func TestStreamSettlesTheAlert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := receive(t)
		r.always(-1)
		r.becomes(notice(delay, 1))
		time.Sleep(message.NoticeOverdue)
		r.wantsAlerts("overdue a: connection refused")
		listen(t, r.Post, "", notice(delay, 1)).wants("delay users/users/1", "synced")
		r.wantsAlerts("settled a")
	})
}

func TestForgottenInstanceIsSentNothing(t *testing.T) { // N1: as long as the instance is registered
	synctest.Test(t, func(t *testing.T) {
		r := receive(t)
		r.always(0)
		r.becomes(notice(delay, 1))
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		r.wantsAlerts("overdue a: it did not answer within 10s")
		r.Forget("a")
		r.wantsAlerts("settled a")
		r.note(func() { r.attempts = nil })
		time.Sleep(time.Hour)
		r.wants()
		r.Attach(r.webhook()) // it registers again
		r.wants("users/users/1 1h20m0s")
		r.Forget("a") // while it is being sent to
		time.Sleep(time.Hour)
		r.wants()
		r.wantsAlerts()
	})
}

// crowd attaches webhooks under the names c0, c1, ..., each of which is owed
// a notice as long as there is one under its name.
func (r *receiver) crowd(size int) (owed func(string) []message.Notice) {
	for i := range size {
		w := r.webhook()
		w.Instance = fmt.Sprint("c", i)
		r.Attach(w)
	}
	return func(instance string) []message.Notice {
		n := about(instance, notice(delay, 1))
		n.Receiver = instance
		var due []message.Notice
		r.note(func() {
			if r.told[instance] == "" {
				due = []message.Notice{n}
			}
		})
		return due
	}
}

func TestDeadReceiversHoldUpNoLivingOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := receive(t)
		r.Close()
		r.Post = Open(Options{Transport: r, Told: func(n message.Notice) { r.note(func() { r.told[n.Subject] = n.ID() }) }})
		t.Cleanup(r.Close)
		const dead = 100
		r.answers(func(id string) int {
			if strings.HasPrefix(id, "living/") {
				return http.StatusOK
			}
			return 0
		})
		owed := r.crowd(dead)
		r.Deliver(owed)
		synctest.Wait()
		r.note(func() {
			if got := len(r.attempts); got != workers {
				t.Errorf("%d requests at a time, want %d", got, workers)
			}
		})
		time.Sleep(5 * time.Minute) // all have failed by now
		synctest.Wait()
		r.note(func() { r.attempts = nil })
		w := r.webhook()
		w.Instance = "living"
		r.Attach(w)
		r.wants("living/living/1 5m0s")
	})
}

func TestCloseInterruptsWebhooksAndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := receive(t)
		r.always(0)
		r.becomes(notice(delay, 1))
		r.wants("users/users/1 0s")
		before := time.Now()
		r.Close()
		if d := time.Since(before); d != 0 {
			t.Errorf("Close took %v", d)
		}
		r.becomes(notice(resume, 2))
		r.Attach(r.webhook())
		r.Deliver(r.owed)
		r.Forget("a")
		time.Sleep(time.Hour)
		r.wants()
		r.wantsAlerts()
		l := connect(t, r.Post, "")
		if err := <-l.ended; !errors.Is(err, ErrClosed) {
			t.Errorf("Stream after Close: %v, want ErrClosed", err)
		}
	})
}

func TestNothingIsSentBeforeDeliver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := receive(t)
		r.Close()
		r.Post = Open(Options{Transport: r})
		t.Cleanup(r.Close)
		r.Attach(r.webhook())
		r.becomes(notice(delay, 1))
		r.wants()
		r.always(http.StatusGone)
		r.Deliver(r.owed)
		r.wants("users/users/1 0s")
	})
}
