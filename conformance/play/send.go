package play

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/modgate/modgate/conformance/script"
	"github.com/modgate/modgate/conformance/wire"
)

// patience bounds a request whose step has no bound of its own.
const patience = 15 * time.Second

var passed = script.Check{Field: "status", Op: script.Equal, Value: "200"}

// do sends a request and reads its answer. It never returns an error beside
// the answer's own.
func (w *world) do(ctx context.Context, bound time.Duration, method, url string, header http.Header, body string) wire.Answer {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	begun := time.Now()
	answer := func(a wire.Answer, err error) wire.Answer {
		a.Took, a.Err = time.Since(begun), err
		return a
	}
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, reader)
	if err != nil {
		return answer(wire.Answer{}, err)
	}
	req.Header = header
	if host := header.Get("Host"); host != "" {
		req.Host = host
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return answer(wire.Answer{}, err)
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if wire.IsEventStream(resp.Header) && errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // such a stream has no end of its own
	}
	for _, values := range resp.Header {
		for i := range values {
			values[i] = w.untag(values[i])
		}
	}
	return answer(wire.Answer{Status: resp.StatusCode, Header: resp.Header, Body: []byte(w.untag(string(read)))}, err)
}

// headers returns the @Name= options.
func headers(s script.Step) http.Header {
	h := http.Header{}
	for _, o := range s.Options {
		if name, is := strings.CutPrefix(o.Name, "@"); is {
			h.Add(name, o.Value)
		}
	}
	return h
}

// dataRequest prepares a request of a step to the data listener.
func (w *world) dataRequest(s script.Step) (func(context.Context) wire.Answer, error) {
	h := headers(s)
	if token, given := s.Get("token"); given {
		set(h, "Modgate-Token", w.secret(token))
	} else if in := w.instances[s.Actor]; in != nil {
		set(h, "Modgate-Token", in.token())
	}
	if run, given := s.Get("run"); given {
		text, err := w.run(run)
		if err != nil {
			return nil, err
		}
		set(h, "Modgate-Run", text)
	}
	if _, given := s.Get("wait"); given {
		h.Add("Prefer", w.prefer(s.Duration("wait", 0)))
	}
	body, _ := s.Get("body")
	if size, given := s.Get("fill"); given {
		n, _ := strconv.Atoi(size) // the parser has read it
		body = strings.Repeat("x", n)
	}
	bound := w.within(s, "timeout", patience)
	to, given := s.Get("to")
	if !given {
		to = w.Data
	}
	url := "http://" + to + w.taggedPath(s.Args[1])
	return func(ctx context.Context) wire.Answer {
		return w.do(ctx, bound, s.Args[0], url, h.Clone(), body)
	}, nil
}

func set(h http.Header, name, value string) {
	if value != "" {
		h.Set(name, value)
	}
}

// prefer asks for a wait, in whole seconds.
func (w *world) prefer(d time.Duration) string {
	return "wait=" + strconv.Itoa(int(math.Ceil(w.scaled(d).Seconds())))
}

// run returns the Modgate-Run of the oldest request in an instance's hands,
// or of its latest when it has none, or the text itself.
func (w *world) run(name string) (string, error) {
	in := w.instances[name]
	if in == nil {
		return name, nil
	}
	n, r := in.upstream.inHand()
	if n == 0 {
		_, r = in.upstream.count()
	}
	if r == nil {
		return "", fmt.Errorf("%s has had no request", name)
	}
	return r.header.Get("Modgate-Run"), nil
}

// secret returns what a case calls join, admin, none, the token of an
// instance, ID/1 for its first token, or the text itself.
func (w *world) secret(name string) string {
	switch name {
	case "join":
		return w.Join
	case "admin":
		return w.admin()
	case "none":
		return ""
	}
	id, nth, _ := strings.Cut(name, "/")
	in := w.instances[id]
	if in == nil || len(in.tokens) == 0 {
		return name
	}
	if i, err := strconv.Atoi(nth); err == nil && i >= 1 && i <= len(in.tokens) {
		return in.tokens[i-1]
	}
	return in.token()
}

func (w *world) sends(s script.Step) error {
	n := 1
	if v, found := s.Get("times"); found {
		n, _ = strconv.Atoi(v) // the parser has read it
	}
	send, err := w.dataRequest(s)
	if err != nil {
		return err
	}
	return w.perform(s, n, send, passed)
}

// tries sends until the answer is as it should be.
func (w *world) tries(s script.Step) error {
	send, err := w.dataRequest(s)
	if err != nil {
		return err
	}
	return w.again(s, s.Duration("within", 5*time.Second), send)
}

// again does something until the answer is as it should be.
func (w *world) again(s script.Step, within time.Duration, do func(context.Context) wire.Answer) error {
	var last wire.Answer
	if _, err := w.until(w.scaled(within), func() bool {
		last = do(w.ctx)
		return w.complaints(s, last, passed) == nil
	}); err != nil {
		return err
	}
	return w.judge(s, last, passed)
}

func (w *world) loads(s script.Step) error {
	if s.Label == "" {
		return errors.New("a load wants a label")
	}
	send, err := w.dataRequest(s)
	if err != nil {
		return err
	}
	return w.load(s, send)
}

// write sends octets as they are, and reads one answer.
func (w *world) write(s script.Step) error {
	address := w.Data
	if to, _ := s.Get("to"); to == "control" {
		address = w.Control
	}
	bound := w.within(s, "timeout", 5*time.Second)
	return w.perform(s, 1, func(ctx context.Context) wire.Answer {
		begun := time.Now()
		a, err := exchange(ctx, address, s.Args[0], bound)
		a.Took, a.Err = time.Since(begun), err
		return a
	})
}

// connects opens a WebSocket, says something, and reads until it ends.
func (w *world) connects(s script.Step) error {
	h := headers(s)
	if in := w.instances[s.Actor]; in != nil {
		set(h, "Modgate-Token", in.token())
	}
	text, _ := s.Get("text")
	bound, path := w.within(s, "timeout", patience), w.taggedPath(s.Args[0])
	return w.perform(s, 1, func(ctx context.Context) wire.Answer {
		ctx, cancel := context.WithTimeout(ctx, bound)
		defer cancel()
		begun := time.Now()
		onItsWay(ctx)
		a, err := wire.DialWebSocket(ctx, w.Data, path, h, text)
		a.Took, a.Err = time.Since(begun), err
		return a
	}, script.Check{Field: "status", Op: script.Equal, Value: "101"})
}

func exchange(ctx context.Context, address, text string, bound time.Duration) (wire.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return wire.Answer{}, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := io.WriteString(conn, text); err != nil {
		return wire.Answer{}, err
	}
	onItsWay(ctx)
	return wire.ReadAnswer(conn)
}
