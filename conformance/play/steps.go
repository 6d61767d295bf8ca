package play

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/modgate/modgate/conformance/script"
	"github.com/modgate/modgate/conformance/wire"
)

// moduleStep takes a step that modules take, and those that clients share
// with them.
func (w *world) moduleStep(s script.Step) error {
	switch s.Verb.Name {
	case "sends":
		return w.sends(s)
	case "tries":
		return w.tries(s)
	case "loads":
		return w.loads(s)
	case "calls":
		return w.calls(s)
	case "connects":
		return w.connects(s)
	}
	in, err := w.instance(s.Actor)
	if err != nil {
		return err
	}
	switch s.Verb.Name {
	case "registers":
		return w.registers(s, in)
	case "renews":
		return w.renews(s, in)
	case "updates", "resumes", "disconnects":
		return w.announces(s, in)
	case "alerts":
		return w.raises(s, in)
	case "listens":
		return w.listens(s, in)
	case "stops-listening":
		in.hangUp()
		return nil
	case "hears":
		return w.hears(s, in, false)
	case "hears-next":
		return w.hears(s, in, true)
	case "hears-no":
		return w.hearsNo(s, in)
	case "loses-stream":
		return w.losesStream(s, in)
	}
	return w.upstreamStep(s, in.upstream)
}

// upstreamStep takes a step of an instance's server.
func (w *world) upstreamStep(s script.Step, u *upstream) error {
	switch s.Verb.Name {
	case "answers":
		return w.answers(s, u)
	case "holds":
		u.hold()
	case "releases":
		u.release()
	case "has":
		return w.has(s, u)
	case "has-served":
		if n, _ := u.count(); strconv.Itoa(n) != s.Args[0] {
			return &Failure{s, []string{s.Args[0] + " requests"}, strconv.Itoa(n)}
		}
	case "got":
		return w.got(s, u)
	case "served":
		return w.served(s, u)
	case "streams":
		u.mu.Lock()
		u.lives = true
		u.mu.Unlock()
	case "refuses":
		u.close()
	case "accepts":
		return u.accept()
	default:
		return errors.New("no such step")
	}
	return nil
}

func (w *world) answers(s script.Step, u *upstream) error {
	status, err := strconv.Atoi(s.Args[0])
	if err != nil {
		return err
	}
	body, given := s.Get("body")
	if !given {
		body = u.id
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.lives = false
	u.status, u.body, u.after, u.header = status, body, w.within(s, "after", 0), headers(s)
	return nil
}

// got looks at the latest request, for as long as the step gives it time.
func (w *world) got(s script.Step, u *upstream) error {
	var r *request
	if _, err := w.until(w.within(s, "within", 0), func() bool {
		_, r = u.count()
		return r != nil && w.complaints(s, r) == nil
	}); err != nil {
		return err
	}
	if r == nil {
		return &Failure{s, []string{"a request"}, "none"}
	}
	return w.judge(s, r)
}

// served looks at the nth request, for as long as the step gives it time.
func (w *world) served(s script.Step, u *upstream) error {
	n, _ := strconv.Atoi(s.Args[0]) // the parser has read it
	var r *request
	if _, err := w.until(w.within(s, "within", 3*time.Second), func() bool {
		r = u.nth(n)
		return r != nil
	}); err != nil {
		return err
	}
	if r == nil {
		n, _ := u.count()
		return &Failure{s, []string{s.Args[0] + " requests"}, strconv.Itoa(n)}
	}
	return w.judge(s, r)
}

func (w *world) has(s script.Step, u *upstream) error {
	want, n := s.Args[0], 0
	ok, err := w.until(w.within(s, "within", 3*time.Second), func() bool {
		n, _ = u.inHand()
		return strconv.Itoa(n) == want
	})
	if err != nil || ok {
		return err
	}
	return &Failure{s, []string{want + " requests in its hands"}, strconv.Itoa(n)}
}

// calls makes a call of the control API, word by word.
func (w *world) calls(s script.Step) error {
	h := headers(s)
	bearer := ""
	if name, given := s.Get("bearer"); given {
		bearer = w.secret(name)
	} else if s.Actor == "admin" {
		bearer = w.admin()
	} else if in := w.instances[s.Actor]; in != nil {
		bearer = in.token()
	}
	if bearer != "" {
		h.Set("Authorization", "Bearer "+bearer)
	}
	if prefer, given := s.Get("prefer"); given {
		h.Set("Prefer", prefer)
	}
	body, _ := s.Get("body")
	if size, given := s.Get("fill"); given {
		n, _ := strconv.Atoi(size) // the parser has read it
		body = `{"module":"` + strings.Repeat("x", n) + `"}`
	}
	if kind, given := s.Get("type"); given {
		h.Set("Content-Type", kind)
	} else if body != "" {
		h.Set("Content-Type", "application/json")
	}
	return w.perform(s, 1, func(ctx context.Context) wire.Answer {
		return w.do(ctx, w.scaled(patience), s.Args[0], "http://"+w.Control+s.Args[1], h, body)
	}, passed)
}

func (w *world) adminStep(s script.Step) error {
	switch s.Verb.Name {
	case "sees":
		return w.sees(s)
	case "reloads":
		return w.reloads(s)
	}
	return errors.New("no such step")
}

// sees reads a module's state until it is as expected.
func (w *world) sees(s script.Step) error {
	path := "/v1/admin/modules/" + w.tagged(s.Args[0])
	return w.again(s, s.Duration("within", 5*time.Second), func(ctx context.Context) wire.Answer {
		return w.control(ctx, http.MethodGet, path, w.admin(), "", "")
	})
}

func (w *world) reloads(s script.Step) error {
	if w.Core == nil {
		return errNotOurs
	}
	if text, given := s.Get("config"); given {
		setting := w.Setting
		setting.Blocks = text
		if err := w.Core.Configure(setting); err != nil {
			return err
		}
	}
	return w.judge(s, w.control(w.ctx, http.MethodPost, "/v1/admin/reload", w.admin(), "", ""), passed)
}

var errNotOurs = errors.New("the core was not started by the suite")

func (w *world) coreStep(s script.Step) error {
	if w.Core == nil {
		return errNotOurs
	}
	w.client.CloseIdleConnections()
	switch s.Verb.Name {
	case "dies":
		w.Core.Kill()
	case "stops":
		return w.Core.Stop(w.within(s, "within", 10*time.Second))
	case "starts":
		return w.Core.Start(w.ctx)
	case "refuses-config":
		printed, err := w.Core.Refuses(w.ctx)
		if err != nil {
			return err
		}
		return w.judge(s, wire.Answer{Body: []byte(printed)})
	case "log-lacks":
		secret := w.secret(strings.TrimPrefix(s.Args[0], "token:"))
		if strings.Contains(w.Core.Log(), secret) {
			return &Failure{s, []string{"nothing secret in what the core prints"}, fmt.Sprintf("the secret %q", s.Args[0])}
		}
	default:
		return errors.New("no such step")
	}
	return nil
}
