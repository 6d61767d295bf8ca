package plugins

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/message"
)

func event(module string) adapter.Event {
	return adapter.Event{Notice: message.Notice{
		Receiver: "billing-1", Subject: "billing-1", Kind: message.NoticeResume, Turn: 4, Time: time.Unix(0, 0),
		Data: message.NoticeData{Module: module, Epoch: 7, Outcome: message.Granted, TTL: message.Duration(90 * time.Second)},
	}}
}

func notice(t *testing.T, e adapter.Event) *adapter.Draft {
	t.Helper()
	d, err := adapter.NewNotice(e.Notice, "/_modgate")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestGoGuestTranslatesTheLifecycle(t *testing.T) {
	w := loadGo(t)
	e := event("billing")
	d := notice(t, e)
	out, err := w.Encode(e, d)
	if err != nil || !out.Send {
		t.Fatal(out, err)
	}
	body, _ := d.Body(adapter.Request, 1<<20)
	if got, want := string(d.Target()), "/legacy/3?ttl=90000&job=-&outcome=granted&epoch=7&none=-"; got != want || !strings.Contains(string(body), `"type":"dev.modgate.resume.v1"`) {
		t.Errorf("encoded as %s %s, want %s", got, body, want)
	}
	d.Answer(201, attr("X-Job", "j7"), nil, nil)
	r, err := w.Reply(out.Call, d, false)
	if err != nil || r.Verdict != adapter.InProgress || r.After != 250*time.Millisecond || len(r.Memory) != 1 {
		t.Fatalf("reply %+v, %v", r, err)
	}
	e.Poll, e.Memory = true, r.Memory
	d = notice(t, e)
	if out, err = w.Encode(e, d); err != nil || !strings.HasPrefix(string(d.Target()), "/legacy/32?ttl=90000&job=j7&") {
		t.Fatalf("polled by %s, %v", d.Target(), err)
	}
	d.Answer(200, nil, nil, nil)
	if r, err := w.Reply(out.Call, d, false); err != nil || r.Verdict != adapter.Acknowledged {
		t.Errorf("reply %+v, %v", r, err)
	}
	if r, err := w.Reply(out.Call, d, true); err != nil || r.Verdict != adapter.Retry {
		t.Errorf("reply %+v, %v", r, err)
	}
	d.Answer(500, nil, nil, []byte("disk\nfull"))
	if r, err := w.Reply(out.Call, d, false); err != nil || r.Verdict != adapter.GiveUp || r.Reason != "disk full" {
		t.Errorf("reply %+v, %v", r, err)
	}
	e = event("silent")
	if out, err := w.Encode(e, notice(t, e)); err != nil || out.Send {
		t.Errorf("encoded as %+v, %v, want nothing sent", out, err)
	}
	e = event("default")
	d = notice(t, e)
	if out, err := w.Encode(e, d); err != nil || !out.Send || field(d, adapter.RequestHeader, "lost") != "" || string(d.Target()) != "/_modgate" {
		t.Errorf("encoded as %+v, %v, want the default", out, err)
	}
	e = event("broken")
	if _, err := w.Encode(e, notice(t, e)); !errors.Is(err, ErrFailed) {
		t.Errorf("a crash is %v, want ErrFailed: the default might be misunderstood", err)
	}
}

func TestGoGuestDecodesWhatItsModuleSays(t *testing.T) {
	w := loadGo(t)
	d := adapter.NewDraft("POST", "/legacy/update", nil, nil)
	out, err := w.Decode(d)
	want := []message.Announcement{
		{Type: message.Update, Seq: 7, Expected: message.Duration(90 * time.Second), Reason: "because"}, {Type: message.Resume, Seq: 8},
	}
	if err != nil || !out.Message || out.Malformed || fmt.Sprint(out.Announcements) != fmt.Sprint(want) || d.Status() != 202 {
		t.Errorf("decoded as %+v, %v, answered %d; want %+v", out, err, d.Status(), want)
	}
	if out, err := w.Decode(adapter.NewDraft("POST", "/legacy/bad", nil, nil)); err != nil || !out.Malformed {
		t.Errorf("decoded as %+v, %v, want it malformed", out, err)
	}
	if out, err := w.Decode(get("/items")); err != nil || out.Message {
		t.Errorf("traffic is decoded as %+v, %v", out, err)
	}
}

func TestGoGuestJudgesHealth(t *testing.T) {
	w := loadGo(t)
	d := adapter.NewProbe("/")
	c, err := w.Probe(d)
	if err != nil || string(d.Target()) != "/admin/health" {
		t.Fatal(string(d.Target()), err)
	}
	for want := adapter.ByRule; want <= adapter.Starting; want++ {
		d.Answer(200+int(want), nil, nil, nil)
		if got, err := w.Judge(c, d, false); err != nil || got != want {
			t.Errorf("judged %v, %v, want %v", got, err, want)
		}
	}
	d.Answer(300, nil, nil, nil)
	if got, err := w.Judge(c, d, false); err != nil || got != adapter.ByRule || len(w.told()) != 1 {
		t.Errorf("a judgement that is none counts as %v, %v: want the default rule, and a fault", got, err)
	}
	if got, err := w.Judge(c, d, true); err != nil || got != adapter.Down {
		t.Errorf("judged %v, %v, want down", got, err)
	}
}
