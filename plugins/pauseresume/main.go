// Pauseresume is the adapter for modules that can be told to pause and to go
// on, as many did before there was a protocol: DELAY and MISSING become PUT
// /pause, RESUME becomes PUT /resume, and the word that they answer to the
// question for their health is their health.
//
// It decides which words of the lifecycle those are. It keeps nothing: whether
// another requirement is still unmet the gateway knows.
package main

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/modgate/modgate/sdk-wasm/go/adapter"
)

func main() {}

func init() {
	var s settings
	adapter.Register(pauseresume(&s))
}

// pauseresume is the adapter; its settings are read into s when it is
// configured.
func pauseresume(s *settings) adapter.Adapter {
	return adapter.Adapter{
		Configure:      func(c *adapter.Config) error { return s.read(c.Text) },
		Encode:         s.encode,
		Reply:          reply,
		HealthRequest:  s.healthRequest,
		HealthResponse: s.healthResponse,
	}
}

// encode says that the module is to pause, or to go on. It goes on when the
// last of its requirements is met.
func (s *settings) encode(e *adapter.Event, r *adapter.Request) adapter.Encoding {
	target := s.Resume
	switch {
	case e.Subject() == e.Receiver(): // what becomes of itself the gateway sees to
		return adapter.Nothing
	case e.Type == adapter.Delay, e.Type == adapter.Missing:
		target = s.pause(e)
	case e.Type != adapter.Resume:
		return adapter.Nothing
	default:
		if unmet, _ := r.Property("module.unmet"); unmet != "" {
			return adapter.Nothing
		}
	}
	r.SetMethod(s.Method)
	r.SetTarget(target)
	r.Header.Remove("Content-Type")
	r.Body.SetString("")
	return adapter.Edited
}

// pause is the target that says for how long, where that is known.
func (s *settings) pause(e *adapter.Event) string {
	ttl := e.TTL()
	if e.Type == adapter.Missing || ttl <= 0 || s.Milliseconds == "" {
		return s.Pause
	}
	divider := "?"
	if strings.Contains(s.Pause, "?") {
		divider = "&"
	}
	return s.Pause + divider + s.Milliseconds + "=" + strconv.FormatInt(ttl.Milliseconds(), 10)
}

// reply takes what says that the module knows no such word for an end: it would
// not know it next time either.
func reply(r *adapter.Reply) adapter.Verdict {
	if v := r.ByRule(); v == adapter.Acknowledged || r.Failed {
		return v
	}
	switch r.Status() {
	case 404, 405, 410, 501:
		r.Reason("it answers " + strconv.Itoa(r.Status()))
		return adapter.GiveUp
	}
	r.Reason("it answers " + strconv.Itoa(r.Status()))
	return adapter.Retry
}

// healthRequest asks where the module says its word, unless the probe's path
// says something else.
func (s *settings) healthRequest(r *adapter.Request) {
	if r.Target() == "/" {
		r.SetTarget(s.Health)
	}
}

// healthResponse looks the first word of the answer up. One that is not known
// is the status' to judge.
func (s *settings) healthResponse(r *adapter.Response) adapter.Health {
	if r.Failed {
		return adapter.ByRule
	}
	text := strings.TrimSpace(r.Body.String())
	end := strings.IndexFunc(text, func(c rune) bool { return !unicode.IsLetter(c) && c != '_' && c != '-' })
	if end < 0 {
		end = len(text)
	}
	return s.words[strings.ToUpper(text[:end])]
}
