package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/modgate/modgate/core/api"
	"github.com/modgate/modgate/hcl"
)

func diffCommand() *cobra.Command {
	c := &client{}
	cmd := &cobra.Command{
		Use:   "diff",
		Short: "Say what a reload would change in the running gateway",
		Long: "The gateway reads its files as they are written now, and says how they differ from what is in force,\n" +
			"what a reload would do about it, and whose requirements would then be met or unmet. Nothing is changed.\n" +
			"A wrong configuration is printed with what is wrong with it, and exit code 1.",
		Args:              exactly(0, "no arguments"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			raw, err := c.admin(cmd.Context(), http.MethodPost, "/v1/admin/plan")
			if wrong := (*answerError)(nil); errors.As(err, &wrong) && wrong.status == http.StatusBadRequest {
				return c.wrong(cmd, wrong.body, "the configuration is wrong; a reload would change nothing")
			}
			if err != nil {
				return err
			}
			var plan plan
			return c.show(cmd, raw, &plan, plan.print)
		},
	}
	c.flags(cmd)
	return cmd
}

// plan is what the gateway answers.
type plan struct {
	api.Plan
	Warnings hcl.Diagnostics
}

func (p *plan) print(w io.Writer) error {
	if len(p.Changes) == 0 {
		fmt.Fprintln(w, "nothing would change")
	}
	t := newTable(w)
	for _, c := range p.Changes {
		switch {
		case c.Was == "":
			t.row("+ "+c.At, c.Is, c.Effect)
		case c.Is == "":
			t.row("- "+c.At, c.Was, c.Effect)
		default:
			t.row("~ "+c.At, c.Was+" -> "+c.Is, c.Effect)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, s := range p.Requirements {
		fmt.Fprintf(w, "! %s %s requires %s %s: would be %s%s\n", s.Module, s.Version, s.ID, s.Range, s.Is, foundText(s.Found, s.Range))
	}
	_, err := fmt.Fprint(w, p.Warnings)
	return err
}

func foundText(found, wanted string) string {
	if found == "" || found == wanted {
		return ""
	}
	return " (found " + found + ")"
}
