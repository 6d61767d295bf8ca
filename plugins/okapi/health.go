package main

import (
	"encoding/json"

	"github.com/modgate/modgate/sdk-wasm/go/adapter"
)

// healthRequest asks the module's admin endpoint, unless the probe's path says
// something else.
func (s *settings) healthRequest(r *adapter.Request) {
	if r.Target() == "/" && s.Health != "any" {
		r.SetTarget(s.Health)
	}
}

// healthResponse reads what Spring's actuator says beside its status; other
// modules answer with a status only. By Okapi's own rule any answer will do.
func (s *settings) healthResponse(r *adapter.Response) adapter.Health {
	if r.Failed {
		return adapter.ByRule
	}
	if s.Health == "any" {
		return adapter.Up
	}
	var said struct{ Status string }
	if json.Unmarshal(r.Body.Bytes(), &said) != nil {
		return adapter.ByRule
	}
	switch said.Status {
	case "UP":
		return adapter.Up
	case "DOWN", "OUT_OF_SERVICE":
		return adapter.Down
	case "UNKNOWN":
		if r.Status() == 200 {
			return adapter.Degraded
		}
	}
	return adapter.ByRule
}
