package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/modgate/modgate/core/control"
	"github.com/modgate/modgate/core/message"
)

// moduleView is a module as the control API shows it.
type moduleView struct {
	control.Overview
	Parked      int              `json:"parked"`
	LongestWait message.Duration `json:"longest_wait"`
}

type modulesView struct {
	Modules []moduleView `json:"modules"`
}

// modules returns all modules, decoded and as they came.
func (c *client) modules(cmd *cobra.Command) (view modulesView, raw json.RawMessage, err error) {
	raw, err = c.admin(cmd.Context(), http.MethodGet, "/v1/admin/modules")
	if err == nil {
		err = json.Unmarshal(raw, &view)
	}
	return view, raw, err
}

func modulesCommand() *cobra.Command {
	c := &client{}
	cmd := &cobra.Command{
		Use:               "modules",
		Short:             "List every module with its versions and instances",
		Args:              exactly(0, "no arguments"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			view, raw, err := c.modules(cmd)
			if err != nil {
				return err
			}
			return c.show(cmd, raw, &view, func(w io.Writer) error { return printModules(w, view.Modules) })
		},
	}
	c.flags(cmd)
	return cmd
}

func printModules(w io.Writer, modules []moduleView) error {
	t := newTable(w)
	t.row("MODULE", "VERSION", "INSTANCE", "PHASE", "UPSTREAM", "RUNS", "LEASE LEFT")
	for _, m := range modules {
		for _, v := range m.Versions {
			for _, i := range v.Instances {
				t.row(m.Module, v.Version.String(), i.ID, phase(i), i.Upstream, fmt.Sprint(i.Runs), lease(i))
			}
		}
		if len(m.Versions) == 0 {
			t.row(m.Module, "", "never registered", "", "", "", "")
		}
	}
	return t.Flush()
}

// phase says where the instance stands, and why it is away.
func phase(i control.InstanceOverview) string {
	if i.Sick && i.Away == message.NoReason {
		return i.Phase.String() + ", " + message.ReasonUnhealthy.String()
	}
	if i.Away == message.NoReason {
		return i.Phase.String()
	}
	return i.Phase.String() + ", " + i.Away.String()
}

func lease(i control.InstanceOverview) string {
	if i.LeaseLeft == 0 {
		return ""
	}
	return short(time.Duration(i.LeaseLeft))
}

// module returns one module, decoded and as it came.
func (c *client) module(cmd *cobra.Command, name string) (m moduleView, raw json.RawMessage, err error) {
	raw, err = c.admin(cmd.Context(), http.MethodGet, "/v1/admin/modules/"+url.PathEscape(name))
	if answered(err, http.StatusNotFound) {
		return m, nil, fmt.Errorf("no module %q is registered or configured%s", name, didYouMean(nearest(name, c.moduleNames(cmd))))
	}
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	return m, raw, err
}

func moduleCommand() *cobra.Command {
	c := &client{}
	cmd := &cobra.Command{
		Use:   "module NAME",
		Short: "Show one module: state, versions, instances, routes, requirements",
		Args:  exactly(1, "the name of a module"),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, raw, err := c.module(cmd, args[0])
			if err != nil {
				return err
			}
			return c.show(cmd, raw, &m, func(w io.Writer) error { return printModule(w, m, time.Now()) })
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return c.moduleNames(cmd), cobra.ShellCompDirectiveNoFileComp
		},
	}
	c.flags(cmd)
	return cmd
}

// moduleNames returns the names of all modules, as far as they can be had.
func (c *client) moduleNames(cmd *cobra.Command) (names []string) {
	view, _, _ := c.modules(cmd) // none is no suggestion
	for _, m := range view.Modules {
		names = append(names, m.Module)
	}
	return names
}

func printModule(w io.Writer, m moduleView, now time.Time) error {
	t := newTable(w)
	line := func(name, value string) {
		if value != "" {
			t.row(name, value)
		}
	}
	line("module", m.Module)
	line("state", m.State.State.String())
	line("reason", m.Reason.String())
	line("since", ago(m.Since, now))
	line("time left", m.left())
	line("serving", m.Serving.String())
	line("holder", m.Holder)
	line("epoch", fmt.Sprint(m.Epoch))
	line("turn", fmt.Sprint(m.Turn))
	line("floor", m.Floor.String())
	line("forced above", m.Above.String())
	line("parked", m.waiting())
	line("replaced", strings.Join(m.Replaced, ", "))
	for _, cl := range m.Claims {
		t.row("claims", cl.Path, methodsOf(cl.Route), "which "+cl.With+" has")
	}
	for _, o := range m.Overrides {
		what := strings.TrimSpace(o.Type.String() + " " + o.Version.String() + o.Instance)
		t.row("override", what, fmt.Sprintf("by %s, %s: %s", o.Who, ago(o.Time, now), o.Why))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, v := range m.Versions {
		if err := printVersion(w, v); err != nil {
			return err
		}
	}
	return nil
}

func printVersion(w io.Writer, v control.VersionOverview) error {
	head := v.Version.String() + ", " + v.Phase.String()
	if v.GraceLeft > 0 {
		head += ", grace left " + short(time.Duration(v.GraceLeft))
	}
	fmt.Fprintf(w, "\nversion %s\n", head)
	t := newTable(w)
	for _, i := range v.Instances {
		t.row("  instance", i.ID, phase(i), fmt.Sprintf("at %s, %d runs in flight", i.Upstream, i.Runs))
	}
	for _, p := range v.Provides {
		t.row("  provides", strings.TrimSpace(p.ID+" "+p.Version))
	}
	for _, name := range v.Replaces {
		t.row("  replaces", name)
	}
	for _, r := range v.Requirements {
		if r.State == message.Met {
			t.row("  requires", required(r), "met", "found "+r.Found)
		} else {
			t.row("  requires", required(r), r.State.String(), unmetReason(r))
		}
	}
	for _, r := range v.Routes {
		t.row("  route", r.Path, methodsOf(r))
	}
	return t.Flush()
}

func methodsOf(r message.Route) string {
	if len(r.Methods) == 0 {
		return "any method"
	}
	return strings.Join(r.Methods, " ")
}
