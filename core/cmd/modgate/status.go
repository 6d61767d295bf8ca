package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
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

func statusCommand() *cobra.Command {
	c := &client{}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show at a glance which modules are ready, delayed or missing, and who waits",
		Long:  "Exit code 0 when every module is ready, 3 when one is delayed, 4 when one is missing.",
		Args:  exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			view, raw, err := c.modules(cmd)
			if err != nil {
				return err
			}
			if c.output == "json" {
				err = printJSON(cmd.OutOrStdout(), raw)
			} else {
				err = printStatus(cmd.OutOrStdout(), view.Modules, time.Now())
			}
			if err != nil {
				return err
			}
			return worst(view.Modules)
		},
	}
	c.flags(cmd)
	return cmd
}

func modulesCommand() *cobra.Command {
	c := &client{}
	cmd := &cobra.Command{
		Use:   "modules",
		Short: "List every module with its versions and instances",
		Args:  exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			view, raw, err := c.modules(cmd)
			if err != nil {
				return err
			}
			if c.output == "json" {
				return printJSON(cmd.OutOrStdout(), raw)
			}
			return printModules(cmd.OutOrStdout(), view.Modules)
		},
	}
	c.flags(cmd)
	return cmd
}

func (c *client) modules(cmd *cobra.Command) (view modulesView, raw json.RawMessage, err error) {
	if err = c.load(); err != nil {
		return view, nil, err
	}
	if _, err = c.call(cmd.Context(), "GET", "/v1/admin/modules", nil, &raw); err == nil {
		err = json.Unmarshal(raw, &view)
	}
	return view, raw, err
}

// worst is nil when every module is ready, else the exit code that says how
// bad it is.
func worst(modules []moduleView) error {
	code := exitOK
	for _, m := range modules {
		switch m.State.State {
		case message.Missing:
			code = exitMissing
		case message.Delayed:
			code = max(code, exitDelayed)
		case message.Ready, message.Unknown:
		}
	}
	if code == exitOK {
		return nil
	}
	return &exit{code: code}
}

// printStatus writes one line per module, and under it what it lacks.
func printStatus(w io.Writer, modules []moduleView, now time.Time) error {
	if len(modules) == 0 {
		_, err := fmt.Fprintln(w, "no module is registered or configured")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "MODULE\tSTATE\tVERSION\tWHY\tSINCE\tLEFT\tPARKED\tUNMET")
	for _, m := range modules {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.Module, m.State.State, dash(m.Serving.String()),
			dash(m.Reason.String()), ago(m.Since, now), left(m.State), parked(m), dash(strings.Join(unmet(m), "; ")))
	}
	return t.Flush()
}

// unmet says what the versions in use lack.
func unmet(m moduleView) []string {
	var out []string
	for _, v := range m.Versions {
		for _, r := range v.Requirements {
			if r.State == message.Met {
				continue
			}
			found := "none"
			if r.Found != "" {
				found = r.Found
			}
			out = append(out, fmt.Sprintf("%s %s is %s (found %s)", r.ID, r.Range, r.State, found))
		}
	}
	return out
}

func parked(m moduleView) string {
	if m.Parked == 0 {
		return "-"
	}
	return fmt.Sprintf("%d, longest %s", m.Parked, round(time.Duration(m.LongestWait)))
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func ago(since, now time.Time) string {
	if since.IsZero() || since.After(now) {
		return "-"
	}
	return round(now.Sub(since)).String() + " ago"
}

func left(s message.State) string {
	if s.State != message.Delayed {
		return "-"
	}
	return round(time.Duration(s.TTL)).String()
}

// round drops what nobody reads.
func round(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}

func printModules(w io.Writer, modules []moduleView) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "MODULE\tVERSION\tINSTANCE\tPHASE\tUPSTREAM\tRUNS\tLEASE")
	for _, m := range modules {
		for _, v := range m.Versions {
			for _, i := range v.Instances {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", m.Module, v.Version, i.ID, i.Phase, i.Upstream, i.Runs, round(time.Duration(i.LeaseLeft)))
			}
		}
		if len(m.Versions) == 0 {
			fmt.Fprintf(t, "%s\t-\t-\tnever registered\t-\t-\t-\n", m.Module)
		}
	}
	return t.Flush()
}
