package notify

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/message"
)

func TestStreamHearsOfASubjectOnceASecond(t *testing.T) { // L5
	synctest.Test(t, func(t *testing.T) {
		p := Open(Options{})
		defer p.Close()
		l := listen(t, p, "")
		l.wants("synced")
		for turn := range uint64(9) { // every 100 ms, from the first moment on
			kind := []message.Kind{delay, resume}[turn%2]
			p.Put(notice(kind, turn+1))
			time.Sleep(100 * time.Millisecond)
		}
		p.Put(about("tags", notice(delay, 1)))
		l.wants("delay users/users/1", "delay tags/tags/1")
		time.Sleep(100*time.Millisecond - 1)
		l.wants()
		time.Sleep(time.Nanosecond)
		l.wants("delay users/users/9")
		time.Sleep(10 * time.Second)
		l.wants()
	})
}

func TestWebhookHearsOfASubjectOnceASecond(t *testing.T) { // L5
	synctest.Test(t, func(t *testing.T) {
		r := receive(t)
		r.becomes(notice(delay, 1))
		r.wants("users/users/1 0s")
		time.Sleep(300 * time.Millisecond)
		r.becomes(notice(resume, 2))
		time.Sleep(300 * time.Millisecond)
		r.becomes(notice(delay, 3))
		r.becomes(about("tags", notice(delay, 1)))
		r.wants("tags/tags/1 600ms")
		time.Sleep(time.Hour)
		r.wants("users/users/3 1s")
	})
}

func TestWhatIsTrueAgainIsNotToldWhenItsTimeComes(t *testing.T) { // L5, N1
	synctest.Test(t, func(t *testing.T) {
		r := receive(t)
		l := listen(t, r.Post, "")
		l.wants("synced")
		r.becomes(notice(delay, 1))
		l.wants("delay users/users/1")
		r.becomes(notice(resume, 2))
		r.again("users")
		time.Sleep(time.Minute)
		l.wants("comment", "comment", "comment", "comment")
		r.becomes(notice(resume, 3))
		l.wants("resume users/users/3")
	})
}

func TestSnapshotTellsWhatWasHeldBack(t *testing.T) { // L5, N1
	synctest.Test(t, func(t *testing.T) {
		var told log
		p := Open(Options{Told: told.note})
		defer p.Close()
		l := listen(t, p, "")
		l.wants("synced")
		p.Put(notice(delay, 1))
		l.wants("delay users/users/1")
		p.Put(notice(resume, 2)) // held back
		listen(t, p, "").wants("synced")
		told.wants(t, "delay users/users/1", "resume users/users/2")
		time.Sleep(time.Second)
		told.wants(t)
	})
}

func TestForgottenInstanceHasNothingHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Open(Options{})
		defer p.Close()
		l := listen(t, p, "")
		l.wants("synced")
		p.Put(notice(delay, 1))
		l.wants("delay users/users/1")
		p.Put(notice(resume, 2))
		p.Forget("a")
		p.Put(notice(missing, 3)) // of its successor
		time.Sleep(time.Second)
		listen(t, p, "x").wants("synced")
	})
}
