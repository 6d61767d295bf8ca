package foliotest_test

import (
	"errors"
	"io"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/plugins/okapi/foliotest"
)

// send sends m a request as Okapi would, and returns status and body. Fields
// are pairs; an empty value takes one away.
func send(m *foliotest.Module, method, target, body string, fields ...string) (int, string) {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	fields = append([]string{
		foliotest.TenantHeader, "diku", foliotest.URLHeader, "http://okapi", foliotest.TokenHeader, "t", foliotest.RequestIDHeader, "1/loans",
	}, fields...)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
		if fields[i+1] == "" {
			r.Header.Del(fields[i])
		}
	}
	w := httptest.NewRecorder()
	m.ServeHTTP(w, r)
	answer, _ := io.ReadAll(w.Result().Body)
	return w.Code, w.Header().Get("Location") + string(answer)
}

func TestTenantInterfaceByItsVersion(t *testing.T) {
	const enable, upgrade = `{"module_to":"mod-loans-1.0.0"}`, `{"module_from":"mod-loans-0.9.0","module_to":"mod-loans-1.0.0","purge":false,"parameters":[]}`
	for _, c := range []struct {
		version, method, target, body string
		status                        int
	}{
		{"1.0", "POST", "/_/tenant", enable, 201},
		{"1.0", "POST", "/_/tenant", upgrade, 400},
		{"1.0", "POST", "/_/tenant", `{"module_to":"mod-loans-2.0.0"}`, 400},
		{"1.0", "POST", "/_/tenant/disable", "", 404},
		{"1.0", "DELETE", "/_/tenant", "", 204},
		{"1.1", "POST", "/_/tenant/disable", `{"module_from":"mod-loans-1.0.0"}`, 204},
		{"1.2", "POST", "/_/tenant", `{"module_to":"mod-loans-1.0.0","parameters":[{"key":"a","value":"b"}]}`, 201},
		{"1.2", "GET", "/_/tenant/1", "", 404},
		{"2.0", "POST", "/_/tenant", upgrade, 204},
		{"2.0", "POST", "/_/tenant", "{}", 400},
		{"2.0", "POST", "/_/tenant", `{"module_from":"mod-loans-1.0.0","purge":true}`, 204},
		{"2.0", "DELETE", "/_/tenant", "", 404},
		{"2.0", "GET", "/_/tenant/none", "", 404},
	} {
		m := &foliotest.Module{ID: "mod-loans-1.0.0", Path: "/loans", Tenant: c.version, Data: &foliotest.Data{}}
		if status, body := send(m, c.method, c.target, c.body); status != c.status {
			t.Errorf("%s: %s %s %s is answered %d %s, want %d", c.version, c.method, c.target, c.body, status, body, c.status)
		}
	}
}

func TestJobOfVersion2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken error
		m := &foliotest.Module{ID: "mod-loans-1.0.0", Path: "/loans", Tenant: "2.0", Data: &foliotest.Data{}}
		m.Migrate = func(j *foliotest.Job) error { return errors.Join(j.Work(3*time.Second), broken) }
		if status, body := send(m, "GET", "/loans/1", ""); status != 500 || !strings.Contains(body, "relation") {
			t.Errorf("before it is enabled: %d %s", status, body)
		}
		status, body := send(m, "POST", "/_/tenant", `{"module_to":"mod-loans-1.0.0"}`)
		if status != 201 || !strings.HasPrefix(body, "/_/tenant/mod-loans-1.0.0-1{") || !strings.Contains(body, `"complete":false`) {
			t.Fatalf("POST is answered %d %s", status, body)
		}
		for id, want := range map[string]int{"9/x": 500, "job-mod-loans-1.0.0-1;7/loans": 200} {
			if status, body := send(m, "GET", "/loans/1", "", foliotest.RequestIDHeader, id); status != want {
				t.Errorf("while it migrates, request %s is answered %d %s, want %d", id, status, body, want)
			}
		}
		start := time.Now()
		if _, body := send(m, "GET", "/_/tenant/mod-loans-1.0.0-1?wait=1000", ""); !strings.Contains(body, `"complete":false`) || time.Since(start) != time.Second {
			t.Errorf("after %v: %s", time.Since(start), body)
		}
		if _, body := send(m, "GET", "/_/tenant/mod-loans-1.0.0-1?wait=60000", ""); !strings.Contains(body, `"complete":true`) || time.Since(start) != 3*time.Second {
			t.Errorf("after %v: %s", time.Since(start), body)
		}
		if status, body := send(m, "GET", "/loans/1", ""); status != 200 || body != "mod-loans-1.0.0 /loans/1" {
			t.Errorf("it is answered %d %s", status, body)
		}
		if status, _ := send(m, "DELETE", "/_/tenant/mod-loans-1.0.0-1", ""); status != 204 {
			t.Errorf("DELETE is answered %d", status)
		}

		broken = errors.New("no room")
		send(m, "POST", "/_/tenant", `{"module_to":"mod-loans-1.0.0"}`)
		if _, body := send(m, "GET", "/_/tenant/mod-loans-1.0.0-2?wait=9000", ""); !strings.Contains(body, `"complete":true,"error":"no room","messages":["of tenant diku"]`) {
			t.Errorf("a job that failed: %s", body)
		}
		send(m, "POST", "/_/tenant", `{"module_to":"mod-loans-1.0.0"}`)
		m.Kill()
		synctest.Wait()
		if status, _ := send(m, "GET", "/_/tenant/mod-loans-1.0.0-3", ""); status != 404 {
			t.Errorf("the next process knows the job: %d", status)
		}
		if has, gets := m.Data.Of("diku"); has != "mod-loans-1.0.0" || gets != "mod-loans-1.0.0" {
			t.Errorf("the data is %s's, and becomes %s's", has, gets)
		}
	})
}

func TestModuleDemandsWhatOkapiGives(t *testing.T) {
	m := &foliotest.Module{ID: "mod-loans-1.0.0", Path: "/loans", Tenant: "1.2", Token: true, Data: &foliotest.Data{File: filepath.Join(t.TempDir(), "data")}}
	send(m, "POST", "/_/tenant", `{"module_to":"mod-loans-1.0.0"}`)
	for _, name := range []string{foliotest.TenantHeader, foliotest.URLHeader, foliotest.TokenHeader, foliotest.RequestIDHeader} {
		if status, body := send(m, "GET", "/loans/1", "", name, ""); status != 400 || !strings.Contains(body, name) {
			t.Errorf("without %s: %d %s", name, status, body)
		}
	}
	if status, body := send(m, "GET", "/loans/1", "", "X-Okapi-Module-Id", "x"); status != 400 {
		t.Errorf("with X-Okapi-Module-Id: %d %s", status, body)
	}
	other := &foliotest.Module{ID: "mod-loans-2.0.0", Path: "/loans", Tenant: "2.0", Data: &foliotest.Data{File: m.Data.File}}
	if status, body := send(other, "GET", "/loans/1", ""); status != 500 || !strings.Contains(body, `but as "mod-loans-1.0.0" does`) {
		t.Errorf("another version: %d %s", status, body)
	}
	m.Health(503)
	if status, _ := send(m, "GET", "/admin/health", "", foliotest.TenantHeader, ""); status != 503 {
		t.Errorf("health %d", status)
	}
	if status, body := send(m, "GET", "/loans/1?ask=/x", ""); status != 200 || !strings.Contains(body, "asks: fails:") {
		t.Errorf("%d %s", status, body)
	}
}
