package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

// processView is a supervised process as the control API shows it.
type processView struct {
	Name     string    `json:"name"`
	State    string    `json:"state"`
	PID      int       `json:"pid"`
	Since    time.Time `json:"since"`
	Restarts int       `json:"restarts"`
	LastExit string    `json:"last_exit"`
}

type processesView struct {
	Processes []processView `json:"processes"`
}

func processesCommand() *cobra.Command {
	c := &client{}
	cmd := &cobra.Command{
		Use:   "processes",
		Short: "List the processes that the gateway supervises; start or stop one",
		Args:  exactly(0, "no arguments, or start NAME, or stop NAME"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			raw, err := c.admin(cmd.Context(), http.MethodGet, "/v1/admin/processes")
			if err != nil {
				return err
			}
			var view processesView
			return c.show(cmd, raw, &view, func(w io.Writer) error { return printProcesses(w, view.Processes, time.Now()) })
		},
	}
	c.flags(cmd)
	cmd.AddCommand(
		processAction("start", "Start a declared process"),
		processAction("stop", "Stop a process: SIGTERM, and SIGKILL when its stop_timeout is over; returns when it has ended"),
	)
	return cmd
}

func printProcesses(w io.Writer, processes []processView, now time.Time) error {
	if len(processes) == 0 {
		_, err := fmt.Fprintln(w, "no process is declared")
		return err
	}
	t := newTable(w)
	t.row("PROCESS", "STATE", "SINCE", "PID", "RESTARTS", "LAST EXIT")
	for _, p := range processes {
		pid := ""
		if p.PID != 0 {
			pid = fmt.Sprint(p.PID)
		}
		t.row(p.Name, p.State, ago(p.Since, now), pid, fmt.Sprint(p.Restarts), p.LastExit)
	}
	return t.Flush()
}

func processAction(verb, short string) *cobra.Command {
	c := &client{}
	cmd := &cobra.Command{
		Use:   verb + " NAME",
		Short: short,
		Args:  exactly(1, "the name of a process"),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := c.admin(cmd.Context(), http.MethodPost, "/v1/admin/processes/"+url.PathEscape(args[0])+"/"+verb)
			if answered(err, http.StatusNotFound) {
				return fmt.Errorf("no process %q is declared%s", args[0], didYouMean(nearest(args[0], c.processNames(cmd))))
			}
			if err != nil {
				return err
			}
			var p processView
			return c.show(cmd, raw, &p, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%s: %s\n", p.Name, p.State)
				return err
			})
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return c.processNames(cmd), cobra.ShellCompDirectiveNoFileComp
		},
	}
	c.flags(cmd)
	return cmd
}

// processNames returns the names of all processes, as far as they can be had.
func (c *client) processNames(cmd *cobra.Command) (names []string) {
	raw, _ := c.admin(cmd.Context(), http.MethodGet, "/v1/admin/processes") // none is no suggestion
	var view processesView
	_ = json.Unmarshal(raw, &view) // likewise
	for _, p := range view.Processes {
		names = append(names, p.Name)
	}
	return names
}
