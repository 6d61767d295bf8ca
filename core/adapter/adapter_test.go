package adapter

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modgate/modgate/core/message"
)

func text(d *Draft) string {
	body, _ := d.Body(Request, 1<<20)
	answer, _ := d.Body(Response, 1<<20)
	return fmt.Sprintf("%s %s [%s] %s -> %d [%s] %s", d.Method(), d.Target(), listed(d.Fields(RequestHeader)), body,
		d.Status(), listed(d.Fields(ResponseHeader)), answer)
}

func edit(d *Draft) {
	d.SetMethod([]byte("PUT"))
	d.SetTarget([]byte("/other"))
	d.Fields(RequestHeader).Set([]byte("content-type"), []byte("text/plain"))
	d.Fields(RequestTrailer).Add([]byte("x"), []byte("y"))
	d.SetBody(Request, []byte("other"))
	if d.Status() != 0 {
		d.SetStatus(500)
		d.Fields(ResponseHeader).Remove([]byte("x-job"))
		d.SetBody(Response, nil)
	}
}

func TestDraftForgetsEditsOfTheHookThatFailed(t *testing.T) {
	d := NewDraft("POST", "/_modgate", []Attribute{{"Content-Type", "application/json"}}, []byte("{}"))
	before := text(d)
	edit(d)
	if d.Discard(); text(d) != before {
		t.Errorf("got %s, want %s", text(d), before)
	}
	d.SetTarget([]byte("/sent"))
	d.Answer(201, []Attribute{{"X-Job", "7"}}, nil, []byte("made"))
	answered := text(d)
	if want := "POST /sent [Content-Type: application/json] {} -> 201 [X-Job: 7] made"; answered != want {
		t.Errorf("got %s, want %s", answered, want)
	}
	for range 2 { // what was discarded once can be edited and discarded again
		edit(d)
		if d.Discard(); text(d) != answered {
			t.Errorf("got %s, want %s", text(d), answered)
		}
	}
	if _, err := d.Body(Response, 3); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a body of 4 bytes under a limit of 3: %v, want ErrTooLarge", err)
	}
}

func TestNoticeIsDraftedAsACloudEvent(t *testing.T) { // 3.4
	n := message.Notice{
		Receiver: "a", Subject: "a", Kind: message.NoticeResume, Turn: 4, Time: time.Unix(0, 0),
		Data: message.NoticeData{Module: "users", Epoch: 7, Outcome: message.Granted},
	}
	d, err := NewNotice(n, "/_modgate")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"POST /_modgate", "application/cloudevents+json", `"type":"dev.modgate.resume.v1"`, `"outcome":"granted"`, `"epoch":7`} {
		if !strings.Contains(text(d), want) {
			t.Errorf("%s lacks %s", text(d), want)
		}
	}
	if e, err := (None{}).Encode(Event{Notice: n}, d); err != nil || !e.Send {
		t.Errorf("None encodes it as %+v, %v, want it sent", e, err)
	}
}

func TestNoneTakesA2xxForAnAcknowledgement(t *testing.T) {
	for status, want := range map[int]Verdict{200: Acknowledged, 204: Acknowledged, 302: Retry, 404: Retry, 503: Retry} {
		d := NewProbe("/health")
		d.Answer(status, nil, nil, nil)
		if got, err := (None{}).Reply(Call{}, d, false); err != nil || got.Verdict != want {
			t.Errorf("%d: %v, %v, want %v", status, got.Verdict, err, want)
		}
		if got, _ := (None{}).Reply(Call{}, d, true); got.Verdict != Retry {
			t.Errorf("%d and failed: %v, want retry", status, got.Verdict)
		}
	}
}

func TestSlotIsOnePerModuleAndNeverNil(t *testing.T) {
	var slots Slots
	var all sync.WaitGroup
	found := make([]*Slot, 16)
	for i := range found {
		all.Go(func() { found[i] = slots.Of(fmt.Sprint(i % 4)) })
	}
	all.Wait()
	for i := range found {
		if found[i] == nil || found[i] != slots.Of(fmt.Sprint(i%4)) {
			t.Errorf("module %d has several slots", i%4)
		}
	}
	s := slots.Of("users")
	if s.Load() != nil || s.Adapter().Hooks() != 0 || (*Slot)(nil).Load() != nil {
		t.Error("an empty slot is not empty")
	}
	if s.Store(None{}); s.Load() != (None{}) {
		t.Error("the adapter is not in its slot")
	}
	if s.Store(nil); s.Load() != nil {
		t.Error("the slot cannot be emptied")
	}
}
