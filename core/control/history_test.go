package control

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// history returns what is remembered of m, a line for each.
func (p *platform) history() string {
	p.t.Helper()
	all, known := p.History("m")
	if !known {
		p.t.Fatal("no history of m")
	}
	var b strings.Builder
	for _, h := range all {
		fmt.Fprintf(&b, "%s", strings.Join(strings.Fields(h.Event+" "+h.Instance+" "+h.Detail), " "))
		if h.Who != "" {
			fmt.Fprintf(&b, " by %s: %s", h.Who, h.Why)
		}
		fmt.Fprintf(&b, " | %s\n", strings.Join(h.Followed, "; "))
	}
	return b.String()
}

func TestHistorySaysWhatHappenedAndWhatFollowed(t *testing.T) { // O1, G1
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		old := p.register("m", "1.0.0", "m-1")
		p.say(old.Token, message.Resume)
		next := p.register("m", "2.0.0", "m-2")
		run := p.state("m").Serving.Instances[0].Enter(0)
		if run == nil {
			t.Fatal("no run begins")
		}
		p.say(next.Token, message.Update)
		if _, err := p.Override("m", message.Override{Type: message.Grant, Who: "ada", Why: "it hangs"}); err != nil {
			t.Fatal(err)
		}
		want := `registered m-1 1.0.0 | m-1 (1.0.0) is starting; unknown → delayed (starting, until 00:00:30Z); parked requests look again
resume m-1 | m-1: starting → serving; delayed (starting, until 00:00:30Z) → ready 1.0.0; parked requests look again
registered m-2 2.0.0 | m-2 (2.0.0) is starting
update m-2 | m-1: serving → draining; m-2: starting → waiting; ready 1.0.0 → delayed (waiting, until 00:00:30Z); parked requests look again
override grant by ada: it hangs | m-1: draining → fenced; m-2: waiting → updating; UPDATE to 2.0.0 granted to m-2; delayed (waiting, until 00:00:30Z) → delayed (updating, until 00:02:00Z); epoch 1; floor 2.0.0; parked requests look again
`
		if got := p.history(); got != want {
			t.Errorf("the history is\n%swant\n%s", got, want)
		}
		run.Leave()
		synctest.Wait()
		p.close()
		p.open()
		defer p.close()
		if got := p.history(); got != want+"restarted | \n" {
			t.Errorf("after a restart it is\n%s", got)
		}
	})
}

func TestHistorySaysWhatAPolicyDidToAnUpdate(t *testing.T) { // U1
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		one := p.register("m", "1.0.0", "m-1")
		p.say(one.Token, message.Resume)
		p.note(func() {
			p.policy = fallback.Decision{Action: fallback.Defer, TTL: 5 * time.Second, Detail: "not before midnight"}
		})
		p.say(one.Token, message.Update)
		p.note(func() { p.policy = fallback.Decision{Action: fallback.Deny, Detail: "never"} })
		time.Sleep(5 * time.Second)
		synctest.Wait()
		const want = "update m-1 | the UPDATE of m-1 is put off until 00:00:05Z: not before midnight\n" +
			"deadline | the UPDATE of m-1 is refused: never\n"
		if got := p.history(); !strings.HasSuffix(got, want) {
			t.Errorf("the history is\n%swant at its end\n%s", got, want)
		}
		p.close()
	})
}

func TestHistoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		for range keptHappenings {
			p.say(p.register("m", "1.0.0", "m-1").Token, message.Resume)
		}
		if all, _ := p.History("m"); len(all) != keptHappenings || all[keptHappenings-1].Event != "resume" {
			t.Errorf("%d are kept, the last %+v", len(all), all[len(all)-1])
		}
		if _, known := p.History("nobody"); known {
			t.Error("there is a history of nobody")
		}
		for i := range 2 * keptFollowed {
			p.register("m", "1.0.0", fmt.Sprint("x-", i))
		}
		if _, err := p.Override("m", message.Override{Type: message.Drop, Version: module.MustVersion("1.0.0"), Who: "ada", Why: "enough"}); err != nil {
			t.Fatal(err)
		}
		all, _ := p.History("m")
		if said := all[len(all)-1].Followed; len(said) != keptFollowed || !strings.HasPrefix(said[keptFollowed-1], "and ") {
			t.Errorf("%d words followed, the last %q", len(said), said[len(said)-1])
		}
	})
}

func TestHistoryOutlivesTheDropOfItsModule(t *testing.T) { // O1
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		p.say(p.register("m", "1.0.0", "m-1").Token, message.Resume)
		if _, err := p.Override("m", message.Override{Type: message.Drop, Who: "ada", Why: "it is gone"}); err != nil {
			t.Fatal(err)
		}
		if got := p.history(); !strings.HasSuffix(got, "override drop by ada: it is gone | m-1 is forgotten; ready 1.0.0 → unknown; parked requests look again\n") {
			t.Errorf("the history is\n%s", got)
		}
	})
}

func TestWhatChangesNothingIsNoHappening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		m := p.register("m", "1.0.0", "m-1")
		p.say(m.Token, message.Resume)
		p.happened = nil
		time.Sleep(time.Second)
		p.seq-- // a repetition (U7)
		p.say(m.Token, message.Resume)
		if _, err := p.apply("m", lifecycle.Tick{}); err != nil {
			t.Fatal(err)
		}
		if len(p.happened) != 0 {
			t.Errorf("happened: %+v", p.happened)
		}
	})
}

func TestEveryEventHasItsWord(t *testing.T) {
	events := map[string]lifecycle.Event{
		"configured":  lifecycle.Configured{},
		"registered":  lifecycle.Registered{},
		"update":      lifecycle.Announced{Announcement: message.Announcement{Type: message.Update}},
		"resume":      lifecycle.Announced{Announcement: message.Announcement{Type: message.Resume}},
		"disconnect":  lifecycle.Announced{Announcement: message.Announcement{Type: message.Disconnect}},
		"lost":        lifecycle.Lost{},
		"unreachable": lifecycle.Unreachable{},
		"healthy":     lifecycle.Healthy{},
		"reachable":   lifecycle.Reachable{},
		"drained":     lifecycle.Drained{},
		"restarted":   lifecycle.Restarted{},
		"yielded":     lifecycle.Yielded{},
		"override":    lifecycle.Overridden{},
		"deadline":    lifecycle.Tick{},
	}
	for word, ev := range events {
		var h Happening
		if h.describe(ev); h.Event != word {
			t.Errorf("%T is %q, want %q", ev, h.Event, word)
		}
	}
	source, err := os.ReadFile("../lifecycle/event.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^func \((\w+)\) event\(\)`).FindAllSubmatch(source, -1) {
		if !slices.ContainsFunc(slices.Collect(maps.Values(events)), func(ev lifecycle.Event) bool { return fmt.Sprintf("%T", ev) == "lifecycle."+string(m[1]) }) {
			t.Errorf("%s has no word", m[1])
		}
	}
	document, err := os.ReadFile("../api/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var described struct {
		Components struct {
			Schemas struct {
				Happening struct {
					Properties struct{ Event struct{ Enum []string } }
				}
			}
		}
	}
	if err := json.Unmarshal(document, &described); err != nil {
		t.Fatal(err)
	}
	got, want := described.Components.Schemas.Happening.Properties.Event.Enum, slices.Collect(maps.Keys(events))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("openapi.json describes %q, want %q", got, want)
	}
}
