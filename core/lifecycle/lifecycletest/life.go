package lifecycletest

import (
	"fmt"
	"strings"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

// Live reads bytes as the life of a module: settings first, then three bytes
// for each thing that happens, the time before it included. It returns the
// first law that was broken, and the way to it.
func Live(bytes []byte) error {
	s := NewStory()
	take := func() byte {
		if len(bytes) == 0 {
			return 0
		}
		b := bytes[0]
		bytes = bytes[1:]
		return b
	}
	for _, length := range []*time.Duration{
		&s.settings.TTL, &s.settings.UpdateTTL, &s.settings.AbsenceMax, &s.settings.Grace, &s.settings.GraceMin, &s.settings.StartTTL,
	} {
		*length = time.Duration(take()%32) * time.Second
	}
	s.settings.Takeover = 1 + int(take()%3)
	var way []string
	for len(bytes) > 0 {
		what, who, how := take(), take(), take()
		out := s.happen(what, who, how)
		way = append(way, out)
		if len(s.Broken) > 0 {
			return fmt.Errorf("%w\nafter\n%s\n%s", s.Broken[0], strings.Join(way, "\n"), s.Picture())
		}
	}
	return nil
}

// happen carries out what three bytes say, after the time that how says.
func (s *Story) happen(what, who, how byte) string {
	id := string(rune('a' + who%4))
	version := fmt.Sprintf("%d.0.0", 1+who/4%3)
	passes := [...]string{"0s", "1s", "7s", "31s"}[how%4]
	verbs := [...]string{
		"register", "register", "update", "update", "resume", "resume", "disconnect", "drained", "drained", "lost", "unhealthy", "healthy",
		"unreachable", "reachable", "restart", "configured", "policy", "repeat", "override", "yield",
	}
	command := verbs[int(what)%len(verbs)] + " " + id
	switch verbs[int(what)%len(verbs)] {
	case "register":
		command += " " + version + [...]string{"", "", " replaces=y", " replaces=x,y"}[how/4%4]
	case "yield":
		command = "yield " + [...]string{"x", "y"}[who%2]
	case "restart", "configured":
		command = verbs[int(what)%len(verbs)] + " in=3s"
	case "policy":
		command = fmt.Sprintf("policy update=%s:%ds absence=%s:%ds grace=%ds",
			fallback.Grant+fallback.Action(who%3), how%8, fallback.NoAction+fallback.Action(who/4%3), how/8, how%16)
	case "override":
		command = fmt.Sprintf("override %s%s", message.OverrideType(1+how%8),
			[...]string{"", " instance=" + id, " version=" + version, " version=" + version + " accept_data_loss"}[how/8%4])
	case "lost", "unreachable":
		command += fmt.Sprintf(" hold=%ds", how/4%4*5)
	case "repeat":
		command += " " + message.Verb(1+how%3).String()
	}
	waited := s.Tell("advance " + passes)
	return fmt.Sprintf("advance %s\n%s\n%s\n%s", passes, waited, command, s.Tell(command))
}
