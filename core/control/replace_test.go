package control

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// enter registers a process with these routes, whose module replaces others.
func (p *platform) enter(name, version string, routes []string, replaces ...string) (message.Registered, error) {
	reg := message.Registration{
		Module: name, Version: module.MustVersion(version), Instance: name + "-" + version, Upstream: "http://127.0.0.1:1", Replaces: replaces,
	}
	for _, r := range routes {
		route, err := config.ParseRoute(r)
		if err != nil {
			p.t.Fatal(err)
		}
		reg.Routes = append(reg.Routes, route)
	}
	return p.Register(reg, joinSecret)
}

func (p *platform) mustEnter(name, version string, routes []string, replaces ...string) string {
	p.t.Helper()
	r, err := p.enter(name, version, routes, replaces...)
	if err != nil {
		p.t.Fatalf("register %s %s: %v", name, version, err)
	}
	return r.Token
}

// served registers a version and lets it serve.
func (p *platform) served(name, version string, routes []string, replaces ...string) string {
	p.t.Helper()
	token := p.mustEnter(name, version, routes, replaces...)
	p.say(token, message.Resume)
	return token
}

// routed wants requests to go to these modules: "GET /ldp reporting", or
// "GET /ldp -" where none is to be found.
func (p *platform) routed(when string, want ...string) {
	p.t.Helper()
	for _, line := range want {
		words := strings.Fields(line)
		got := "-"
		if target, found := p.live.Load().Table.Match([]byte(words[0]), []byte(words[1])); found {
			got = target.Module.Name
			if target.RemovedIn != "" {
				got += " removed-in " + target.RemovedIn
			}
		}
		if want := strings.Join(words[2:], " "); got != want {
			p.t.Errorf("%s: %s %s goes to %s, want %s", when, words[0], words[1], got, want)
		}
	}
}

// claims wants a module to claim these: "/ldp reporting" of reporting's.
func (p *platform) claims(name string, want ...string) {
	p.t.Helper()
	o, _ := p.Overview(name)
	var got []string
	for _, cl := range o.Claims {
		got = append(got, strings.Join(append(slices.Clone(cl.Methods), cl.Path, cl.With), " "))
	}
	if !slices.Equal(got, want) {
		p.t.Errorf("%s claims %q, want %q", name, got, want)
	}
}

func (p *platform) reopen() {
	p.t.Helper()
	p.close()
	p.open()
}

var (
	ldpRoutes       = []string{"GET POST /ldp", "/ldp/config"}
	reportingRoutes = []string{"GET PUT /ldp", "/reports", "/ldp/{id}"}
	conflict        *ConflictError
)

// Until it first serves, the old owner has what both have; then the newcomer,
// in one table. A restart changes nothing of it. (V10, G1)
func TestNewcomerTakesRoutesWhenItServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer func() { p.close() }()
		old := p.served("ldp", "1.0.0", ldpRoutes)
		if _, err := p.enter("reporting", "1.0.0", reportingRoutes); !errors.As(err, &conflict) || !strings.Contains(err.Error(), `replaces = ["ldp"]`) {
			t.Fatalf("without a word for it, and what that is: %v", err)
		}
		if _, err := p.enter("reporting", "1.0.0", []string{"GET /ldp", "GET /ldp"}, "ldp"); !errors.As(err, &conflict) || !strings.Contains(err.Error(), "twice") {
			t.Fatalf("with a route of its own twice: %v", err)
		}
		next := p.mustEnter("reporting", "1.0.0", reportingRoutes, "ldp", "gone")
		before := []string{"GET /ldp ldp", "POST /ldp ldp", "PUT /ldp reporting", "GET /ldp/config ldp", "GET /reports reporting", "GET /ldp/7 reporting"}
		p.routed("while it starts", before...)
		p.claims("reporting", "GET /ldp ldp")
		p.claims("ldp")
		p.reopen()
		p.routed("after a restart", before...)
		p.claims("reporting", "GET /ldp ldp")

		p.say(next, message.Update)
		p.routed("while it updates", before...)
		p.reopen()
		p.recalled = nil
		p.say(next, message.Resume)
		after := []string{"GET /ldp reporting", "POST /ldp ldp", "PUT /ldp reporting", "GET /ldp/config ldp", "GET /reports reporting", "GET /ldp/7 reporting"}
		p.routed("when it serves", after...)
		p.claims("reporting")
		p.claims("ldp", "GET /ldp reporting")
		if !slices.Equal(p.recalled, []string{"ldp"}) {
			t.Errorf("recalled: %v, want who waits for ldp", p.recalled)
		}
		if p.state("ldp").Serving == nil || p.Bearer(old).Fenced() {
			t.Error("the old owner does not live on")
		}
		p.reopen()
		p.routed("after another restart", after...)

		// What the old owner says later changes nothing, and does not keep it from serving.
		p.say(old, message.Disconnect)
		p.served("ldp", "1.0.0", ldpRoutes)
		p.served("ldp", "1.1.0", ldpRoutes)
		p.routed("with a later version of the old owner", after...)
		p.claims("ldp", "GET /ldp reporting")

		// Nor what becomes of the newcomer, until it is missing and the other has them back.
		p.say(next, message.Disconnect)
		p.routed("while the newcomer is away", after...)
		time.Sleep(time.Hour)
		if p.state("reporting").Availability != message.Missing {
			t.Fatal("it is not missing")
		}
		p.routed("while the newcomer is missing", after...)
		p.reopen()
		p.routed("after a restart without it", after...)
		time.Sleep(time.Minute) // until the gateway has settled
		p.served("ldp", "1.2.0", ldpRoutes)
		back := []string{"GET /ldp ldp", "POST /ldp ldp", "PUT /ldp reporting", "GET /reports reporting"}
		p.routed("taken back", back...)
		p.claims("reporting", "GET /ldp ldp")
		p.reopen()
		p.routed("taken back, after a restart", back...)
		p.served("reporting", "1.1.0", reportingRoutes, "ldp")
		p.routed("and the newcomer's again", after...)
		if keys := p.raisedNow(); slices.ContainsFunc(keys, func(k string) bool { return strings.HasPrefix(k, "routes/") }) {
			t.Errorf("alerts: %v", keys)
		}
	})
}

// Of an old owner that goes before the newcomer serves, the routes are DELAY
// and MISSING by its own rules, then by the newcomer's; never unknown. (V10)
func TestOldOwnerLeavesBeforeTheNewcomerServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer func() { p.close() }()
		old := p.served("ldp", "1.0.0", ldpRoutes)
		p.mustEnter("reporting", "1.0.0", reportingRoutes, "ldp")
		p.say(old, message.Disconnect)
		p.routed("while it is away", "GET /ldp ldp", "GET /ldp/config ldp")
		time.Sleep(time.Hour)
		p.routed("when both are missing", "GET /ldp ldp")
		next := p.mustEnter("reporting", "1.0.0", reportingRoutes, "ldp")
		p.say(next, message.Resume)
		p.routed("when the newcomer serves", "GET /ldp reporting", "GET /ldp/config ldp")

		// Before the newcomer has served, what is missing makes way; and comes back.
		dead := p.served("tags", "1.0.0", []string{"/tags", "/tags/{id}"})
		p.say(dead, message.Disconnect)
		time.Sleep(time.Hour)
		p.mustEnter("labels", "1.0.0", []string{"/tags"}, "tags")
		p.routed("of who is missing", "GET /tags labels", "GET /tags/7 tags")
		p.served("tags", "1.0.0", []string{"/tags", "/tags/{id}"})
		p.routed("of who is back", "GET /tags tags", "GET /tags/7 tags")
		p.mustDecree("tags", message.Override{Type: message.Drop})
		p.routed("of who is dropped", "GET /tags labels", "GET /tags/7 -")
	})
}

// What an administrator drops gives back what came to it. (V10, O1)
func TestDropOfTheNewcomerGivesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer func() { p.close() }()
		p.served("ldp", "1.0.0", ldpRoutes)
		p.served("reporting", "1.0.0", reportingRoutes, "ldp")
		p.mustDecree("reporting", message.Override{Type: message.Drop})
		p.routed("after the drop", "GET /ldp ldp", "PUT /ldp -")
		p.reopen()
		p.routed("after the drop and a restart", "GET /ldp ldp", "PUT /ldp -")
		p.served("reporting", "1.0.0", reportingRoutes, "ldp")
		p.mustDecree("ldp", message.Override{Type: message.Drop})
		p.routed("after the drop of the old owner", "GET /ldp reporting", "GET /ldp/config reporting")
	})
}

// Of two that replace one module only one may have its routes; replacing goes
// on over a third, and in no circle. (V10)
func TestSeveralReplaceOneAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer func() { p.close() }()
		routes := []string{"/ldp"}
		p.served("a", "1.0.0", routes)
		b := p.mustEnter("b", "1.0.0", routes, "a")
		if _, err := p.enter("b2", "1.0.0", routes, "a"); !errors.As(err, &conflict) || !strings.Contains(err.Error(), "which module b is to have") {
			t.Errorf("a second newcomer: %v", err)
		}
		if _, err := p.enter("a", "1.1.0", routes, "b"); !errors.As(err, &conflict) || !strings.Contains(err.Error(), "which replaces a") {
			t.Errorf("the old owner replaces the newcomer: %v", err)
		}
		c := p.mustEnter("c", "1.0.0", routes, "b")
		p.routed("before anybody but a serves", "GET /ldp a")
		p.claims("b", "/ldp a")
		p.claims("c", "/ldp a")
		if _, err := p.enter("a", "1.1.0", routes, "c"); !errors.As(err, &conflict) {
			t.Errorf("a circle of three: %v", err)
		}
		p.say(b, message.Resume)
		p.routed("when b serves", "GET /ldp b")
		p.claims("a", "/ldp b")
		p.claims("c", "/ldp b")
		p.say(c, message.Resume)
		p.routed("when c serves", "GET /ldp c")
		p.claims("a", "/ldp c")
		p.claims("b", "/ldp c")
		p.reopen()
		p.routed("after a restart", "GET /ldp c")
		p.mustDecree("c", message.Override{Type: message.Drop})
		p.routed("without c", "GET /ldp b")
		p.mustDecree("b", message.Override{Type: message.Drop})
		p.routed("without b", "GET /ldp a")

		// Who is skipped by one that replaces its heir loses its routes as well.
		p.mustEnter("b", "2.0.0", routes, "a")
		p.served("c", "1.0.0", routes, "b")
		p.routed("by way of b, which never served", "GET /ldp c")
	})
}

// A module replaces whom the configuration says; what it says itself counts
// only of those as which it might have registered. (V10, I1, C1)
func TestWhoMayReplace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer func() { p.close() }()
		const secret = "a secret of ldp's own"
		declare := func(replaces ...string) {
			cfg := *p.cfg
			ldp, reporting := config.DefaultModule("ldp", cfg.Defaults), config.DefaultModule("reporting", cfg.Defaults)
			ldp.JoinSecret, reporting.Replaces = secret, replaces
			cfg.Modules = []config.Module{ldp, reporting}
			if err := p.Reconfigure(&cfg); err != nil {
				t.Fatal(err)
			}
		}
		declare()
		r, err := p.Register(message.Registration{
			Module: "ldp", Version: module.MustVersion("1.0.0"), Upstream: "http://127.0.0.1:1", Routes: []message.Route{{Path: "/ldp"}},
		}, secret)
		if err != nil {
			t.Fatal(err)
		}
		p.say(r.Token, message.Resume)
		if _, err := p.enter("reporting", "1.0.0", []string{"/ldp"}, "ldp"); !errors.As(err, &conflict) || !strings.Contains(err.Error(), "whose join secret it does not have") {
			t.Errorf("replacing with the general secret what has one of its own: %v", err)
		}
		p.mustEnter("reporting", "1.0.0", []string{"/reports"}, "ldp") // in vain, and in nobody's way
		p.say(p.mustEnter("reporting", "1.0.0", []string{"/reports"}, "ldp"), message.Resume)
		if _, err := p.enter("reporting", "1.1.0", []string{"/ldp"}); !errors.As(err, &conflict) {
			t.Errorf("what it said in vain counts: %v", err)
		}
		declare("ldp")
		p.served("reporting", "1.1.0", []string{"/ldp"})
		p.routed("as the configuration says", "GET /ldp reporting")
		declare()
		p.reopen()
		p.routed("when the configuration says it no longer", "GET /ldp reporting")
	})
}

// While a configured module has never registered, its paths park; one that
// replaces another leaves them to it. (G3, V10)
func TestPathsOfANewcomerThatNeverRegistered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer func() { p.close() }()
		p.served("ldp", "1.0.0", ldpRoutes)
		cfg := *p.cfg
		reporting := config.DefaultModule("reporting", cfg.Defaults)
		reporting.Replaces, reporting.Paths = []string{"ldp"}, []string{"/ldp/config", "/reports"}
		cfg.Modules = []config.Module{reporting}
		if err := p.Reconfigure(&cfg); err != nil {
			t.Fatal(err)
		}
		p.routed("awaited", "GET /ldp/config ldp", "GET /reports reporting")
		p.claims("reporting", "/ldp/config ldp")
		p.served("reporting", "1.0.0", []string{"/ldp/config"})
		p.routed("there", "GET /ldp/config reporting", "GET /reports -")
	})
}

// A module whose route was taken while it was missing keeps its others (V9).
func TestMissingModuleKeepsTheRoutesThatNobodyTook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer func() { p.close() }()
		old := p.served("ldp", "1.0.0", ldpRoutes)
		p.say(old, message.Disconnect)
		time.Sleep(time.Hour)
		other := p.served("other", "1.0.0", []string{"/ldp/config"})
		p.routed("taken", "GET /ldp ldp", "GET /ldp/config other")
		p.claims("ldp", "/ldp/config other")
		if _, err := p.enter("ldp", "1.0.0", ldpRoutes); !errors.As(err, &conflict) {
			t.Errorf("it returns: %v", err)
		}
		p.reopen()
		p.routed("after a restart", "GET /ldp ldp", "GET /ldp/config other")
		p.say(other, message.Disconnect)
		p.say(other, message.Resume) // nobody's claim keeps it from what it has
		p.routed("back", "GET /ldp/config other")
	})
}
