package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func moduleCommand() *cobra.Command {
	c := &client{}
	cmd := &cobra.Command{
		Use:   "module NAME",
		Short: "Show one module: state, versions, instances, routes, requirements",
		Args:  exactly(1, "the name of a module"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.load(); err != nil {
				return err
			}
			var raw json.RawMessage
			if _, err := c.call(cmd.Context(), "GET", "/v1/admin/modules/"+url.PathEscape(args[0]), nil, &raw); err != nil {
				return err
			}
			if c.output == "json" {
				return printJSON(cmd.OutOrStdout(), raw)
			}
			var m moduleView
			if err := json.Unmarshal(raw, &m); err != nil {
				return err
			}
			return printModule(cmd.OutOrStdout(), m, time.Now())
		},
	}
	c.flags(cmd)
	return cmd
}

func printModule(w io.Writer, m moduleView, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" && value != "-" {
			fmt.Fprintf(t, "%s\t%s\n", name, value)
		}
	}
	line("module", m.Module)
	line("state", m.State.State.String())
	line("reason", m.Reason.String())
	line("since", ago(m.Since, now))
	line("time left", left(m.State))
	line("serving", m.Serving.String())
	line("holder", m.Holder)
	line("epoch", fmt.Sprint(m.Epoch))
	line("turn", fmt.Sprint(m.Turn))
	line("floor", m.Floor.String())
	line("parked", parked(m))
	for _, v := range m.Versions {
		fmt.Fprintf(t, "\nversion %s\t%s\n", v.Version, v.Phase)
		if v.GraceLeft > 0 {
			line("  grace left", round(time.Duration(v.GraceLeft)).String())
		}
		for _, p := range v.Provides {
			line("  provides", p.ID+" "+p.Version)
		}
		for _, r := range v.Requirements {
			state := r.State.String()
			if r.Found != "" {
				state += ", found " + r.Found
			}
			line("  requires", strings.TrimSpace(r.ID+" "+r.Range)+": "+state)
		}
		for _, r := range v.Routes {
			methods := "any method"
			if len(r.Methods) > 0 {
				methods = strings.Join(r.Methods, " ")
			}
			line("  route", r.Path+" ("+methods+")")
		}
		for _, i := range v.Instances {
			line("  instance", fmt.Sprintf("%s %s at %s, %d runs in flight", i.ID, i.Phase, i.Upstream, i.Runs))
		}
	}
	return t.Flush()
}
