package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/modgate/modgate/hcl/examples/library/modgate"
	"github.com/modgate/modgate/hcl/examples/library/modgatetest"
)

func TestMembersAreThereAfterARestart(t *testing.T) {
	g := modgatetest.New(t)
	data := t.TempDir()
	for _, step := range []struct {
		method, path, body, want string
		status                   int
	}{
		{http.MethodPost, "/members", `{"name":"Edsger Dijkstra"}`, `"m4"`, http.StatusCreated},
		{http.MethodGet, "/members/m4", ``, `Edsger Dijkstra`, http.StatusOK},
		{http.MethodGet, "/members/m5", ``, `no such member`, http.StatusNotFound},
		{http.MethodPost, "/members", `{}`, `want a name`, http.StatusBadRequest},
	} {
		in := g.Register(t, modgate.Registration{Module: "members", Version: version})
		m, err := OpenMembers(t.Context(), data, in)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, httptest.NewRequest(step.method, step.path, strings.NewReader(step.body)))
		if w.Code != step.status || !strings.Contains(w.Body.String(), step.want) {
			t.Errorf("%s %s: got %d %s, want %d %s", step.method, step.path, w.Code, w.Body, step.status, step.want)
		}
	}
}
