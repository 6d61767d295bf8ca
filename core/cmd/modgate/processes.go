package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func processesCommand() *cobra.Command {
	c := &client{}
	cmd := &cobra.Command{
		Use:   "processes",
		Short: "List the processes that the gateway supervises; start or stop one",
		Args:  exactly(0, "no arguments, or start NAME, or stop NAME"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.load(); err != nil {
				return err
			}
			var raw json.RawMessage
			if _, err := c.call(cmd.Context(), "GET", "/v1/admin/processes", nil, &raw); err != nil {
				return err
			}
			if c.output == "json" {
				return printJSON(cmd.OutOrStdout(), raw)
			}
			var view struct {
				Processes []struct {
					Name, State string
					PID         int
					Restarts    int
					LastExit    string `json:"last_exit"`
				}
			}
			if err := json.Unmarshal(raw, &view); err != nil {
				return err
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "PROCESS\tSTATE\tPID\tRESTARTS\tLAST EXIT")
			for _, p := range view.Processes {
				fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%s\n", p.Name, p.State, p.PID, p.Restarts, dash(p.LastExit))
			}
			return t.Flush()
		},
	}
	c.flags(cmd)
	cmd.AddCommand(processAction("start", "Start a declared process"), processAction("stop", "Stop a process"))
	return cmd
}

func processAction(verb, short string) *cobra.Command {
	c := &client{}
	cmd := &cobra.Command{
		Use:   verb + " NAME",
		Short: short,
		Args:  exactly(1, "the name of a process"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.load(); err != nil {
				return err
			}
			_, err := c.call(cmd.Context(), "POST", "/v1/admin/processes/"+url.PathEscape(args[0])+"/"+verb, nil, nil)
			return err
		},
	}
	c.flags(cmd)
	return cmd
}
