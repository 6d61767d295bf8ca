package notify

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/message"
)

const (
	delay   = message.NoticeDelay
	missing = message.NoticeMissing
	resume  = message.NoticeResume
)

func TestStreamBeginsWithSnapshotThenFollows(t *testing.T) { // 3.4
	synctest.Test(t, func(t *testing.T) {
		p := Open(Options{})
		p.Put(notice(missing, 3)) // covered by the snapshot
		l := listen(t, p, "", notice(delay, 4), about("tags", notice(missing, 7)))
		for _, e := range l.wants("delay users/users/4", "missing tags/tags/7", "synced")[:2] {
			if e.id != "" {
				t.Errorf("event %s of a snapshot has the id %s, want none", e, e.id)
			}
		}
		time.Sleep(leastPause)
		p.Put(notice(resume, 5))
		p.Put(about("tags", notice(delay, 8)))
		l.wants("resume users/users/5", "delay tags/tags/8")
	})
}

func TestKnownLastEventIDGetsWhatFollowed(t *testing.T) { // 3.4
	synctest.Test(t, func(t *testing.T) {
		p := Open(Options{})
		l := listen(t, p, "")
		synced := l.wants("synced")[0]
		p.Put(notice(delay, 1))
		first := l.wants("delay users/users/1")[0]
		p.Put(about("tags", notice(delay, 1)))
		second := l.wants("delay tags/tags/1")[0]
		l.leave()

		time.Sleep(leastPause)
		l = listen(t, p, synced.id, notice(missing, 9))
		l.wants("delay users/users/1", "delay tags/tags/1")
		time.Sleep(leastPause)
		l = listen(t, p, first.id, notice(missing, 9))
		l.wants("delay tags/tags/1")
		time.Sleep(leastPause)
		l = listen(t, p, second.id, notice(missing, 9))
		l.wants()
		p.Put(notice(resume, 2))
		l.wants("resume users/users/2")
	})
}

func TestUnknownLastEventIDGetsSnapshot(t *testing.T) { // 3.4
	synctest.Test(t, func(t *testing.T) {
		p := Open(Options{})
		before := listen(t, p, "").wants("synced")[0].id
		p.Close()
		p = Open(Options{}) // the gateway was started again
		p.Put(notice(delay, 1))
		p.Put(about("tags", notice(delay, 1)))
		for _, id := range []string{before, "", "0", "-1", "first", "18446744073709551615", "99999999999999999999999"} {
			listen(t, p, id, notice(delay, 1)).wants("delay users/users/1", "synced")
		}
	})
}

func TestHalfASnapshotIsTakenAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Open(Options{})
		unmet := []message.Notice{notice(delay, 4), about("tags", notice(missing, 7))}
		l := connect(t, p, "", unmet...)
		half := make([]byte, 200)
		n, err := l.conn.Read(half)
		if err != nil || !strings.Contains(string(half[:n]), "delay") || strings.Contains(string(half[:n]), "id:") {
			t.Fatalf("read %q, %v, want half a snapshot without an id", half[:n], err)
		}
		l.conn.Close()
		listen(t, p, "", unmet...).wants("delay users/users/4", "missing tags/tags/7", "synced")
	})
}

func TestSupersededNoticeIsSkipped(t *testing.T) { // N1
	synctest.Test(t, func(t *testing.T) {
		p := Open(Options{})
		l := connect(t, p, "") // it does not read: everything waits
		synctest.Wait()
		for turn := uint64(1); turn <= 100; turn += 2 {
			p.Put(notice(delay, turn))
			p.Put(about("tags", notice(delay, turn)))
			p.Put(notice(resume, turn+1))
		}
		go l.read()
		l.wants("synced", "delay tags/tags/99", "resume users/users/100")
	})
}

func TestOlderTurnDoesNotReplaceNewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Open(Options{})
		l := listen(t, p, "")
		l.wants("synced")
		p.Put(notice(resume, 5))
		p.Put(notice(delay, 4)) // late
		l.wants("resume users/users/5")
		p.Put(notice(resume, 5)) // again
		l.wants()

		time.Sleep(leastPause)
		moved := notice(delay, 1) // another module provides the interface now
		moved.Data.Module = "people"
		p.Put(moved)
		l.wants("delay users/people/1")
	})
}

func TestSecondStreamClosesTheFirst(t *testing.T) { // 3.4
	synctest.Test(t, func(t *testing.T) {
		p := Open(Options{})
		first := listen(t, p, "")
		first.wants("synced")
		second := listen(t, p, "")
		second.wants("synced")
		if err := <-first.ended; !errors.Is(err, ErrReplaced) {
			t.Errorf("the first stream ended with %v, want ErrReplaced", err)
		}
		p.Put(notice(delay, 1))
		first.wants()
		second.wants("delay users/users/1")
	})
}

func TestSecondStreamDoesNotWaitForAStuckFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Open(Options{})
		start := time.Now()
		var stuck []*listener
		for range 3 {
			stuck = append(stuck, connect(t, p, "")) // reads nothing
			synctest.Wait()
		}
		last := listen(t, p, "")
		last.wants("synced")
		for i, l := range stuck {
			if err := <-l.ended; !errors.Is(err, ErrReplaced) {
				t.Errorf("stream %d ended with %v, want ErrReplaced", i, err)
			}
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("the last stream was held up for %v", d)
		}
	})
}

func TestTwoStreamsNeverTellAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		telling := make(chan string)
		p := Open(Options{Told: func(n message.Notice) { telling <- n.ID() }})
		listen(t, p, "", notice(delay, 1))
		synctest.Wait() // the first stream is inside Told
		second := listen(t, p, "", notice(delay, 2))
		second.wants()
		if got := <-telling; got != "users/users/1" {
			t.Errorf("told %s first, want the first stream's notice", got)
		}
		second.wants("delay users/users/2", "synced")

		closed := make(chan struct{})
		go func() { p.Close(); close(closed) }()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("Close returned while a notice was being told")
		default:
		}
		<-telling
		<-closed
	})
}

func TestSlowReaderBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Open(Options{})
		connect(t, p, "") // reads nothing
		synctest.Wait()
		start := time.Now()
		for turn := uint64(1); turn <= 10_000; turn++ {
			p.Put(about(fmt.Sprint("s", turn%3), notice(delay, turn)))
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("Put waited %v for the reader", d)
		}
		if got := len(p.boxes["a"].letters); got != 3 {
			t.Errorf("%d notices are kept, want the newest of 3 subjects", got)
		}
	})
}

func TestReaderThatTakesNothingIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told log
		p := Open(Options{Told: told.note})
		start := time.Now()
		l := connect(t, p, "", notice(delay, 1))
		if err := <-l.ended; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the stream ended with %v, want a timeout", err)
		}
		if d := time.Since(start); d != writeLimit {
			t.Errorf("given up after %v, want %v", d, writeLimit)
		}
		told.wants(t)
	})
}

func TestCommentEvery15Seconds(t *testing.T) { // 3.4
	synctest.Test(t, func(t *testing.T) {
		p := Open(Options{})
		l := listen(t, p, "")
		l.wants("synced")
		time.Sleep(14 * time.Second)
		l.wants()
		time.Sleep(31 * time.Second)
		l.wants("comment", "comment", "comment")
	})
}

func TestToldAfterItWasWritten(t *testing.T) { // N1, 3.4
	synctest.Test(t, func(t *testing.T) {
		var told log
		p := Open(Options{Told: told.note})
		p.Put(notice(delay, 1))
		told.wants(t) // no stream
		l := connect(t, p, "", notice(delay, 1))
		told.wants(t) // nobody has read it
		go l.read()
		told.wants(t, "delay users/users/1")
		time.Sleep(leastPause)
		p.Put(notice(resume, 2))
		p.Put(about("tags", notice(missing, 1)))
		told.wants(t, "resume users/users/2", "missing tags/tags/1")

		l.conn.Close()
		p.Put(notice(delay, 3))
		told.wants(t)
		<-l.ended
		listen(t, p, "", notice(delay, 3))
		told.wants(t, "delay users/users/3")
	})
}

func TestSyncedTellsThatAllElseIsMet(t *testing.T) { // N1: the cursor moves for what the snapshot says by silence
	synctest.Test(t, func(t *testing.T) {
		var told log
		p := Open(Options{Told: told.note})
		p.Put(notice(resume, 2))
		p.Put(about("tags", notice(resume, 3)))
		p.Put(about("mail", notice(delay, 1))) // met since: its RESUME is on its way
		l := listen(t, p, "", about("tags", notice(delay, 4)))
		l.wants("delay tags/tags/4", "synced")
		told.wants(t, "delay tags/tags/4", "resume users/users/2")
	})
}

func TestTTLIsWhatIsLeftWhenItIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Open(Options{})
		last := listen(t, p, "").wants("synced")[0].id
		n := notice(delay, 1)
		n.Until = time.Now().Add(30 * time.Second)
		n.Data.TTL = message.Duration(30 * time.Second)
		p.Put(n)
		time.Sleep(12 * time.Second)
		listen(t, p, last).wants("delay users/users/1 18s")
		time.Sleep(time.Minute)
		listen(t, p, last).wants("delay users/users/1")
	})
}

func TestForgottenInstanceHasNoStreamAndNoNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Open(Options{})
		p.Put(notice(delay, 1))
		l := listen(t, p, "")
		synced := l.wants("synced")[0]
		p.Forget("a")
		if err := <-l.ended; !errors.Is(err, ErrForgotten) {
			t.Errorf("the stream ended with %v, want ErrForgotten", err)
		}
		l = listen(t, p, synced.id) // its successor under the same id
		l.wants("synced")
		p.Put(notice(delay, 1))
		l.wants("delay users/users/1")
		p.Forget("b")
	})
}

func TestCloseEndsStreamsAndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told log
		p := Open(Options{Told: told.note})
		l := connect(t, p, "", notice(delay, 1)) // reads nothing
		synctest.Wait()
		p.Close()
		if err := <-l.ended; !errors.Is(err, ErrClosed) {
			t.Errorf("the stream ended with %v, want ErrClosed", err)
		}
		l = connect(t, p, "")
		if err := <-l.ended; !errors.Is(err, ErrClosed) {
			t.Errorf("Stream after Close: %v, want ErrClosed", err)
		}
		p.Put(notice(delay, 2))
		told.wants(t)
	})
}

func TestClientThatLeavesEndsItsStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Open(Options{})
		l := connect(t, p, "") // stuck in its first write
		synctest.Wait()
		l.leave()
		if err := <-l.ended; !strings.Contains(err.Error(), "context canceled") {
			t.Errorf("the stream ended with %v, want the context's end", err)
		}
		if p.boxes["a"].stream != nil {
			t.Error("the stream that ended is still the instance's")
		}
	})
}
