package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/modgate/modgate/core/adapter"
)

// Finding is something that a case does not allow, or that an adapter must
// not do.
type Finding struct {
	Where string // file and line, or what was tried
	What  string // - is wanted, + was got
}

func (f Finding) String() string { return f.Where + ": " + f.What }

// Play plays the case, from the start of the adapter on, and returns what came
// out differently; with update, that becomes what the case, in its file,
// expects.
func (a *Adapter) Play(ctx context.Context, c *Case, update bool) ([]Finding, error) {
	settings, err := c.settings()
	if err != nil {
		return nil, err
	}
	r, err := a.start(ctx, a.code, settings, 1)
	if err == nil {
		defer r.Close()
	}
	begun := Start{}
	begun.Log = r.told().log
	if err != nil {
		begun.Refused = err.Error()
	}
	findings := c.begin(&begun, update)
	if err == nil {
		p := player{r: r, c: c}
		for i := range c.Steps {
			s := &c.Steps[i]
			got := p.play(s)
			if update {
				s.Want = got
			}
			where := fmt.Sprintf("%s:%d", c.file, s.line)
			if s.Want == nil {
				findings = append(findings, Finding{where, "the step does not say what it wants: --update writes it, for you to read"})
			} else if d := differ(got, s.Want); d != "" {
				findings = append(findings, Finding{where, "it came out differently\n" + d + strings.Join(got.why, "\n")})
			}
		}
	}
	if update {
		return findings, c.write()
	}
	return findings, nil
}

// begin compares the start.
func (c *Case) begin(got *Start, update bool) []Finding {
	if update {
		if c.Start = got; got.Refused == "" && got.Log == nil {
			c.Start = nil
		}
		return nil
	}
	want := c.Start
	if want == nil {
		want = &Start{}
	}
	if d := differ(&Outcome{Refused: got.Refused, Log: got.Log}, &Outcome{Refused: want.Refused, Log: want.Log}); d != "" {
		return []Finding{{c.file, "the start came out differently\n" + d}}
	}
	return nil
}

// player plays the steps of a case.
type player struct {
	r      *running
	c      *Case
	memory []adapter.Attribute // of the last reply
}

// play plays a step and returns all that came of it.
func (p *player) play(s *Step) *Outcome {
	var out Outcome
	switch {
	case s.Request != nil:
		out = p.traffic(s)
	case s.Event != nil:
		out = p.event(s)
	case s.Message != nil:
		out = p.message(s)
	default:
		out = p.probe(s)
	}
	said := p.r.told()
	out.Log, out.Faults, out.why = said.log, said.faults, said.why
	return &out
}

// properties returns the step's.
func (p *player) properties(s *Step) map[string]string {
	all := map[string]string{"module.name": p.r.name}
	maps.Copy(all, p.c.Properties)
	maps.Copy(all, s.Properties)
	return all
}

// answer returns the module's in a step.
func (s *Step) answer() *arrived {
	m := s.Answer
	if m == nil {
		m = &Message{}
	}
	a := &arrived{status: m.Status, fields: fieldsOf(m.Headers), trailers: fieldsOf(m.Trailers), body: m.body()}
	if a.status == 0 {
		a.status = 200
	}
	return a
}

// give gives a draft the module's answer in a step.
func (s *Step) give(d *adapter.Draft) {
	if a := s.Answer; a != nil && !s.Failed {
		d.Answer(s.answer().status, attributes(a.Headers), attributes(a.Trailers), a.body())
	} else if !s.Failed {
		d.Answer(200, nil, nil, nil)
	}
}

// pass is a request that is under way.
type pass struct {
	p      *player
	s      *Step
	x      *exchange
	call   adapter.Call
	out    Outcome
	failed bool // nothing follows
}

func (p *player) traffic(s *Step) Outcome {
	w := p.ask(s)
	w.end()
	return w.out
}

// ask begins a request.
func (p *player) ask(s *Step) *pass {
	w := &pass{p: p, s: s, x: newExchange(s.Request, "GET", p.properties(s))}
	var err error
	w.call, err = p.r.Request(w.x)
	switch {
	case err != nil:
		w.refused(err)
	case !w.call.Next:
		w.failed = true
		w.out.Response = w.x.response()
	default:
		w.out.Request = w.x.request()
		w.out.Request.fill(w.x.sent(adapter.Request))
	}
	return w
}

// end ends it, with the module's answer.
func (w *pass) end() {
	if w.failed {
		return
	}
	if w.s.Failed {
		w.x.fail()
	} else {
		w.x.reply(w.s.answer(), w.call.Buffer)
	}
	if w.call.Response {
		if err := w.p.r.Response(w.call, w.x, w.s.Failed); err != nil {
			w.refused(err)
			return
		}
	}
	if !w.s.Failed {
		w.out.Response = w.x.response()
	}
}

func (w *pass) refused(err error) {
	w.failed = true
	w.out.Refused = refusal(err)
}

// refusal says what the gateway makes of an error.
func refusal(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, adapter.ErrTooLarge):
		return "too-large"
	default:
		return "failed"
	}
}

// sending returns the draft of what goes to the module.
func sending(d *adapter.Draft) *Message {
	m := &Message{
		Method: string(d.Method()), Target: string(d.Target()), Headers: lines(d.Fields(adapter.RequestHeader)), Trailers: lines(d.Fields(adapter.RequestTrailer)),
	}
	body, _ := d.Body(adapter.Request, 1<<30) // it is at hand
	m.fill(body)
	return m
}

func (p *player) event(s *Step) (out Outcome) {
	e := s.Event.event(p.memory)
	d, err := adapter.NewNotice(e.Notice, "/_modgate")
	if err != nil {
		return Outcome{Refused: err.Error()}
	}
	d.Properties = p.properties(s)
	encoded, err := p.r.Encode(e, d)
	switch {
	case err != nil:
		return Outcome{Refused: refusal(err)}
	case !encoded.Send:
		return Outcome{Verdict: adapter.Acknowledged.String()}
	}
	out.Request = sending(d)
	s.give(d)
	reply, err := p.r.Reply(encoded.Call, d, s.Failed)
	if out.Refused = refusal(err); err != nil {
		return out
	}
	out.Verdict, out.Reason, p.memory = reply.Verdict.String(), reply.Reason, reply.Memory
	if reply.Verdict == adapter.InProgress {
		out.After = reply.After.String()
		for _, m := range reply.Memory {
			out.Memory = append(out.Memory, m.Name+"="+m.Value)
		}
	}
	return out
}

func (p *player) message(s *Step) (out Outcome) {
	x := newExchange(s.Message, "POST", p.properties(s))
	decoded, err := p.r.Decode(x)
	switch {
	case err != nil:
		return Outcome{Refused: refusal(err)}
	case decoded.Malformed:
		out.Malformed = true
		if x.status == 0 {
			x.status = 400
		}
	case !decoded.Message:
		return Outcome{Traffic: true}
	}
	for _, a := range decoded.Announcements {
		out.Announcements = append(out.Announcements, Announcement(a))
	}
	out.Response = x.response()
	return out
}

func (p *player) probe(s *Step) (out Outcome) {
	d := adapter.NewProbe(either(s.Probe.Path, "/"))
	d.Properties = p.properties(s)
	call, err := p.r.Probe(d)
	if err != nil {
		return Outcome{Refused: refusal(err)}
	}
	out.Request = sending(d)
	s.give(d)
	health, err := p.r.Judge(call, d, s.Failed)
	out.Health, out.Refused = health.String(), refusal(err)
	return out
}
