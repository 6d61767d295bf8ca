package gateway

import (
	"fmt"

	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/notify"
	"github.com/modgate/modgate/core/route"
)

// What the parts report to the administrator (G5).

func (g *Gateway) raise(module string, a lifecycle.Alert) {
	severity := alert.Warning
	if a.Critical {
		severity = alert.Critical
	}
	g.alerts.Raise(alert.Alert{Key: a.Key, Severity: severity, Module: module, Summary: a.Summary})
}

// cycle is told of a request that would have waited for itself (U11). It is an
// incident until the target is ready.
func (g *Gateway) cycle(from, to string) {
	g.raiseUntilReady(alert.Alert{
		Key: "cycle/" + from + "/" + to, Severity: alert.Warning, Module: to,
		Summary: fmt.Sprintf("a request of %s to %s would have waited for itself: answered DELAY, reason cycle", from, to),
	}, to)
}

// lacking is told of a request for from that a policy sends to another module,
// to, which is not ready either (A3). It is an incident until one of them is.
func (g *Gateway) lacking(from, to *route.Module) {
	g.raiseUntilReady(alert.Alert{
		Key: "fallback/" + from.Name + "/" + to.Name, Severity: alert.Warning, Module: from.Name,
		Summary: fmt.Sprintf("a policy's fallback of %s to %s is not to be had: %s is %s too", from.Name, to.Name, to.Name, to.State().Availability),
	}, from.Name, to.Name)
	if to.State().Availability == message.Ready { // it became so meanwhile
		g.opened(to.Name)
	}
}

// raiseUntilReady opens an incident that ends when one of the modules turns
// ready.
func (g *Gateway) raiseUntilReady(a alert.Alert, modules ...string) {
	g.mu.Lock()
	if g.passing == nil {
		g.passing = map[string]map[string]bool{}
	}
	for _, m := range modules {
		if g.passing[m] == nil {
			g.passing[m] = map[string]bool{}
		}
		g.passing[m][a.Key] = true
	}
	g.mu.Unlock()
	g.alerts.Raise(a)
}

// opened ends the incidents that last until the module is ready, which it is
// now.
func (g *Gateway) opened(module string) {
	g.mu.Lock()
	over := g.passing[module]
	delete(g.passing, module)
	for _, keys := range g.passing {
		for key := range over {
			delete(keys, key)
		}
	}
	g.mu.Unlock()
	for key := range over {
		g.alerts.Clear(key)
	}
}

// overdue is told of a webhook that has taken nothing for a quarter of an hour
// (N1).
func (g *Gateway) overdue(w notify.Webhook, cause error) {
	g.alerts.Raise(alert.Alert{
		Key: webhookKey(w), Severity: alert.Warning, Module: w.Module,
		Summary: fmt.Sprintf("notices to %s have not been delivered for 15 minutes", w.Instance),
		Detail:  "its webhook is tried every 5 minutes; last time " + cause.Error(),
	})
}

func webhookKey(w notify.Webhook) string { return "webhook/" + w.Instance }
