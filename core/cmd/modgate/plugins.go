package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/modgate/modgate/core/adapter"
)

type pluginsView struct {
	Plugins []adapter.View `json:"plugins"`
}

func pluginCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plugin",
		Short: "Write, build, check, test and list the adapters of modules that speak another dialect",
		Long:  "Only list needs a running gateway.",
		Args:  oneOfItsCommands,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	cmd.AddCommand(pluginNewCommand(), pluginBuildCommand(), pluginCheckCommand(), pluginTestCommand(), pluginBenchCommand(), pluginList())
	return cmd
}

func pluginList() *cobra.Command {
	c := &client{}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the adapters that are in force, and those that are not",
		Args:  exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			raw, err := c.admin(cmd.Context(), http.MethodGet, "/v1/admin/plugins")
			if err != nil {
				return err
			}
			var view pluginsView
			return c.show(cmd, raw, &view, func(w io.Writer) error { return printPlugins(w, view.Plugins, time.Now()) })
		},
	}
	c.flags(cmd)
	return cmd
}

func printPlugins(w io.Writer, plugins []adapter.View, now time.Time) error {
	if len(plugins) == 0 {
		_, err := fmt.Fprintln(w, "no adapter is there")
		return err
	}
	t := newTable(w)
	t.row("ADAPTER", "MODULES", "STATE", "GENERATION", "LOADED", "HOOKS", "CALLS", "FAULTS")
	for _, p := range plugins {
		generation, loaded := "", ""
		if p.Loaded != nil {
			generation, loaded = fmt.Sprint(p.Generation), ago(*p.Loaded, now)
		}
		t.row(p.Adapter, strings.Join(p.Modules, " "), string(p.State), generation, loaded, strings.Join(p.Hooks, " "), fmt.Sprint(p.Calls), fmt.Sprint(p.Faults))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, p := range plugins {
		for i, line := range remarks(p, now) {
			if i == 0 {
				line = "\n" + line
			}
			if _, err := fmt.Fprintln(w, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// remarks are what there is to say of an adapter beside its line.
func remarks(p adapter.View, now time.Time) (lines []string) {
	say := func(format string, args ...any) {
		lines = append(lines, p.Adapter+": "+fmt.Sprintf(format, args...))
	}
	if p.Refused != "" {
		say("the file is not in force: %s", p.Refused)
	}
	if p.Until != nil {
		say("in quarantine, asked again in %s", short(max(0, p.Until.Sub(now))))
	}
	if f := p.LastFault; f != nil {
		say("last fault %s, of module %s: %s", ago(f.Time, now), f.Module, f)
	}
	return lines
}
