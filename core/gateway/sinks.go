package gateway

import (
	"log/slog"
	"reflect"

	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/config"
)

// severities are alert's, by config's words.
var severities = [...]alert.Severity{
	config.WarningLeast: alert.Warning, config.InfoLeast: alert.Info, config.CriticalLeast: alert.Critical,
}

// sinks are the declared ways to administrators, each with a courier. Whoever
// has them calls one method at a time.
type sinks struct {
	log      *slog.Logger
	declared map[string]config.Sink // by name
	couriers map[string]*alert.Courier
	retired  []*alert.Courier // that may have something to bring yet
}

// configure opens, redirects and retires couriers, and returns where alerts go
// now: to the log first. What waits for a sink that is declared otherwise goes
// there; what waits for one that is declared no longer is still brought.
func (s *sinks) configure(declared []config.Sink) []alert.Sink {
	before := s.couriers
	s.couriers = map[string]*alert.Courier{}
	is := map[string]config.Sink{}
	all := []alert.Sink{alert.Log(s.log)}
	for _, d := range declared {
		c := before[d.Name]
		switch was, there := s.declared[d.Name]; {
		case !there:
			c = alert.OpenCourier(sinkOf(d), severities[d.Severity], s.log.With("alert", d.Name))
		case !reflect.DeepEqual(was, d):
			c.Redirect(sinkOf(d), severities[d.Severity])
		}
		delete(before, d.Name)
		is[d.Name], s.couriers[d.Name], all = d, c, append(all, c)
	}
	s.declared = is
	for _, c := range before {
		s.retired = append(s.retired, c)
	}
	return all
}

// dismiss lets those go to whom alerts go no longer.
func (s *sinks) dismiss() {
	var busy []*alert.Courier
	for _, c := range s.retired {
		select {
		case <-c.Retire():
			c.Close()
		default:
			busy = append(busy, c)
		}
	}
	s.retired = busy
}

// close brings what waits. The desk must be closed before.
func (s *sinks) close() {
	for _, c := range s.couriers {
		s.retired = append(s.retired, c)
	}
	for _, c := range s.retired {
		c.Close()
	}
}

// sinkOf returns the way to a sink.
func sinkOf(s config.Sink) alert.Sink {
	if m := s.Mail; m.Server != "" {
		return &alert.Mail{
			Server: m.Server, From: m.From, To: m.To, Username: m.Username, Password: string(m.Password),
			ImplicitTLS: m.Security == config.ImplicitTLS, Plain: m.Security == config.Plain,
		}
	}
	return alert.Webhook(string(s.Webhook.URL), s.Webhook.Key())
}
