// The adapter of a module that speaks a dialect of long ago, as the README of
// the examples describes it.
package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/modgate/modgate/sdk-wasm/go/adapter"
)

func main() {}

func init() { adapter.Register(legacy) }

var legacy = adapter.Adapter{
	OnRequest: request, OnResponse: response,
	Encode: encode, Reply: reply, Decode: decode,
	HealthRequest: probe, HealthResponse: judge,
}

func request(r *adapter.Request) {
	tenant := r.Header.Get("X-Tenant")
	if !isTenant(tenant) {
		r.Answer(400).Body.SetString("which tenant?\n")
		return
	}
	r.Header.Remove("X-Tenant")
	r.SetTarget("/v1/" + tenant + r.Target())
}

func isTenant(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return s != ""
}

func response(r *adapter.Response) {
	r.Header.Remove("Server")
	fault := r.Header.Get("X-Fault")
	if fault == "" {
		return
	}
	r.Header.Remove("X-Fault")
	status, err := strconv.Atoi(fault)
	if err != nil || status < 400 || status > 599 {
		status = 502
	}
	r.SetStatus(status)
}

func encode(e *adapter.Event, r *adapter.Request) adapter.Encoding {
	r.Header.Remove("Content-Type")
	r.SetMethod("PUT")
	r.Body.SetString("")
	switch {
	case e.Type == adapter.Poll:
		job, _ := e.Attribute("job")
		r.SetMethod("GET")
		r.SetTarget("/control/jobs/" + job)
	case e.Granted():
		r.SetTarget("/control/upgrade?epoch=" + strconv.FormatUint(e.Epoch(), 10))
	case e.Type == adapter.Resume:
		r.SetTarget("/control/resume")
	default:
		target := "/control/pause"
		if ms := e.TTL().Milliseconds(); ms > 0 {
			target += "?ms=" + strconv.FormatInt(ms, 10)
		}
		r.SetTarget(target)
		r.Body.SetString(e.Module() + ": " + e.Reason())
	}
	return adapter.Edited
}

func reply(r *adapter.Reply) adapter.Verdict {
	switch {
	case r.Failed:
		return adapter.Retry
	case r.Status() == 202:
		r.After(500 * time.Millisecond)
		r.Remember("job", r.Header.Get("X-Job"))
		return adapter.InProgress
	case r.Status() == 409:
		r.Reason(r.Body.String())
		return adapter.GiveUp
	}
	return r.ByRule()
}

func decode(m *adapter.Message) {
	switch m.Path() {
	case "/control/down":
		seconds, err := strconv.ParseUint(strings.TrimPrefix(m.Query(), "for="), 10, 16)
		if err != nil {
			m.Malformed()
			return
		}
		m.Announce(adapter.Announcement{Type: adapter.Disconnect, Expected: time.Duration(seconds) * time.Second})
		m.Answer(202)
	case "/control/up":
		m.Announce(adapter.Announcement{Type: adapter.Resumed})
		m.Answer(204)
	}
}

func probe(r *adapter.Request) { r.SetTarget("/control/status") }

func judge(r *adapter.Response) adapter.Health {
	switch {
	case r.Failed:
		return adapter.ByRule
	case r.Body.String() == "OK":
		return adapter.Up
	case r.Body.String() == "WARN":
		return adapter.Degraded
	case r.Body.String() == "START":
		return adapter.Starting
	}
	return adapter.Down
}
