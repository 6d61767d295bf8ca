package gateway

import (
	"fmt"

	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/notify"
	"github.com/modgate/modgate/policies"
)

// What the parts report to the administrator (G5).

func (g *Gateway) raise(module string, a lifecycle.Alert) {
	severity := alert.Warning
	if a.Critical {
		severity = alert.Critical
	}
	g.alerts.Raise(alert.Alert{Key: a.Key, Severity: severity, Module: module, Summary: a.Summary})
}

func (g *Gateway) cycle(from, to string) {
	g.alerts.Raise(alert.Alert{
		Key: "cycle/" + from + "/" + to, Severity: alert.Warning, Module: to,
		Summary: fmt.Sprintf("a request of %s to %s would have waited for itself: answered DELAY, reason cycle", from, to),
	})
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

func (g *Gateway) policyMended(unit string) { g.alerts.Clear("policy/" + unit) }

func (g *Gateway) policyFault(f policies.Fault) {
	g.alerts.Raise(alert.Alert{Key: "policy/" + f.Unit, Severity: alert.Warning, Summary: f.String()})
}
