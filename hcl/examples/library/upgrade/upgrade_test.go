package main

import (
	"bytes"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// tryOn upgrades p and returns what was printed.
func tryOn(t *testing.T, p *platform) (printed string, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		err = run(t.Context(), options{clients: 4, rate: 40, limit: time.Minute}, p, &out)
		printed = out.String()
	})
	return printed, err
}

func TestSummaryOfAnUpgradeThatNobodyNoticed(t *testing.T) {
	printed, err := tryOn(t, newPlatform())
	if err != nil {
		t.Errorf("%v\n%s", err, printed)
	}
	for _, want := range []string{
		`0\.00s  catalogue 1\.4\.0 serves; 4 clients send 40 requests/s`,
		`2\.\d\ds  catalogue-2 started`,
		`2\.\d\ds  UPDATE waits: 1\.4\.0 finishes`,
		`3\.\d\ds  UPDATE granted: 1\.4\.0 is fenced`,
		`5\.\d\ds  RESUME: catalogue 2\.0\.0 serves`,
		`parked         [34] of these`, // one of each client, unless it was at its own pause
		`longest     [23]\.\d\d s`,
		`failed         0\n`,
		`0 lost, doubled or never asked for`,
	} {
		if !regexp.MustCompile(want).MatchString(printed) {
			t.Errorf("want %q in:\n%s", want, printed)
		}
	}
}

func TestEveryFlawIsFound(t *testing.T) {
	for _, tc := range []struct {
		flaw func(*platform)
		want string
	}{
		{func(p *platform) { p.lose = true }, "is there 0 times"},
		{func(p *platform) { p.double = true }, "is there 2 times"},
		{func(p *platform) { p.refuse = true }, "urn:modgate:delay"},
	} {
		p := newPlatform()
		tc.flaw(p)
		printed, err := tryOn(t, p)
		if err == nil || !strings.Contains(printed, tc.want) {
			t.Errorf("want a failure and %q, got %v:\n%s", tc.want, err, printed)
		}
	}
}

func TestNextReleaseIsTheFirstHigherOne(t *testing.T) {
	for serving, want := range map[string]string{"1.4.0": "catalogue-2", "2.0.0": "catalogue-2-1", "1.10.3": "catalogue-2", "2.1.0": ""} {
		got, err := next(serving)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("after %s: got %q, %v, want %q", serving, got, err, want)
		}
	}
}

func TestAgainStartsTheReleaseThatOwnsTheData(t *testing.T) {
	for floor, want := range map[string]string{"": "", "1.4.0": "", "2.0.0": "catalogue-2", "2.1.0": "catalogue-2-1"} {
		synctest.Test(t, func(t *testing.T) {
			p := newPlatform()
			p.state.Floor = floor
			if err := startAgain(t.Context(), admin{base: "http://control", http: &http.Client{Transport: p}}); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(p.started, " "); got != want {
				t.Errorf("floor %q: started %q, want %q", floor, got, want)
			}
			time.Sleep(time.Minute) // for what was started
		})
	}
}
