package proxy

import (
	"net/http"
	"testing"
	"time"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// RFC 9110 9.1: a method that nobody has heard of is 501, unless a route names
// it; 15.5.6: one that the path's routes do not take is 405, with those that
// they do.
func TestMethodsThatAreNotTaken(t *testing.T) {
	g := start(t)
	g.ready(g.module("m",
		route.Entry{Path: "/any"}, route.Entry{Path: "/own", Methods: []string{"PURGE"}}, route.Entry{Path: "/own/*"},
		route.Entry{Path: "/items/{id}", Methods: []string{"PUT", "GET"}}, route.Entry{Path: "/items/*", Methods: []string{"DELETE", "GET"}},
		route.Entry{Path: "/gone", RemovedIn: "2.0.0"},
	), instance("a", "m", "1.0.0", answers(t, "hello")))
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/any", 200, ""},
		{"PROPFIND", "/any", 200, ""},
		{"get", "/any", 501, ""},
		{"FOOBAR", "/any", 501, ""},
		{"PURGE", "/any", 501, ""},
		{"PURGE", "/own", 200, ""},
		{"PURGE", "/own/x", 501, ""},
		{"GET", "/own", 405, "PURGE"},
		{"FOOBAR", "/own", 405, "PURGE"},
		{"POST", "/items/1", 405, "DELETE, GET, PUT"},
		{"POST", "/items/1/2", 405, "DELETE, GET"},
		{"DELETE", "/items/1", 200, ""},
		{"FOOBAR", "/nowhere", 404, ""},
	} {
		resp, body := g.do(c.method, c.path, "")
		if resp.StatusCode != c.status || resp.Header.Get("Allow") != c.allow || resp.Close {
			t.Errorf("%s %s: %d, Allow %q, closed %v; want %d, %q", c.method, c.path, resp.StatusCode, resp.Header.Get("Allow"), resp.Close, c.status, c.allow)
		}
		if c.status == http.StatusMethodNotAllowed || c.status == http.StatusNotImplemented {
			wantProblem(t, resp, body, c.status, message.ProblemMethod, message.NoReason)
			if got := resp.Header.Get("Proxy-Status"); got != "modgate; error=http_request_denied" {
				t.Errorf("Proxy-Status = %q", got)
			}
		}
	}
	if resp, _ := ask(t, overH2(t, nil), "POST", "http://"+g.address+"/items/1", nil); resp.StatusCode != 405 || resp.Header.Get("Allow") != "DELETE, GET, PUT" {
		t.Errorf("by HTTP/2: %d %v", resp.StatusCode, resp.Header)
	}

	// G3: a false 405 is no better than a false 404.
	g.publish(func(gen *route.Generation) { gen.StartingUntil = time.Now().Add(time.Minute) })
	resp, body := g.do("POST", "/items/1", "")
	wantProblem(t, resp, body, 503, message.ProblemDelay, message.ReasonStarting)
}
