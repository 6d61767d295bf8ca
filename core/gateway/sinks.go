package gateway

import (
	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/config"
)

// severities are alert's, by config's words.
var severities = [...]alert.Severity{
	config.WarningLeast: alert.Warning, config.InfoLeast: alert.Info, config.CriticalLeast: alert.Critical,
}

// sinks opens the ways to administrators: the log, and what is declared. The
// desk must be closed before them.
func (g *Gateway) sinks() []alert.Sink {
	all := []alert.Sink{alert.Log(g.log)}
	for _, s := range g.config.Sinks {
		sink := alert.Webhook(string(s.Webhook.URL), s.Webhook.Key())
		if m := s.Mail; m.Server != "" {
			sink = &alert.Mail{
				Server: m.Server, From: m.From, To: m.To, Username: m.Username, Password: string(m.Password),
				ImplicitTLS: m.Security == config.ImplicitTLS, Plain: m.Security == config.Plain,
			}
		}
		c := alert.OpenCourier(sink, severities[s.Severity], g.log.With("alert", s.Name))
		g.onClose(c.Close)
		all = append(all, c)
	}
	return all
}
