package gateway

import (
	"fmt"

	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/notify"
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
	key := "cycle/" + from + "/" + to
	g.mu.Lock()
	if g.cycles == nil {
		g.cycles = map[string]map[string]bool{}
	}
	if g.cycles[to] == nil {
		g.cycles[to] = map[string]bool{}
	}
	g.cycles[to][key] = true
	g.mu.Unlock()
	g.alerts.Raise(alert.Alert{
		Key: key, Severity: alert.Warning, Module: to,
		Summary: fmt.Sprintf("a request of %s to %s would have waited for itself: answered DELAY, reason cycle", from, to),
	})
}

// opened ends the incidents of the circles that the module closed, which is
// ready now.
func (g *Gateway) opened(module string) {
	g.mu.Lock()
	over := g.cycles[module]
	delete(g.cycles, module)
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
