package play

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptrace"
	"strconv"
	"sync"
	"time"

	"github.com/modgate/modgate/conformance/script"
	"github.com/modgate/modgate/conformance/wire"
)

// pending is a step that is not waited for.
type pending struct {
	step      script.Step
	otherwise []script.Check // when nothing is expected in words
	cancel    context.CancelFunc
	sent      chan struct{} // closed when all are on their way
	done      chan struct{} // closed when all answers are there

	mu      sync.Mutex
	answers []wire.Answer
}

func (p *pending) add(a wire.Answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers = append(p.answers, a)
}

func (p *pending) all() []wire.Answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]wire.Answer(nil), p.answers...)
}

// perform does something n times at once. Without a label it waits and holds
// each answer against the step; with one it remembers it.
func (w *world) perform(s script.Step, n int, do func(context.Context) wire.Answer, otherwise ...script.Check) error {
	ctx, cancel := context.WithCancel(w.ctx)
	p := &pending{step: s, otherwise: otherwise, cancel: cancel, sent: make(chan struct{}), done: make(chan struct{})}
	var sending, running sync.WaitGroup
	for range n {
		sending.Add(1)
		wrote := sync.OnceFunc(sending.Done)
		running.Go(func() {
			defer wrote()
			p.add(do(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: wrote})))
		})
	}
	go func() {
		sending.Wait()
		close(p.sent)
		running.Wait()
		close(p.done)
	}()
	if s.Label != "" {
		w.pending[s.Label] = p
		return nil
	}
	defer cancel()
	<-p.done // do has a time limit
	for _, a := range p.all() {
		if err := w.judge(s, a, otherwise...); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) labelStep(s script.Step) error {
	p := w.pending[s.Actor]
	if p == nil {
		return fmt.Errorf("%q has not begun", s.Actor)
	}
	switch s.Verb.Name {
	case "gets":
		return w.gets(s, p)
	case "counts":
		return w.counts(s, p)
	case "waits":
		return w.waits(s, p)
	case "leaves":
		p.cancel()
		<-p.done
		return nil
	case "ends":
		return w.ends(s, p)
	}
	return errors.New("no such step")
}

// finished waits for all answers.
func (w *world) finished(s script.Step, p *pending) error {
	select {
	case <-p.done:
		return nil
	case <-time.After(w.within(s, "within", 10*time.Second)):
		return &Failure{s, []string{"all answers"}, fmt.Sprintf("%d of them", len(p.all()))}
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	}
}

func (w *world) gets(s script.Step, p *pending) error {
	if err := w.finished(s, p); err != nil {
		return err
	}
	for _, a := range p.all() {
		if s.Checks == nil && s.Macro == "" {
			s.Checks, s.Macro = p.step.Checks, p.step.Macro
		}
		if err := w.judge(s, a, p.otherwise...); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) counts(s script.Step, p *pending) error {
	if err := w.finished(s, p); err != nil {
		return err
	}
	want, _ := strconv.Atoi(s.Args[0]) // the parser has read it
	n, other := 0, ""
	for _, a := range p.all() {
		if w.complaints(s, a) == nil {
			n++
		} else {
			other = a.String()
		}
	}
	if n != want {
		return &Failure{s, []string{s.Args[0] + " such answers"}, fmt.Sprintf("%d of %d; another is %s", n, len(p.all()), other)}
	}
	return nil
}

// onItsWay says that the request of the context is sent, where net/http does
// not send it.
func onItsWay(ctx context.Context) {
	if t := httptrace.ContextClientTrace(ctx); t != nil && t.WroteHeaders != nil {
		t.WroteHeaders()
	}
}

// waits counts from when the requests were sent, which a busy machine may do
// late.
func (w *world) waits(s script.Step, p *pending) error {
	d := 300 * time.Millisecond
	if len(s.Args) > 0 {
		d, _ = time.ParseDuration(s.Args[0]) // the parser has read it
	}
	select {
	case <-p.sent:
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	}
	if err := w.sleep(w.scaled(d)); err != nil {
		return err
	}
	if all := p.all(); len(all) > 0 {
		return &Failure{s, []string{"no answer yet"}, w.untag(all[0].String())}
	}
	return nil
}

// load sends one request after the other until it ends.
func (w *world) load(s script.Step, send func(context.Context) wire.Answer) error {
	clients := 4
	if v, found := s.Get("clients"); found {
		clients, _ = strconv.Atoi(v) // the parser has read it
	}
	ctx, cancel := context.WithCancel(w.ctx)
	p := &pending{step: s, cancel: cancel, sent: make(chan struct{}), done: make(chan struct{})}
	close(p.sent)
	w.pending[s.Label] = p
	var running sync.WaitGroup
	for range clients {
		running.Go(func() {
			for ctx.Err() == nil {
				if a := send(w.ctx); ctx.Err() == nil || a.Err == nil {
					p.add(a)
				}
				select { // 4 clients shall not starve the rest of the machine
				case <-time.After(2 * time.Millisecond):
				case <-ctx.Done():
				}
			}
		})
	}
	go func() {
		running.Wait()
		close(p.done)
	}()
	return nil
}

func (w *world) ends(s script.Step, p *pending) error {
	p.cancel()
	if err := w.finished(s, p); err != nil {
		return err
	}
	least := 1
	if v, found := s.Get("least"); found {
		least, _ = strconv.Atoi(v) // the parser has read it
	}
	all := p.all()
	if len(all) < least {
		return &Failure{s, []string{fmt.Sprintf("at least %d answers", least)}, strconv.Itoa(len(all))}
	}
	for _, a := range all {
		if err := w.judge(s, a, script.Check{Field: "status", Op: script.Equal, Value: "200"}); err != nil {
			return err
		}
	}
	return nil
}
