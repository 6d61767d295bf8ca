package plugins

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/modgate/modgate/core/adapter"
	written "github.com/modgate/modgate/sdk-wasm/abi"
)

// The ABI's table, from which every SDK is made, says what the host has: no
// more, no less.
func TestTableOfTheABIIsTheHosts(t *testing.T) {
	table, err := written.Load()
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, m := range table.Modules {
		for _, f := range m.Functions {
			params, result := f.Signature()
			got = append(got, fmt.Sprintf("%s.%s(%s)%s", m.Name, f.Name, params, result))
		}
	}
	for _, m := range modules() {
		for _, f := range m.functions {
			if m.name == handlerModule || m.name == adapterModule {
				want = append(want, fmt.Sprintf("%s.%s(%s)%s", m.name, f.name, f.params, f.results))
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("functions of the table:\n%s\nof the host:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	numbers := map[string]int{}
	for _, c := range table.Constants {
		for _, v := range c.Values {
			numbers[c.Name+" "+v.Name] = v.Value
		}
	}
	got, want = nil, nil
	for _, f := range table.Exports {
		params, result := f.Signature()
		got = append(got, fmt.Sprintf("%s(%s)%s %d", f.Name, params, result, numbers["capability "+f.Capability]))
	}
	for _, e := range exportNames {
		want = append(want, fmt.Sprintf("%s(%s)%s %d", e.name, e.params, e.results, e.bit))
	}
	if !slices.Equal(got, want) {
		t.Errorf("exports of the table:\n%s\nof the host:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	host := map[string]int{
		"feature buffer_request": bufferRequest, "feature buffer_response": bufferResponse, "feature trailers": trailers,
		"kind request_header": int(adapter.RequestHeader), "kind response_header": int(adapter.ResponseHeader),
		"kind request_trailer": int(adapter.RequestTrailer), "kind response_trailer": int(adapter.ResponseTrailer),
		"body request": int(adapter.Request), "body response": int(adapter.Response),
		"level debug": int(levelDebug), "level info": int(levelInfo), "level warn": int(levelWarn), "level error": int(levelError), "level none": int(levelNone),
		"next answered": 0, "next forward": 1,
		"capability request": int(adapter.HookRequest), "capability response": int(adapter.HookResponse), "capability encode": int(adapter.HookEncode),
		"capability decode": int(adapter.HookDecode), "capability reply": int(adapter.HookReply), "capability probe": int(adapter.HookProbe),
		"capability exclusive":  aloneBit,
		"extension json_events": jsonEvents, "extension attributes": attributes, "extension properties": properties, "extension shared": sharedKV,
		"event delay": typeDelay, "event missing": typeMissing, "event resume": typeResume, "event poll": typePoll,
		"announce update": typeUpdate, "announce disconnect": typeDisconnect, "announce resume": typeResumed,
		"send nothing": sendNothing, "send edited": sendEdited, "send default": sendDefault,
		"error absent": absent, "error invalid": invalid, "error full": full,
	}
	for v := adapter.Acknowledged; v <= adapter.InProgress; v++ {
		host["verdict "+strings.ReplaceAll(v.String(), "-", "_")] = int(v - adapter.Acknowledged)
	}
	for h := adapter.ByRule; h <= adapter.Starting; h++ {
		host["health "+strings.ReplaceAll(h.String(), "-", "_")] = int(h)
	}
	for name, n := range numbers {
		if have, ok := host[name]; !ok || have != n {
			t.Errorf("%s is %d in the table, and %d, %v, in the host", name, n, have, ok)
		}
	}
	for name := range host {
		if _, ok := numbers[name]; !ok {
			t.Errorf("the table lacks %s", name)
		}
	}
}
