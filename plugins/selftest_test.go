package plugins

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/modgate/modgate/core/adapter"
)

// insistent crashes at a request without a body.
var insistent = guest(importBody, `(if (i32.eqz (i32.wrap_i64 (call $read (i32.const 0) (i32.const 0) (i32.const 100)))) (then (unreachable)))`+next, ``, ``)

func TestGuestThatInsistsOnABodyIsTaken(t *testing.T) {
	var log bytes.Buffer
	w := load(t, insistent, func(o *Options) { o.Log, o.Most = slog.New(slog.NewTextHandler(&log, nil)), 1 })
	if !strings.Contains(log.String(), "adapter passes the self-test with one request, and not with another") || !strings.Contains(log.String(), "self-test: GET /: wasm error: unreachable") {
		t.Errorf("the log does not say at what it crashed:\n%s", log.String())
	}
	if err := w.pass(adapter.NewDraft("POST", "/", nil, []byte("1")), ok); err != nil {
		t.Errorf("it does not take a request: %v", err)
	}
	if told := w.told(); told != nil {
		t.Errorf("the self-test's crash is told as a client's: %+v", told)
	}
}

// What a guest is asked for is settled when it has begun: a new instance for
// one that crashed changes nothing under those who look.
func TestNewInstanceDoesNotSettleHooksAgain(t *testing.T) {
	w := load(t, insistent, func(o *Options) { o.Most = 1 })
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range tolerated {
				_ = w.pass(get("/"), ok) // crashes
				if w.Hooks() != adapter.HookTraffic {
					t.Errorf("hooks %b", w.Hooks())
				}
			}
		})
	}
	wg.Wait()
}
