package api

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/modgate/modgate/core/message"
)

func overridesStory(t *testing.T) { // O1
	p := newPlatform(t)
	p.serve("m", "1.0.0", "m-1", `,"routes":[{"path":"/m"}]`)
	const path, missing = "/v1/admin/modules/m/overrides", `{"type":"missing","who":"ada","why":"a leak"}`
	var m moduleView
	p.call("POST", path, "admin", missing).want(http.StatusOK).decode(&m)
	if m.State.State != message.Missing || m.Reason != message.ReasonForced || len(m.Overrides) != 1 || m.Overrides[0].Why != "a leak" {
		t.Errorf("forced to be missing: %+v", m)
	}
	p.call("POST", path, "admin", missing).problem(http.StatusConflict, message.ProblemConflict)
	p.call("POST", path, "m-1", missing).problem(http.StatusUnauthorized, message.ProblemTokenRequired)
	wrong := p.call("POST", path, "admin", `{"type":"promote","who":"ada"}`).problem(http.StatusBadRequest, message.ProblemInvalid)
	if len(wrong.Errors) != 2 || wrong.Errors[0].Pointer != "/why" || wrong.Errors[1].Pointer != "/version" {
		t.Errorf("faults %+v, want why and version", wrong.Errors)
	}
	p.call("POST", path, "admin", strings.Repeat(" ", maxBody+1)).problem(http.StatusRequestEntityTooLarge, message.ProblemTooLarge)
	p.call("POST", path, "admin", missing, "Content-Type", "text/plain").problem(http.StatusUnsupportedMediaType, message.ProblemMediaType)
	p.call("POST", "/v1/admin/modules/nobody/overrides", "admin", missing).problem(http.StatusNotFound, message.ProblemUnknown)
	p.store.Close()
	p.call("POST", path, "admin", `{"type":"lift","who":"ada","why":"it is found"}`).problem(http.StatusServiceUnavailable, message.ProblemUnavailable)
}

func TestHistorySaysWhoAndWhy(t *testing.T) { // O1
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		p.serve("m", "1.0.0", "m-1")
		p.call("POST", "/v1/admin/modules/m/overrides", "admin", `{"type":"promote","version":"1.0.0","who":"ada","why":"2.0.0 is bad"}`).want(http.StatusOK)
		all, _ := p.control.History("m")
		h := all[len(all)-1]
		if h.Event != "override" || h.Detail != "promote 1.0.0" || h.Who != "ada" || h.Why != "2.0.0 is bad" {
			t.Errorf("the history says %+v", h)
		}
	})
}
