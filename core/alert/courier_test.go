package alert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// flaky fails so many times, then takes everything.
type flaky struct {
	notebook
	failures int
}

func (f *flaky) Send(ctx context.Context, r Report) error {
	if f.failures > 0 {
		f.failures--
		return errors.New("it is away")
	}
	return f.notebook.Send(ctx, r)
}

func TestCourierTriesUntilTheSinkTakesIt(t *testing.T) { // G5
	synctest.Test(t, func(t *testing.T) {
		slow, quick := &flaky{failures: 6}, &notebook{}
		c := OpenCourier(slow, Info, slog.New(slog.DiscardHandler))
		d := Open(Options{Sinks: []Sink{c, quick}})
		d.Raise(missing("inventory"))
		d.Clear("missing/inventory")
		quick.wants(t, "begun missing/inventory inventory is missing", "ended missing/inventory inventory is missing")
		time.Sleep(62 * time.Second)
		slow.wants(t)
		time.Sleep(time.Second) // after 1 + 2 + 4 + 8 + 16 + 32 s
		slow.wants(t, "begun missing/inventory inventory is missing", "ended missing/inventory inventory is missing")
		d.Close()
		c.Close()
	})
}

func TestCourierGivesUpWhatIsOldAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		sink := &flaky{failures: 1 << 30}
		c := OpenCourier(sink, Info, slog.New(slog.NewTextHandler(&text, nil)))
		if err := c.Send(t.Context(), Report{Incident: Incident{Alert: missing("inventory")}, Occasion: Begun, Time: time.Now()}); err != nil {
			t.Error(err)
		}
		time.Sleep(givenUpAfter + longestPause)
		synctest.Wait()
		if got := text.String(); !strings.Contains(got, "inventory is missing") || !strings.Contains(got, "it is away") {
			t.Errorf("logged %q", got)
		}
		c.Close()
	})
}

func TestCourierBringsOnlyWhatIsSevereEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &notebook{}
		c := OpenCourier(n, Critical, slog.New(slog.DiscardHandler))
		for _, s := range []Severity{Info, Warning, Critical} {
			if err := c.Send(t.Context(), Report{Incident: Incident{Alert: Alert{Severity: s, Key: s.String()}}, Occasion: Begun}); err != nil {
				t.Error(err)
			}
		}
		n.wants(t, "begun critical")
		c.Close()
	})
}

func TestCourierIsBoundedAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := OpenCourier(&flaky{failures: 1 << 30}, Info, slog.New(slog.DiscardHandler))
		var full error
		for i := range maxQueue + 2 {
			full = c.Send(t.Context(), Report{Incident: Incident{Alert: missing(fmt.Sprint(i))}, Time: time.Now()})
		}
		if !errors.Is(full, errFull) {
			t.Errorf("got %v, want errFull", full)
		}
		begin := time.Now()
		c.Close()
		c.Close()
		if took := time.Since(begin); took != closeLimit {
			t.Errorf("Close took %v, want %v", took, closeLimit)
		}
	})
}

// What waits for a sink that takes nothing goes to the one in its place, at
// once.
func TestWhatWaitsGoesToTheNextSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrong, right := &flaky{failures: 1 << 30}, &notebook{}
		c := OpenCourier(wrong, Info, slog.New(slog.DiscardHandler))
		d := Open(Options{Sinks: []Sink{c}})
		d.Raise(missing("inventory"))
		d.Clear("missing/inventory")
		time.Sleep(10 * time.Minute)
		c.Redirect(right, Critical)
		right.wants(t, "begun missing/inventory inventory is missing", "ended missing/inventory inventory is missing")
		d.Raise(Alert{Key: "cycle", Severity: Warning, Summary: "a waits for itself"})
		right.wants(t)
		d.Close()
		c.Close()
	})
}

// A courier that is needed no longer brings what it has, in its own time.
func TestRetiredCourierBringsWhatItHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, other := &flaky{failures: 6}, &notebook{}
		c := OpenCourier(slow, Info, slog.New(slog.DiscardHandler))
		d := Open(Options{Sinks: []Sink{c}})
		defer d.Close()
		d.Raise(missing("inventory"))
		synctest.Wait()
		d.Redirect([]Sink{other})
		done := c.Retire()
		d.Raise(missing("users"))
		other.wants(t, "begun missing/users users is missing")
		time.Sleep(62 * time.Second)
		select {
		case <-done:
			t.Error("it has given up")
		default:
		}
		time.Sleep(time.Second)
		slow.wants(t, "begun missing/inventory inventory is missing")
		<-done
		c.Close()
	})
}
