package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/modgate/modgate/conformance/wire"
)

// promise is something that adapter and module must do together.
type promise struct {
	rule, text string
	keep       func(t *trial, code string) error
}

// promises are those of a life, in its order.
var promises = []promise{
	{"L4", "is told of its first UPDATE through the adapter, acknowledges it, and serves then", begins},
	{"A2", "answers what is sent to it through the adapter", answers},
	{"U2", "is replaced by a higher version while requests pour in, and none fails", isReplaced},
	{"L2", "is missed when it dies: its requests are DELAY, not an error", isMissed},
	{"L3", "comes back, and answers what waited for it", comesBack},
	{"L1", "is let go when the configuration drops it", isLetGo},
}

func begins(t *trial, code string) error {
	if err := t.join("1.0.0", code); err != nil {
		return err
	}
	if err := t.seen("serving", "1.0.0"); err != nil {
		return err
	}
	a, err := t.control("GET", "/v1/admin/modules/"+name)
	if err != nil {
		return err
	}
	if epoch, _ := a.Field("epoch"); epoch == "" || epoch == "0" {
		return errors.New("it serves in epoch 0: it was granted no UPDATE")
	}
	return nil
}

func answers(t *trial, _ string) error {
	a, err := t.ask(t.ctx, 0)
	if err := fromModule(a, err); err != nil {
		return err
	}
	if s := a.Header.Get("Modgate-Status"); s != "" {
		return fmt.Errorf("the core answered in its place: %s", s)
	}
	return nil
}

func isReplaced(t *trial, code string) error {
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	var clients sync.WaitGroup
	var mu sync.Mutex
	var broken error
	sent := 0
	for range 4 {
		clients.Go(func() {
			for ctx.Err() == nil {
				a, err := t.ask(t.ctx, 60)
				mu.Lock()
				sent++
				if err := fromModule(a, err); err != nil && broken == nil {
					broken = err
				}
				mu.Unlock()
				time.Sleep(2 * time.Millisecond) // they shall not starve the module
			}
		})
	}
	err := t.join("1.1.0", code)
	if err == nil {
		err = t.seen("serving", "1.1.0")
	}
	cancel()
	clients.Wait()
	if err != nil {
		return err
	}
	if broken != nil {
		return fmt.Errorf("of %d requests one failed: %w", sent, broken)
	}
	t.leave()
	return nil
}

func isMissed(t *trial, _ string) error {
	t.all[0].die()
	if err := t.seen("state", "delayed"); err != nil {
		return err
	}
	a, err := t.ask(t.ctx, 0)
	if err != nil {
		return err
	}
	if s, _ := a.Field("@Modgate-Status;"); a.Status != 503 || s != "delay" {
		return fmt.Errorf("want DELAY, got %v", a)
	}
	return nil
}

func comesBack(t *trial, _ string) error {
	type result struct {
		answer wire.Answer
		err    error
	}
	waited := make(chan result, 1)
	go func() {
		a, err := t.ask(t.ctx, 60)
		waited <- result{a, err}
	}()
	if err := t.launch(t.all[0]); err != nil {
		return err
	}
	r := <-waited
	return fromModule(r.answer, r.err)
}

func isLetGo(t *trial, code string) error {
	last := t.all[0]
	defer last.die() // after it is let go: else it may be lost before
	t.all = nil
	if err := t.configure(code); err != nil {
		return err
	}
	if a, err := t.control("POST", "/v1/admin/reload"); err != nil || a.Status != 200 {
		return fmt.Errorf("the core did not take the configuration: %v %w", a, err)
	}
	return t.seen("reason", "disconnected")
}
