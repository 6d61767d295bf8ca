package command

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/modgate/modgate/plugins/adaptertest"
)

// Each adapter that comes along keeps the promises, with a module for which it
// was made.
func TestAdaptersKeepThePromises(t *testing.T) {
	startsPrograms(t)
	for name, args := range map[string][]string{
		"okapi": {
			"-config", `{"tenants": ["diku", "central"]}`, "-run-header", "X-Okapi-Request-Id",
			"-request", "GET /loans/1", "-header", "X-Okapi-Tenant: diku",
			// Each version updates the data of two tenants, and calls itself meanwhile.
			"-module", "folio -id subject-{version} -path /loans -ask /loans/2 -migration 200ms -data " + filepath.Join(t.TempDir(), "data"),
		},
		"pauseresume": {"-request", "GET /notes/1", "-module", "plain -version {version}"},
		"rewrite":     {"-config", `{"add_prefix": "/notes"}`, "-request", "GET /1", "-module", "plain -version {version}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := append([]string{"adapter", "-limit", "60s", "-command", "modgate serve {config}", "-probe", "/admin/health"}, args...)
			if code, stdout, stderr := run(append(all, "-adapter", adaptertest.Build(t, "../../plugins/"+name))...); code != ExitPassed || !strings.Contains(stdout, "6 passed, 0 failed, 0 skipped") {
				t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
			}
		})
	}
}
