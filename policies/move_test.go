package policies

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/fallback"
)

const graceOf = "package modgate.site\ngrace := {\"grace_s\": %s}\n"

func grace(t *testing.T, dir, seconds string) {
	t.Helper()
	write(t, dir, "site/a.rego", strings.ReplaceAll(graceOf, "%s", seconds))
}

func TestAnotherFolderTakesThePlace(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	grace(t, one, "10")
	write(t, one, "modules/loans/l.rego", "package modgate.modules.loans\ngrace := {\"grace_s\": 90}\n")
	e, err := Open(Options{Dir: one})
	if err != nil {
		t.Fatal(err)
	}
	wants := func(want time.Duration) {
		t.Helper()
		if got := e.Decide(delayed(fallback.Grace, "loans")).TTL; got != want {
			t.Errorf("grace %v, want %v", got, want)
		}
	}
	wants(90 * time.Second)

	grace(t, two, "20 +")
	var wrong Diagnostics
	if _, err := e.Read(two, nil); !errors.As(err, &wrong) || wrong[0].File != "site/a.rego" || wrong[0].Line != 2 {
		t.Errorf("a broken folder: %v", err)
	}
	grace(t, two, "20")
	if _, err := e.Read(two, map[string]string{"loans": "patient"}); !errors.As(err, &wrong) || !strings.Contains(wrong[0].String(), "patient") {
		t.Errorf("a unit that is not there: %v", err)
	}
	if _, err := e.Read(two+"/absent", nil); err == nil || errors.As(err, &wrong) {
		t.Errorf("a folder that is not there: %v", err)
	}
	wants(90 * time.Second)

	before, _ := e.Fingerprint()
	r, err := e.Read(two, nil)
	if err != nil {
		t.Fatal(err)
	}
	wants(90 * time.Second)
	e.Move(r)
	wants(20 * time.Second)
	if after, err := e.Fingerprint(); err != nil || after == before {
		t.Errorf("the fingerprint is that of the folder before: %v", err)
	}
	grace(t, two, "30")
	if err := e.Reload(); err != nil {
		t.Fatal(err)
	}
	wants(30 * time.Second)

	if r, err = e.Read("", nil); err != nil {
		t.Fatal(err)
	}
	e.Move(r)
	wants(0)
}
