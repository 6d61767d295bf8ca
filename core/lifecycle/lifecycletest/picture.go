package lifecycletest

import (
	"fmt"
	"strings"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
)

func effectText(e lifecycle.Effect) string {
	switch e := e.(type) {
	case lifecycle.Publish:
		return "publish"
	case lifecycle.Release:
		return "release"
	case lifecycle.Alert:
		if e.Critical {
			return "ALERT " + e.Key
		}
		return "alert " + e.Key
	case lifecycle.Resolve:
		return "resolve " + e.Key
	}
	panic(fmt.Sprintf("an effect without a word: %T", e))
}

// Picture returns the module as it stands: its state, then its instances.
func (s *Story) Picture() string {
	r := &s.record
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", s.now.Sub(s.start), r.Availability())
	if reason := r.Absence.Reason; reason != message.NoReason {
		fmt.Fprintf(&b, " %s since %s", reason, r.Absence.Since.Sub(s.start))
		s.until(&b, "until", r.Absence.Until)
	}
	fmt.Fprintf(&b, ", turn %d, epoch %d", r.Turn, r.Epoch)
	if !r.Floor.IsZero() {
		fmt.Fprintf(&b, ", floor %s", r.Floor)
	}
	if !r.Forced.Above.IsZero() {
		fmt.Fprintf(&b, ", nothing above %s", r.Forced.Above)
	}
	if !r.Grant.IsZero() {
		fmt.Fprintf(&b, ", granted %s %s", r.Grant.Version, r.Grant.Instance)
		if r.Grant.Lost != message.NoReason {
			fmt.Fprintf(&b, " (%s)", r.Grant.Lost)
		}
	}
	if len(r.Replaced) > 0 {
		fmt.Fprintf(&b, ", replaced %s", strings.Join(r.Replaced, ", "))
	}
	b.WriteByte('\n')
	for j := range r.Versions {
		v := &r.Versions[j]
		for k := range v.Instances {
			s.instance(&b, v, &v.Instances[k])
		}
	}
	return b.String()
}

func (s *Story) instance(b *strings.Builder, v *lifecycle.Version, i *lifecycle.Instance) {
	fmt.Fprintf(b, "  %s %s %s", i.ID, v.Version, i.Phase)
	for _, f := range []struct {
		is   bool
		word string
	}{
		{i.Held, "resumed"},
		{i.Sick, "sick"},
		{!i.Ask.IsZero() && i.Phase != message.Waiting, "asks"},
		{i.Refused, "refused"},
		{i.Drained, "done"},
		{i.Away != message.NoReason, i.Away.String()},
		{i.Socket, "socket"},
	} {
		if f.is {
			b.WriteString(" " + f.word)
		}
	}
	if len(i.DrainedBy) > 0 {
		fmt.Fprintf(b, " done at %s", strings.Join(i.DrainedBy, ", "))
	}
	s.until(b, "deferred until", i.Ask.Deferred)
	s.until(b, "leaves by", i.Leaving)
	s.until(b, "held out until", i.Shut)
	if s.now.Before(i.Orphaned) {
		s.until(b, "uncounted until", i.Orphaned)
	}
	if i.Phase == message.Draining && i.Leaving.IsZero() && !i.Drained {
		s.until(b, "until", v.Drain.Until)
	}
	if i.Phase == message.Draining {
		s.until(b, "not before", v.Drain.Least)
	}
	if !i.InRotation() && i.Opens() && i.Phase != message.Out && i.Phase != message.Starting {
		b.WriteString(" (its token opens, nothing is sent to it)")
	}
	b.WriteByte('\n')
}

func (s *Story) until(b *strings.Builder, word string, t time.Time) {
	if !t.IsZero() {
		fmt.Fprintf(b, " %s %s", word, t.Sub(s.start))
	}
}

// answer tells what i's last announcement led to, and what it is told of
// itself.
func (s *Story) answer(id string) string {
	a, err := s.record.Answer(s.now, id)
	said := fmt.Sprintf("%s%s", a.Outcome, a.Notice)
	if err != nil {
		said = "error, " + err.Error()
	}
	if a.Notice != "" {
		said += fmt.Sprintf(" ttl %s", time.Duration(a.TTL))
	}
	v, i := s.record.Find(id)
	if i == nil {
		return said
	}
	self := s.record.Self(v, i)
	told := strings.TrimSpace(fmt.Sprintf("%s %s %s", self.Kind, self.Reason, self.Outcome))
	if told == "" {
		told = "nothing"
	}
	if !self.Until.IsZero() {
		told += fmt.Sprintf(" until %s", self.Until.Sub(s.start))
	}
	state := a.State
	if err != nil {
		state = s.record.State(s.now, id)
	}
	return fmt.Sprintf("answer: %s; told of itself: %s; token opens: %v; routed: %v; state %s %s ttl %s, serving %s",
		said, told, i.Opens(), i.InRotation(), state.State, state.Reason, time.Duration(state.TTL), state.Serving)
}

func (s *Story) routes() string {
	live, removed := s.record.Routes()
	var words []string
	for _, r := range live {
		words = append(words, routeText(r))
	}
	for _, r := range removed {
		words = append(words, fmt.Sprintf("%s removed in %s", routeText(r.Route), r.In))
	}
	return strings.Join(words, ", ")
}

func routeText(r message.Route) string {
	if len(r.Methods) == 0 {
		return r.Path
	}
	return strings.Join(r.Methods, "|") + ":" + r.Path
}
