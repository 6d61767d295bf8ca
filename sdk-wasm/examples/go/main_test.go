package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/modgate/modgate/sdk-wasm/go/adapter"
	"github.com/modgate/modgate/sdk-wasm/go/adapter/adaptertest"
)

// These run without WebAssembly; ../cases is played in the gateway itself.

func TestTenantGoesIntoThePath(t *testing.T) {
	h := adaptertest.New(t, legacy, adaptertest.Options{})
	x := &adaptertest.Exchange{Target: "/items?limit=1", Header: http.Header{"X-Tenant": {"diku"}}}
	if !h.Request(x) || x.Target != "/v1/diku/items?limit=1" || len(x.Header) > 0 {
		t.Errorf("got %+v", x)
	}
	if x := (&adaptertest.Exchange{}); h.Request(x) || x.Answer.Status != 400 {
		t.Errorf("without a tenant: %+v", x.Answer)
	}
}

func TestUpgradeIsFollowed(t *testing.T) {
	h := adaptertest.New(t, legacy, adaptertest.Options{})
	x := h.Encode(adaptertest.Event{Type: adapter.Resume, Attributes: map[string]string{"outcome": "granted", "epoch": "7"}})
	if x.Method != "PUT" || x.Target != "/control/upgrade?epoch=7" || x.Body != "" {
		t.Errorf("got %+v", x)
	}
	x.Answer = &adaptertest.Answer{Status: 202, Header: http.Header{"X-Job": {"j1"}}}
	r := h.Reply(x)
	if r.Verdict != adapter.InProgress || r.After != 500*time.Millisecond {
		t.Errorf("got %+v", r)
	}
	if x := h.Encode(adaptertest.Event{Type: adapter.Poll, Attributes: r.Memory}); x.Method != "GET" || x.Target != "/control/jobs/j1" {
		t.Errorf("got %+v", x)
	}
}
