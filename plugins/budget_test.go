package plugins

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/config"
)

// slow is an exchange of which each look at its protocol, or at its body, takes
// a while by the clock.
type slow struct {
	*adapter.Draft
	look, body time.Duration
	looks      int
}

func (s *slow) Protocol() string {
	s.looks++
	time.Sleep(s.look)
	return s.Draft.Protocol()
}

func (s *slow) Body(side adapter.Side, limit int) ([]byte, error) {
	time.Sleep(s.body)
	return s.Draft.Body(side, limit)
}

func byDefault(o *Options) { o.Plugin.Budget = config.DefaultPlugin().Budget }

// counting is a loop of so many turns, each of seven instructions.
func counting(turns int) string {
	return fmt.Sprintf(`(global.set $n (i32.const %d)) (loop $l (global.set $n (i32.sub (global.get $n) (i32.const 1))) (br_if $l (global.get $n)))`, turns)
}

const importProtocol = `(import "http_handler" "get_protocol_version" (func $protocol (param i32 i32) (result i32)))`

const counter = `(global $n (mut i32) (i32.const 0)) (func (export "modgate_capabilities") (result i32) (i32.const 1))`

func TestBudgetIsOfWorkAndNotOfTime(t *testing.T) {
	const look = `(drop (call $protocol (i32.const 0) (i32.const 0)))`
	const ask = `(drop (call $get_uri (i32.const 0) (i32.const 0)))` // which is answered in the guest's margin
	const edit = `(call $set (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 100) (i32.const 3000))`
	const read = `(drop (call $read (i32.const 0) (i32.const 100) (i32.const 100)))`
	some, much := counting(100_000), counting(10_000_000) // 5 slices and 530, of the 100 that the default has
	for name, c := range map[string]struct {
		code       string
		look, body time.Duration
		fault      adapter.Kind
	}{
		"little":                     {code: some},
		"on a starved machine":       {code: some + look + some, look: clockSlack},
		"with a slow client":         {code: some + read + some, body: time.Hour},
		"much":                       {code: much, fault: adapter.Overtime},
		"far too long by the clock":  {code: some + look + some, look: clockSlack + time.Second, fault: adapter.Overtime},
		"calls without end":          {code: `(loop $l ` + look + ` (br $l))`, fault: adapter.Overtime},
		"asks without end":           {code: `(loop $l ` + ask + ` (br $l))`, fault: adapter.Overtime},
		"notes without end":          {code: `(loop $l ` + strings.Repeat(edit, 20) + ` (br $l))`, fault: adapter.Misuse},
		"much memory, over and over": {code: `(i32.store8 (i32.const 0) (i32.const 47)) (loop $l (call $set_uri (i32.const 0) (i32.const 60000)) (br $l))`, fault: adapter.Overtime},
	} {
		t.Run(name, func(t *testing.T) {
			w := load(t, guest(importURI+importBody+importSet+importProtocol, `(if (i32.eq (call $get_uri (i32.const 0) (i32.const 0)) (i32.const 2)) (then `+c.code+`))`+next, ``, counter), byDefault)
			synctest.Test(t, func(t *testing.T) {
				x := &slow{Draft: adapter.NewDraft("GET", "/x", nil, []byte("body")), look: c.look, body: c.body}
				_, err := w.Request(x)
				told := w.told()
				if c.fault == "" {
					if err != nil || told != nil {
						t.Errorf("got %v, told %+v", err, told)
					}
					return
				}
				if !errors.Is(err, ErrFailed) || len(told) != 1 || told[0].Kind != c.fault {
					t.Errorf("got %v, told %+v, want %s", err, told, c.fault)
				}
				if most := int(100 * slice / callWork); x.looks > most {
					t.Errorf("it calls the host %d times, want at most %d", x.looks, most)
				}
			})
		})
	}
}
