// Package tck plays http-wasm's technology compatibility kit, as its authors
// publish it, against a gateway. It is a module of its own: modgate depends on
// nothing of it.
package tck

import (
	"net/http"
	"os"
	"testing"

	"github.com/http-wasm/http-wasm-host-go/tck"
)

// TestTCK plays the kit, over each protocol, against what listens at
// MODGATE_TCK and has the kit's guest before the module at
// MODGATE_TCK_BACKEND, which this is.
func TestTCK(t *testing.T) {
	gateway := os.Getenv("MODGATE_TCK")
	if gateway == "" {
		t.Skip("MODGATE_TCK names no gateway")
	}
	tck.StartBackend(os.Getenv("MODGATE_TCK_BACKEND"))
	for name, protocols := range map[string]func(*http.Protocols){
		"HTTP1": func(p *http.Protocols) { p.SetHTTP1(true) },
		"HTTP2": func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) },
	} {
		t.Run(name, func(t *testing.T) {
			transport := &http.Transport{Protocols: new(http.Protocols)}
			protocols(transport.Protocols)
			tck.Run(t, &http.Client{Transport: transport}, gateway)
		})
	}
}
