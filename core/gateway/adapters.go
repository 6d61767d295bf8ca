package gateway

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
	"github.com/modgate/modgate/plugins"
)

// openPlugins puts the modules' adapters in force, and follows their folder,
// if there is one.
func (g *Gateway) openPlugins() error {
	if g.config.Gateway.Plugins == "" {
		return nil
	}
	return g.openFolder(g.config.Gateway.Plugins, g.config.Modules)
}

// openFolder opens the folder of plugins. What is compiled is kept in the data
// directory, which is nobody else's.
func (g *Gateway) openFolder(dir string, modules []config.Module) error {
	cache, err := plugins.OpenCache(filepath.Join(g.config.Gateway.DataDir, "cache", "plugins"))
	if err != nil {
		return err
	}
	folder := plugins.OpenFolder(plugins.FolderOptions{
		Dir: dir, Cache: cache, Slots: &g.adapters, Version: g.o.Version, Log: g.log,
		Fault:    g.pluginFault,
		Mended:   func(name string) { g.alerts.Clear("plugin/" + name) },
		Refused:  g.pluginRefused,
		Accepted: func(name string) { g.alerts.Clear("plugin/" + name + "/file") },
	}, modules)
	g.onClose(func() {
		folder.Close()
		g.closing("the cache of plugins", cache.Close())
	})
	g.plugins.Store(folder)
	return nil
}

// preparePlugins does what can fail of configurePlugins.
func (g *Gateway) preparePlugins(next *config.Config) error {
	dir := next.Gateway.Plugins
	if err := plugins.CheckFolder(dir); err != nil {
		return fmt.Errorf("look at the plugin folder: %w", err)
	}
	if dir == "" || g.plugins.Load() != nil {
		return nil
	}
	return g.openFolder("", nil)
}

// configurePlugins puts the adapters of next in force, and has their folder
// looked at.
func (g *Gateway) configurePlugins(next *config.Config) {
	if folder := g.plugins.Load(); folder != nil {
		folder.Configure(next.Gateway.Plugins, next.Modules)
	}
}

// pluginViews returns what the administrator sees of all adapters.
func (g *Gateway) pluginViews() []adapter.View {
	if folder := g.plugins.Load(); folder != nil {
		return folder.Views()
	}
	return []adapter.View{}
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
