package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

// The views are written as the control API writes them.
const (
	waitingView = `{"module":"inventory","state":"delayed","reason":"waiting","since":"2026-11-23T12:00:00Z","ttl":"7.94s","turn":9,"epoch":1,
		"parked":12,"longest_wait":"2.1s","versions":[
		{"version":"1.9.0","phase":"draining","grace_left":"7.94s","instances":[{"id":"a","upstream":"http://h","phase":"draining","runs":2}],
		 "requirements":[{"id":"users","range":">= 1.4","state":"delayed","reason":"disconnected","found":"1.5.0","module":"users"}]},
		{"version":"2.0.0","phase":"waiting","instances":[]}]}`
	drainingView = `{"module":"inventory","state":"ready","serving":"2.0.0","turn":9,"epoch":2,"parked":0,"versions":[
		{"version":"1.9.0","phase":"draining","grace_left":"7.94s","instances":[]},
		{"version":"2.0.0","phase":"serving","instances":[]}]}`
	unmetView = `{"module":"loans","state":"ready","serving":"1.0.0","turn":3,"epoch":0,"parked":0,"versions":[
		{"version":"1.0.0","phase":"serving","instances":[],"requirements":[
		 {"id":"items","range":"1.3","state":"missing","reason":"version","found":"1.1","module":"inventory"},
		 {"id":"tags","range":"1","optional":true,"state":"missing","reason":"expired","module":"tags"},
		 {"id":"users","range":"1","state":"met","found":"1.5.0","module":"users"}]},
		{"version":"0.9.0","phase":"idle","instances":[{"id":"old","upstream":"http://h","phase":"idle","runs":0}],
		 "requirements":[{"id":"old","range":"1","state":"missing","reason":"unknown"}]},
		{"version":"0.8.0","phase":"fenced","instances":[{"id":"older","upstream":"http://h","phase":"fenced","runs":1}],
		 "requirements":[{"id":"older","range":"1","state":"missing","reason":"unknown"}]},
		{"version":"1.1.0","phase":"starting","instances":[],"requirements":[{"id":"new","range":"1","state":"missing","reason":"unknown"}]}]}`
	missingView = `{"module":"users","state":"missing","reason":"expired","since":"2026-11-23T10:00:00Z","turn":4,"epoch":0,"parked":0,"versions":[]}`
)

func TestStatusShowsWhatMatters(t *testing.T) {
	for _, tt := range []struct {
		name  string
		views []string
		want  string
		code  int
	}{
		{"an UPDATE waits for the older version", []string{waitingView}, `
modules: 0 ready, 1 delayed; 12 parked

MODULE     STATE    VERSION         WHY      SINCE    LEFT  PARKED
inventory  delayed  1.9.0 -> 2.0.0  waiting  10s ago  7.9s  12, for up to 2.1s

UNMET BY         REQUIRES         STATE    WHY
inventory 1.9.0  users >= 1.4     delayed  disconnected
`, exitDelayed},
		{"an older version drains", []string{drainingView}, `
modules: 1 ready

MODULE     STATE  VERSION  WHY           SINCE  LEFT  PARKED
inventory  ready  2.0.0    1.9.0 drains  -      7.9s  -
`, exitOK},
		{"the worst first, only versions in use", []string{drainingView, unmetView, missingView}, `
modules: 2 ready, 1 missing

MODULE     STATE    VERSION  WHY           SINCE       LEFT  PARKED
users      missing  -        expired       2h0m ago    -     -
inventory  ready    2.0.0    1.9.0 drains  -           7.9s  -
loans      ready    1.0.0    -             -           -     -

UNMET BY     REQUIRES                 STATE    WHY
loans 1.0.0  items 1.3 of inventory   missing  found 1.1
loans 1.0.0  tags 1 (optional)        missing  expired
loans 0.8.0  older 1                  missing  nobody provides it
`, exitMissing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var view modulesView
			if err := json.Unmarshal([]byte(`{"modules":[`+strings.Join(tt.views, ",")+`]}`), &view); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			if err := printStatus(&out, view.Modules, time.Date(2026, 11, 23, 12, 0, 10, 0, time.UTC)); err != nil {
				t.Fatal(err)
			}
			if got, want := squeeze(out.String()), squeeze(tt.want); got != want {
				t.Errorf("got\n%s\nwant\n%s", out.String(), tt.want)
			}
			code := exitOK
			var worse *exit
			if errors.As(worst(view.Modules), &worse) {
				code = worse.code
			}
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
		})
	}
}

// squeeze drops what aligns columns.
func squeeze(s string) string {
	var lines []string
	for line := range strings.Lines(strings.TrimSpace(s)) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}
