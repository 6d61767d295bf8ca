package gateway

import (
	"context"
	"path/filepath"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
	"github.com/modgate/modgate/plugins"
)

// openPlugins puts the modules' adapters in force, and follows their folder.
// What is compiled is kept in the data directory, which is nobody else's.
func (g *Gateway) openPlugins() error {
	dir := g.config.Gateway.Plugins
	if dir == "" {
		return nil
	}
	cache, err := plugins.OpenCache(filepath.Join(g.config.Gateway.DataDir, "cache", "plugins"))
	if err != nil {
		return err
	}
	g.onClose(func() { g.closing("the cache of plugins", cache.Close()) })
	g.plugins = plugins.OpenFolder(plugins.FolderOptions{
		Dir: dir, Cache: cache, Slots: &g.adapters, Version: g.o.Version, Log: g.log,
		Fault:    g.pluginFault,
		Mended:   func(name string) { g.alerts.Clear("plugin/" + name) },
		Refused:  g.pluginRefused,
		Accepted: func(name string) { g.alerts.Clear("plugin/" + name + "/file") },
	}, g.config.Modules)
	g.onClose(g.plugins.Close)
	return nil
}

// configurePlugins puts the adapters of next in force, and has their folder
// looked at.
func (g *Gateway) configurePlugins(next *config.Config) {
	if g.plugins != nil {
		g.plugins.Configure(next.Modules)
	}
}

// pluginViews returns what the administrator sees of all adapters.
func (g *Gateway) pluginViews() []adapter.View {
	if g.plugins == nil {
		return []adapter.View{}
	}
	return g.plugins.Views()
}

func (g *Gateway) pluginFault(f adapter.Fault) {
	severity, more := alert.Warning, ""
	if f.Quarantined {
		severity, more = alert.Critical, "; it is not asked for a while"
	}
	g.alerts.Raise(alert.Alert{Key: "plugin/" + f.Adapter, Severity: severity, Module: f.Module, Summary: f.String() + more})
}

func (g *Gateway) pluginRefused(name string, why error) {
	g.alerts.Raise(alert.Alert{
		Key: "plugin/" + name + "/file", Severity: alert.Critical, Summary: "the file of adapter " + name + " is not in force", Detail: why.Error(),
	})
}

// announce says what a request of a module means, for the module (L4). The
// time stands for a number that rises, where its adapter knows none (U7).
func (g *Gateway) announce(who *route.Caller, what []message.Announcement) error {
	for _, a := range what {
		if a.Seq == 0 {
			a.Seq = uint64(time.Now().UnixMicro())
		}
		if _, err := g.control.Announce(context.Background(), who, a, 0); err != nil {
			return err
		}
	}
	return nil
}
