package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/modgate/modgate/sdk-wasm/go/adapter"
	"github.com/modgate/modgate/sdk-wasm/go/adapter/adaptertest"
)

// step is one of a case, as far as the cases here use it:
// plugins/adaptertest/CASES.md.
type step struct {
	Request, Message, Probe *half
	Event                   map[string]any
	Answer                  *half
	Failed                  bool
	Want                    outcome
}

type half struct {
	Method, Target, Body string
	Status               int
	Headers              []string
}

type outcome struct {
	Request, Response      *half
	Verdict, After, Reason string
	Memory                 []string
	Announcements          []announcement
	Malformed, Traffic     bool
	Health                 string
}

type announcement struct{ Type, Expected string }

// The host of adaptertest does as the gateway: it comes to the same in all
// cases, which are played in the gateway by the folder above.
func TestCasesHoldWithoutWebAssembly(t *testing.T) {
	files, err := filepath.Glob("../cases/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var c struct{ Steps []step }
			if err := json.Unmarshal(text, &c); err != nil {
				t.Fatal(err)
			}
			h := adaptertest.New(t, legacy, adaptertest.Options{})
			var memory map[string]string
			for i, s := range c.Steps {
				var got outcome
				if got, memory = s.play(h, memory); !reflect.DeepEqual(got, s.Want) {
					g, _ := json.Marshal(got)
					w, _ := json.Marshal(s.Want)
					t.Errorf("step %d: got %s\nwant %s", i+1, g, w)
				}
			}
		})
	}
}

func (s step) play(h *adaptertest.Host, memory map[string]string) (out outcome, _ map[string]string) {
	switch {
	case s.Request != nil:
		x := s.Request.exchange("GET")
		next := h.Request(x)
		if next {
			out.Request = sent(x)
			s.arrive(x)
			h.Response(x)
		}
		out.Response = answered(x)
	case s.Message != nil:
		x := s.Message.exchange("POST")
		d := h.Decode(x)
		out.Malformed, out.Traffic = d.Malformed, !d.Message
		for _, a := range d.Announcements {
			out.Announcements = append(out.Announcements, announced(a))
		}
		if out.Response = answered(x); d.Malformed && out.Response == nil {
			out.Response = &half{Status: 400}
		}
	case s.Probe != nil:
		x := h.Probe()
		out.Request = sent(x)
		s.arrive(x)
		out.Health = [...]string{"by-rule", "up", "degraded", "down", "starting"}[h.Judge(x)]
	default:
		x := h.Encode(s.event(memory))
		out.Request = sent(x)
		s.arrive(x)
		r := h.Reply(x)
		out.Verdict, out.Reason, memory = [...]string{"", "acknowledged", "retry", "give-up", "in-progress"}[r.Verdict], r.Reason, r.Memory
		if r.Verdict == adapter.InProgress {
			out.After = r.After.String()
		}
		for name, text := range r.Memory {
			out.Memory = append(out.Memory, name+"="+text)
		}
	}
	return out, memory
}

func (s step) event(memory map[string]string) adaptertest.Event {
	e := adaptertest.Event{Attributes: map[string]string{}}
	for name, v := range s.Event {
		e.Attributes[name] = fmt.Sprint(v)
	}
	e.Type = map[string]adapter.EventType{"delay": adapter.Delay, "missing": adapter.Missing, "resume": adapter.Resume}[e.Attributes["type"]]
	if s.Event["poll"] == true {
		e.Type = adapter.Poll
		for name, text := range memory {
			e.Attributes[name] = text
		}
	}
	delete(e.Attributes, "type")
	return e
}

func (p *half) exchange(method string) *adaptertest.Exchange {
	x := &adaptertest.Exchange{Method: method, Target: p.Target, Header: p.header(), Body: p.Body}
	if p.Method != "" {
		x.Method = p.Method
	}
	return x
}

func (p *half) header() http.Header {
	h := http.Header{}
	for _, line := range p.Headers {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return h
}

// arrive gives x the module's answer.
func (s step) arrive(x *adaptertest.Exchange) {
	x.Answer = nil
	if s.Failed {
		return
	}
	x.Answer = &adaptertest.Answer{Status: 200}
	if s.Answer != nil {
		x.Answer = &adaptertest.Answer{Status: s.Answer.Status, Header: s.Answer.header(), Body: s.Answer.Body}
	}
}

func sent(x *adaptertest.Exchange) *half {
	return &half{Method: x.Method, Target: x.Target, Headers: lines(x.Header), Body: x.Body}
}

func answered(x *adaptertest.Exchange) *half {
	if x.Answer == nil || x.Answer.Status == 0 {
		return nil
	}
	return &half{Status: x.Answer.Status, Headers: lines(x.Answer.Header), Body: x.Answer.Body}
}

func lines(h http.Header) (all []string) {
	for name, values := range h {
		for _, v := range values {
			all = append(all, name+": "+v)
		}
	}
	slices.Sort(all)
	return all
}

func announced(a adapter.Announcement) announcement {
	out := announcement{Type: map[adapter.AnnouncementType]string{
		adapter.Update: "update", adapter.Disconnect: "disconnect", adapter.Resumed: "resume",
	}[a.Type]}
	if a.Expected > 0 {
		out.Expected = a.Expected.String()
	}
	return out
}
