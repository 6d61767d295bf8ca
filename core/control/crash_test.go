package control

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
	"github.com/modgate/modgate/core/store"
)

var errCrash = errors.New("the machine went down")

// torn is a store that goes down just after it wrote a record, before anyone
// hears that it did.
type torn struct {
	store.Store
	down bool
}

func (t *torn) Swap(space, key string, value []byte, expect store.Revision) (store.Revision, error) {
	revision, err := t.Store.Swap(space, key, value, expect)
	if t.down && err == nil && space == recordSpace {
		return revision, errCrash
	}
	return revision, err
}

// A crash between the save and its effects loses none of them: nobody was
// shown anything, and after the start the grant stands, is published, who
// requires the module is told, and the holder hears of it when it asks again
// (G1, N1, U7).
func TestCrashBetweenSaveAndEffects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		old := p.register("m", "1.0.0", "m-1")
		p.say(old.Token, message.Resume)
		needs := p.register("n", "1.0.0", "n-1", module.Requirement{ID: "m"})
		p.say(needs.Token, message.Resume)
		p.say(old.Token, message.Disconnect)
		next := p.register("m", "2.0.0", "m-2")
		p.told("n-1")

		failing := &torn{Store: p.o.Store, down: true}
		p.o.Store = failing
		p.seq++
		_, err := p.Announce(context.Background(), p.Bearer(next.Token), message.Announcement{Type: message.Update, Seq: p.seq}, 0)
		if !errors.Is(err, errCrash) {
			t.Fatalf("got %v, want %v", err, errCrash)
		}
		if st := p.state("m"); st.Reason == message.ReasonUpdating || st.Holder != nil {
			t.Errorf("it was shown before it was known to be saved: %v", st.Reason)
		}
		p.close()

		p.open()
		defer p.close()
		if st := p.state("m"); st.Reason != message.ReasonUpdating || st.Holder == nil || st.Holder.ID != "m-2" {
			t.Errorf("after the start: %v, holder %v", st.Reason, st.Holder)
		}
		if got := p.told("n-1"); len(got) == 0 || got[len(got)-1] != message.NoticeDelay {
			t.Errorf("who requires m was told %v, want DELAY with the new end", got)
		}
		again, err := p.Announce(context.Background(), p.Bearer(next.Token), message.Announcement{Type: message.Update, Seq: p.seq}, 0)
		if err != nil || again.Outcome != message.Granted || again.Epoch == nil {
			t.Errorf("its UPDATE, repeated: %+v, %v", again, err)
		}
		if a := p.say(next.Token, message.Resume); a.Outcome != message.Resumed {
			t.Errorf("its RESUME: %+v", a)
		}
		if st := p.state("m"); st.Serving == nil {
			t.Error("m does not serve")
		}
	})
}
