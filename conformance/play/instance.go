package play

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/modgate/modgate/conformance/script"
	"github.com/modgate/modgate/conformance/wire"
)

// instance is a module's process, played by the case.
type instance struct {
	id       string // as the case calls it
	module   string
	upstream *upstream
	tokens   []string // of each registration, the latest last
	seq      int
	stream   *stream
}

func (in *instance) token() string {
	if len(in.tokens) == 0 {
		return ""
	}
	return in.tokens[len(in.tokens)-1]
}

// instance returns the actor of a step, who appears with its first one.
func (w *world) instance(id string) (*instance, error) {
	if in := w.instances[id]; in != nil {
		return in, nil
	}
	up, err := newUpstream(id, w.Ports)
	if err != nil {
		return nil, err
	}
	in := &instance{id: id, upstream: up}
	w.instances[id] = in
	return in, nil
}

// registration is the body of POST /v1/instances.
type registration struct {
	Module   string        `json:"module"`
	Version  string        `json:"version"`
	Instance string        `json:"instance,omitempty"`
	Upstream string        `json:"upstream"`
	Routes   []routed      `json:"routes"`
	Provides []provided    `json:"provides,omitempty"`
	Requires []requirement `json:"requires,omitempty"`
	Replaces []string      `json:"replaces,omitempty"`
	Lease    string        `json:"lease,omitempty"`
	OnDelay  string        `json:"on_delay,omitempty"`
	Webhook  string        `json:"webhook,omitempty"`
}

type routed struct {
	Methods   []string `json:"methods,omitempty"`
	Path      string   `json:"path"`
	Interface string   `json:"interface,omitempty"`
}

type provided struct {
	ID      string `json:"id"`
	Version string `json:"version"`
}

type requirement struct {
	ID       string `json:"id"`
	Kind     string `json:"kind,omitempty"`
	Range    string `json:"range,omitempty"`
	Optional bool   `json:"optional,omitempty"`
}

// registration builds the body from a step's options.
func (w *world) registration(s script.Step, in *instance) registration {
	r := registration{
		Module: w.tagged(s.Args[0]), Version: s.Args[1], Instance: w.tagged(in.id), Upstream: in.upstream.origin(),
		Lease: w.scaled(s.Duration("lease", time.Minute)).String(),
	}
	for _, o := range s.Options {
		id, rest, _ := strings.Cut(o.Value, " ")
		switch o.Name {
		case "path":
			r.Routes = append(r.Routes, w.route(o.Value))
		case "provides":
			r.Provides = append(r.Provides, provided{w.tagged(id), rest})
		case "requires":
			r.Requires = append(r.Requires, requirement{w.tagged(id), "module", rest, false})
		case "optional":
			r.Requires = append(r.Requires, requirement{w.tagged(id), "module", rest, true})
		case "interface-requires":
			r.Requires = append(r.Requires, requirement{w.tagged(id), "", rest, false})
		case "replaces":
			r.Replaces = append(r.Replaces, w.tagged(o.Value))
		case "on_delay":
			r.OnDelay = o.Value
		case "upstream":
			r.Upstream = o.Value
		case "webhook":
			r.Webhook = o.Value
		case "instance":
			r.Instance = o.Value
		}
	}
	if r.Routes == nil {
		r.Routes = []routed{w.route("/" + s.Args[0]), w.route("/" + s.Args[0] + "/*")}
	}
	return r
}

// route reads "/items", "GET /items" or "GET /items items", where the last
// word is an interface.
func (w *world) route(text string) routed {
	words := strings.Fields(text)
	var r routed
	if len(words) > 0 && !strings.HasPrefix(words[0], "/") {
		r.Methods, words = strings.Split(words[0], ","), words[1:]
	}
	if len(words) > 0 {
		r.Path = w.taggedPath(words[0])
	}
	if len(words) > 1 {
		r.Interface = w.tagged(words[1])
	}
	return r
}

func (w *world) registers(s script.Step, in *instance) error {
	r := w.registration(s, in)
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	secret := "join"
	if given, found := s.Get("secret"); found {
		secret = given
	}
	learn := func(ctx context.Context) wire.Answer {
		a := w.control(ctx, http.MethodPost, "/v1/instances", w.secret(secret), "", string(body))
		if a.Status == http.StatusCreated {
			token, _ := a.Field("token")
			in.tokens, in.module = append(in.tokens, token), s.Args[0]
			in.upstream.mu.Lock()
			in.upstream.secret, _ = a.Field("webhook_secret")
			in.upstream.mu.Unlock()
		}
		return a
	}
	return w.perform(s, 1, learn, script.Check{Field: "status", Op: script.Equal, Value: "201"})
}

// control makes a call of the control API.
func (w *world) control(ctx context.Context, method, path, bearer, prefer, body string) wire.Answer {
	h := http.Header{}
	if bearer != "" {
		h.Set("Authorization", "Bearer "+bearer)
	}
	set(h, "Prefer", prefer)
	if body != "" {
		h.Set("Content-Type", "application/json")
	}
	return w.do(ctx, w.scaled(30*time.Second), method, "http://"+w.Control+path, h, body)
}

func (w *world) own(in *instance, call string) string {
	return "/v1/instances/" + w.tagged(in.id) + "/" + call
}

// bearer is the instance's own token, unless the step says otherwise.
func (w *world) bearer(s script.Step, in *instance) string {
	if other, given := s.Get("token"); given {
		return w.secret(other)
	}
	return in.token()
}

func (w *world) renews(s script.Step, in *instance) error {
	bearer := w.bearer(s, in)
	renew := func(ctx context.Context) wire.Answer {
		return w.control(ctx, http.MethodPut, w.own(in, "lease"), bearer, "", "")
	}
	if _, given := s.Get("within"); given {
		return w.again(s, s.Duration("within", 0), renew)
	}
	return w.perform(s, 1, renew, passed)
}

// verbs are the announcements, and the outcome of each when all is well.
var verbs = map[string][2]string{
	"updates": {"update", "granted"}, "resumes": {"resume", "resumed"}, "disconnects": {"disconnect", "disconnected"},
}

func (w *world) announces(s script.Step, in *instance) error {
	verb := verbs[s.Verb.Name]
	in.seq++
	seq := fmt.Sprint(in.seq)
	if given, found := s.Get("seq"); found {
		seq = given
		if _, err := fmt.Sscan(given, &in.seq); err != nil {
			return err
		}
	}
	body := map[string]any{"type": verb[0], "seq": json.Number(seq)}
	if reason, found := s.Get("reason"); found {
		body["reason"] = reason
	}
	if expected, found := s.Get("expected"); found {
		body["expected"] = expected
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	prefer, bearer := "", w.bearer(s, in)
	if wait := s.Duration("wait", 10*time.Second); wait > 0 {
		prefer = w.prefer(wait)
	}
	return w.perform(s, 1, func(ctx context.Context) wire.Answer {
		return w.control(ctx, http.MethodPost, w.own(in, "announcements"), bearer, prefer, string(text))
	}, passed, script.Check{Field: "outcome", Op: script.Equal, Value: verb[1]})
}

func (w *world) raises(s script.Step, in *instance) error {
	detail, _ := s.Get("detail")
	text, err := json.Marshal(map[string]string{"severity": s.Args[0], "summary": s.Args[1], "detail": detail})
	if err != nil {
		return err
	}
	return w.perform(s, 1, func(ctx context.Context) wire.Answer {
		return w.control(ctx, http.MethodPost, "/v1/alerts", in.token(), "", string(text))
	}, script.Check{Field: "status", Op: script.Equal, Value: "202"})
}
