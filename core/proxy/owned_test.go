package proxy

import (
	"testing"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/plugins/adaptertest"
)

// Authors of adapters are told what they cannot write.
func TestTestKitKnowsWhatAdaptersCannotWrite(t *testing.T) {
	var _ adapter.Exchange = (*adapted)(nil)
	for _, name := range []string{
		"Connection", "Content-Length", "Transfer-Encoding", "Keep-Alive", "TE", "Upgrade", "Proxy-Connection", "Proxy-Authorization",
		"Proxy-Authenticate", "Expect", "HTTP2-Settings", "Forwarded", "X-Real-IP", "Client-Cert", "Client-Cert-Chain", "Modgate-Token",
		"Modgate-Run", "Modgate-Timeout", "Modgate-Request-Id", "Modgate-Status", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host",
		"Accept", "Content-Type", "X-Okapi-Tenant", "Cookie", "Prefer", "Idempotency-Key", "Authorization",
	} {
		if got, want := adaptertest.Owned(name), !forwardable([]byte(name)); got != want {
			t.Errorf("%s: the kit says %v, the proxy %v", name, got, want)
		}
	}
}
