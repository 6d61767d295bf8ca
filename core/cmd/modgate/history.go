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
)

// historyView is what the control API answers.
type historyView struct {
	Module string              `json:"module"`
	Events []control.Happening `json:"events"`
}

func historyCommand() *cobra.Command {
	c := &client{}
	var last int
	cmd := &cobra.Command{
		Use:   "history MODULE",
		Short: "Show what happened to a module, who decided it and why, and what followed",
		Args:  exactly(1, "the name of a module"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if last < 0 {
				return usage(cmd, "--last %d: want a number that is not negative", last)
			}
			view, raw, err := c.history(cmd, args[0])
			if err != nil {
				return err
			}
			shown := view.Events
			if last > 0 {
				shown = shown[max(0, len(shown)-last):]
			}
			return c.show(cmd, raw, &view, func(w io.Writer) error { return printHistory(w, shown) })
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return c.moduleNames(cmd), cobra.ShellCompDirectiveNoFileComp
		},
	}
	c.flags(cmd)
	cmd.Flags().IntVar(&last, "last", 0, "how many of the latest events; 0: all that are kept")
	return cmd
}

// history returns a module's history, decoded and as it came.
func (c *client) history(cmd *cobra.Command, name string) (view historyView, raw json.RawMessage, err error) {
	raw, err = c.admin(cmd.Context(), http.MethodGet, "/v1/admin/modules/"+url.PathEscape(name)+"/history")
	if answered(err, http.StatusNotFound) {
		return view, nil, fmt.Errorf("nothing is known of a module %q%s", name, didYouMean(nearest(name, c.moduleNames(cmd))))
	}
	if err == nil {
		err = json.Unmarshal(raw, &view)
	}
	return view, raw, err
}

// printHistory writes one event below the other, and below each what followed.
func printHistory(w io.Writer, events []control.Happening) error {
	for _, h := range events {
		what := strings.Join(strings.Fields(h.Event+" "+h.Instance+" "+h.Detail), " ")
		if h.Who != "" {
			what += fmt.Sprintf(", by %s: %s", h.Who, h.Why)
		}
		if _, err := fmt.Fprintf(w, "%s  turn %d  %s\n", h.Time.Local().Format(time.DateTime), h.Turn, what); err != nil {
			return err
		}
		for _, f := range h.Followed {
			if _, err := fmt.Fprintf(w, "    %s\n", f); err != nil {
				return err
			}
		}
	}
	return nil
}
