// Okapi is the adapter for modules of FOLIO that were written for its gateway
// Okapi, and are not to be changed: a grant of UPDATE becomes calls of their
// tenant interface, one tenant after the other; the end of the last one is
// their RESUME; and each request has the headers that Okapi would give it.
//
// It decides what such a module is asked, and what its answers mean. It keeps
// nothing between two of them: how far an update is stands in what the gateway
// remembers for it. It checks no permission and no token's signature.
package main

import (
	"math/rand/v2"
	"strconv"

	"github.com/modgate/modgate/sdk-wasm/go/adapter"
)

func main() {}

func init() {
	var s settings
	adapter.Register(okapi(&s))
}

// okapi is the adapter; its settings are read into s when it is configured.
func okapi(s *settings) adapter.Adapter {
	return adapter.Adapter{
		Configure:      func(c *adapter.Config) error { return s.read(c.Text) },
		OnRequest:      s.request,
		Encode:         s.encode,
		Reply:          s.reply,
		HealthRequest:  s.healthRequest,
		HealthResponse: s.healthResponse,
	}
}

// Okapi's headers.
const (
	urlHeader       = "X-Okapi-Url"
	urlToHeader     = "X-Okapi-Url-To"
	tenantHeader    = "X-Okapi-Tenant"
	tokenHeader     = "X-Okapi-Token"
	userHeader      = "X-Okapi-User-Id"
	requestIDHeader = "X-Okapi-Request-Id"
	addressHeader   = "X-Okapi-Request-Ip"
	timeHeader      = "X-Okapi-Request-Timestamp"
	methodHeader    = "X-Okapi-Request-Method"
	patternHeader   = "X-Okapi-Match-Path-Pattern"
)

// supertenant is whose requests are that name no tenant.
const supertenant = "supertenant"

// requestID appends what Okapi appends for each hop: a number, and the first
// segment of the path.
func requestID(before, path string) string {
	if before != "" {
		before += ";"
	}
	number := strconv.Itoa(1_000_000 + rand.IntN(1_000_000))[1:]
	return before + number + firstSegment(path)
}

// firstSegment returns "/loans" of "/loans/1", and "/_/tenant" of what is
// Okapi's own.
func firstSegment(path string) string {
	start := 0
	if len(path) >= 3 && path[:3] == "/_/" {
		start = 2
	}
	for i := start + 1; i < len(path); i++ {
		if path[i] == '/' || path[i] == '?' {
			return path[:i]
		}
	}
	return path
}
