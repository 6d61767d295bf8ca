package gateway

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// A module says when it registers that it speaks HTTP/2, and is spoken to so,
// whatever the client speaks.
func TestModuleSaysWhatItSpeaks(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, r.Proto) }))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	defer s.Close()
	r := start(t)
	var out message.Registered
	reg := message.Registration{
		Module: "loans", Version: module.MustVersion("1.0.0"), Instance: "loans-a", Upstream: s.URL, Protocol: message.H2C,
		Routes: []message.Route{{Path: "/loans"}},
	}
	if status, err := r.caller.call("POST", "/v1/instances", reg, &out); err != nil || status != http.StatusCreated {
		t.Fatalf("register: %d %v", status, err)
	}
	(&instance{r, "loans-a", out.Token, 0}).say(message.Resume)

	h2 := &http.Transport{Protocols: new(http.Protocols)}
	h2.Protocols.SetUnencryptedHTTP2(true)
	defer h2.CloseIdleConnections()
	for proto, client := range map[string]*http.Client{
		"HTTP/1.1": {Timeout: 10 * time.Second}, "HTTP/2.0": {Transport: h2, Timeout: 10 * time.Second},
	} {
		resp, err := client.Get(r.data + "/loans")
		if err != nil {
			t.Fatal(err)
		}
		var got string
		_, _ = fmt.Fscan(resp.Body, &got)
		resp.Body.Close()
		if resp.Proto != proto || got != "HTTP/2.0" {
			t.Errorf("the client spoke %s, the module was spoken to by %s", resp.Proto, got)
		}
	}

	reg.Protocol, reg.Instance = message.H2, "loans-b"
	if status, err := r.caller.call("POST", "/v1/instances", reg, nil); status != http.StatusBadRequest {
		t.Errorf("h2 of an http origin: %d %v, want 400", status, err)
	}
}
