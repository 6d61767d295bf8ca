package proxy

import (
	"testing"
	"time"

	"github.com/modgate/modgate/core/message"
)

func TestReadyModuleIsRelayed(t *testing.T) {
	g := start(t)
	m := g.module("inventory")
	g.ready(m, instance("a", "inventory", "1.0.0", answers(t, "hello")))
	for range 3 {
		resp, body := g.do("GET", "/inventory/x?y=1", "")
		if resp.StatusCode != 200 || body != "hello" {
			t.Errorf("answer = %d %q, want 200 hello", resp.StatusCode, body)
		}
	}
}

func TestParkedRequestIsReleasedByResume(t *testing.T) {
	g := start(t)
	m := g.module("inventory")
	g.away(m, message.ReasonUpdating, time.Minute)
	go func() {
		eventually(t, "parked", func() bool { return g.room.Parked("inventory").Parked == 1 })
		g.ready(m, instance("a", "inventory", "1.0.0", answers(t, "hello")))
	}()
	resp, body := g.do("GET", "/inventory", "")
	if resp.StatusCode != 200 || body != "hello" {
		t.Errorf("answer = %d %q, want 200 hello", resp.StatusCode, body)
	}
	t.Log(resp.Header)
}
