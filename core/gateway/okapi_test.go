//go:build !race

package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/plugins/okapi/foliotest"
)

const tenantsOnly = `{ tenants = ["diku", "central"] }`

// These tests are left out of race builds, where the engine takes a minute to
// compile the adapter.

// An unmodified module of FOLIO is upgraded under load. While it migrates, each
// tenant in a job of its own, it calls itself, and a peer that calls it back.
// Nothing locks up, no request fails, and what was parked is answered (L4, U2,
// U3, U11, A5).
func TestFolioModuleIsUpgradedUnderLoad(t *testing.T) {
	inPlatform(t, `{ tenants = ["diku", "central"], parameters = { loadSample = "true" } }`, func(p *folioPlatform) {
		p.ready("mod-users-1.0.0", "2.0")
		first := p.ready("mod-loans-1.0.0", "2.0")
		said := make(chan string, 4)
		next := p.has("mod-loans-2.0.0", "2.0", func(j *foliotest.Job) error {
			own, err := j.Ask("/loans/own")
			theirs, err2 := j.Ask(asking("/users/7", "/loans/back"))
			said <- fmt.Sprintf("%s: %s, %s", j.Tenant, own, theirs)
			return errors.Join(err, err2, j.Work(4*time.Second))
		})
		l := p.pour("/loans/1", asking("/loans/2", "/users/2"), asking("/users/3", "/loans/3"), asking("/loans/4", "/users/4", "/loans/5"))
		time.Sleep(5 * time.Second)
		next.Health(http.StatusOK)
		time.Sleep(6 * time.Second)
		p.wants("mod-loans", message.Delayed, message.ReasonUpdating, "")
		time.Sleep(20 * time.Second)
		p.wants("mod-loans", message.Ready, message.NoReason, "2.0.0")
		l.end(t)
		close(said)
		for _, tenant := range []string{"diku", "central"} {
			want := tenant + ": mod-loans-2.0.0 /loans/own, mod-users-1.0.0 /users/7 asks: mod-loans-2.0.0 /loans/back"
			if got := <-said; got != want {
				t.Errorf("during the migration:\ngot  %s\nwant %s", got, want)
			}
		}
		if l.first["mod-loans-1.0.0"] < 100 || l.first["mod-loans-2.0.0"] < 100 || l.parked < 6 {
			t.Errorf("answers %v, of them %d were parked", l.first, l.parked)
		}
		if got, want := first.Calls(), []string{"diku POST /_/tenant", "central POST /_/tenant"}; !slices.Equal(got, want) {
			t.Errorf("the first version was told %q, want %q", got, want)
		}
		want := []string{
			"diku POST /_/tenant", "diku GET /_/tenant/mod-loans-2.0.0-1", "diku DELETE /_/tenant/mod-loans-2.0.0-1",
			"central POST /_/tenant", "central GET /_/tenant/mod-loans-2.0.0-2", "central DELETE /_/tenant/mod-loans-2.0.0-2",
		}
		if got := next.Calls(); !slices.Equal(got, want) {
			t.Errorf("the second version was told %q, want %q", got, want)
		}
		told := next.Told()[0]
		if want := `{"module_to":"mod-loans-2.0.0","module_from":"mod-loans-1.0.0","purge":false,"parameters":[{"key":"loadSample","value":"true"}]}`; told.Body != want {
			t.Errorf("it was told %s, want %s", told.Body, want)
		}
		for name, want := range map[string]string{
			"X-Okapi-Url": "http://mod-loans-2.0.0-egress:9300", "X-Okapi-Url-To": "http://mod-loans-2.0.0:80", "Content-Type": "application/json", "Accept": "*/*",
		} {
			if got := told.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if open := p.alerts.Open(); len(open) > 0 {
			t.Errorf("open incidents: %+v", open)
		}
	})
}

// Version 1.x of the tenant interface answers when it is done.
func TestFolioModuleWithAnOldTenantInterfaceIsUpgraded(t *testing.T) {
	settings := `{ tenants = ["diku", "central"], modules = { "mod-loans" = { interface = "1.2" }, "mod-loans-1.0.0" = { interface = "1.0" } }, parameters = { a = "b" } }`
	inPlatform(t, settings, func(p *folioPlatform) {
		first := p.ready("mod-loans-1.0.0", "1.0")
		next := p.has("mod-loans-2.0.0", "1.2", func(j *foliotest.Job) error {
			_, err := j.Ask("/loans/own")
			return errors.Join(err, j.Work(10*time.Second))
		})
		l := p.pour("/loans/1")
		next.Health(http.StatusOK)
		time.Sleep(15 * time.Second)
		p.wants("mod-loans", message.Delayed, message.ReasonUpdating, "")
		time.Sleep(15 * time.Second)
		p.wants("mod-loans", message.Ready, message.NoReason, "2.0.0")
		l.end(t)
		if body, want := first.Told()[0].Body, `{"module_to":"mod-loans-1.0.0"}`; body != want {
			t.Errorf("1.0 was told %s, want %s", body, want)
		}
		want := `{"module_to":"mod-loans-2.0.0","module_from":"mod-loans-1.0.0","parameters":[{"key":"a","value":"b"}]}`
		if told := next.Told(); len(told) != 2 || told[0].Body != want {
			t.Errorf("1.2 was told %q, want %s for each tenant", told, want)
		}
	})
}

// A job may take longer than an absence may: the world is told MISSING and the
// administrator that it is overdue, and its end ends both (U6). It is asked
// about no more than often enough.
func TestFolioModuleTakesHours(t *testing.T) {
	inPlatform(t, tenantsOnly, func(p *folioPlatform) {
		p.ready("mod-loans-1.0.0", "2.0")
		next := p.has("mod-loans-2.0.0", "2.0", func(j *foliotest.Job) error { return j.Work(30 * time.Minute) })
		next.Health(http.StatusOK)
		time.Sleep(20 * time.Minute)
		p.wants("mod-loans", message.Missing, message.ReasonExpired, "")
		a := <-p.ask("/loans/1", "X-Okapi-Tenant", "diku")
		if a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, "urn:modgate:missing") {
			t.Errorf("answered %d %s, want MISSING", a.status, a.body)
		}
		if !slices.ContainsFunc(p.alerts.Open(), func(i alert.Incident) bool { return i.Severity == alert.Critical }) {
			t.Errorf("nobody was told: %+v", p.alerts.Open())
		}
		time.Sleep(41 * time.Minute)
		p.wants("mod-loans", message.Ready, message.NoReason, "2.0.0")
		if open := p.alerts.Open(); len(open) > 0 {
			t.Errorf("open incidents: %+v", open)
		}
		if n := len(next.Calls()); n < 180 || n > 400 {
			t.Errorf("it was called %d times in an hour", n)
		}
	})
}

// A job that fails is the administrator's to see, in the module's own words;
// the older version does not come back by itself, for its data may be no
// longer what it knows (U6). The next process is told again (U10).
func TestFolioModuleFailsToMigrate(t *testing.T) {
	inPlatform(t, tenantsOnly, func(p *folioPlatform) {
		p.ready("mod-loans-1.0.0", "2.0")
		room := errors.New("no room on the disk")
		next := p.has("mod-loans-2.0.0", "2.0", func(j *foliotest.Job) error {
			if j.Tenant == "central" {
				return errors.Join(j.Work(time.Second), room)
			}
			return nil
		})
		next.Health(http.StatusOK)
		time.Sleep(30 * time.Second)
		p.wants("mod-loans", message.Delayed, message.ReasonUpdating, "")
		want := "mod-loans 2.0.0 has failed to update: tenant central: no room on the disk; of tenant central"
		if !slices.ContainsFunc(p.alerts.Open(), func(i alert.Incident) bool { return i.Severity == alert.Critical && i.Summary == want }) {
			t.Errorf("incidents %+v, want %s", p.alerts.Open(), want)
		}
		calls := len(next.Calls())
		time.Sleep(30 * time.Second)
		if n := len(next.Calls()); n != calls {
			t.Errorf("it was told %d times more", n-calls)
		}
		room = nil
		p.restart("mod-loans-2.0.0", 70*time.Second)
		time.Sleep(20 * time.Second)
		p.wants("mod-loans", message.Ready, message.NoReason, "2.0.0")
		if open := p.alerts.Open(); len(open) > 0 {
			t.Errorf("open incidents: %+v", open)
		}
	})
}

// A process that is killed in the middle of its migration is told again: a
// quick one of the job that it does not know, a slow one, whose loss was
// noticed, in a new epoch, and from the first tenant on (U6, U10).
func TestFolioModuleCrashesInTheMiddle(t *testing.T) {
	for _, c := range []struct {
		away time.Duration
		want []string // POSTs
	}{
		{time.Second, []string{"diku", "central", "central"}},
		{2 * time.Minute, []string{"diku", "central", "diku", "central"}},
	} {
		t.Run(c.away.String(), func(t *testing.T) {
			inPlatform(t, `{ tenants = ["diku", "central"], wait = "0s" }`, func(p *folioPlatform) {
				p.ready("mod-loans-1.0.0", "2.0")
				next := p.has("mod-loans-2.0.0", "2.0", func(j *foliotest.Job) error { return j.Work(5 * time.Second) })
				next.Health(http.StatusOK)
				for range 1000 {
					if _, migrating := p.data["mod-loans"].Of("central"); migrating == "mod-loans-2.0.0" {
						break
					}
					time.Sleep(20 * time.Millisecond)
				}
				time.Sleep(time.Second)
				p.restart("mod-loans-2.0.0", c.away)
				time.Sleep(time.Minute)
				p.wants("mod-loans", message.Ready, message.NoReason, "2.0.0")
				var posts []string
				for _, call := range next.Calls() {
					if tenant, ok := strings.CutSuffix(call, " POST /_/tenant"); ok {
						posts = append(posts, tenant)
					}
				}
				if !slices.Equal(posts, c.want) {
					t.Errorf("it was told of %q, want %q: %q", posts, c.want, next.Calls())
				}
				a := <-p.ask("/loans/1", "X-Okapi-Tenant", "central")
				a.wants(t, http.StatusOK, "mod-loans-2.0.0 /loans/1", a.after)
			})
		})
	}
}
