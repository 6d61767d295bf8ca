package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/modgate/modgate/hcl"
)

func reloadCommand() *cobra.Command {
	c := &client{}
	cmd := &cobra.Command{
		Use:               "reload",
		Short:             "Let the gateway read its configuration again",
		Long:              "A wrong configuration changes nothing; what is wrong is printed, with exit code 1.",
		Args:              exactly(0, "no arguments"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			raw, err := c.admin(cmd.Context(), http.MethodPost, "/v1/admin/reload")
			if wrong := (*answerError)(nil); errors.As(err, &wrong) && wrong.status == http.StatusBadRequest {
				return c.wrong(cmd, wrong.body, "the configuration is wrong; the former one stays in force")
			}
			if err != nil {
				return err
			}
			var answer struct {
				Changed bool
				AtStart []string `json:"at_start"`
			}
			return c.show(cmd, raw, &answer, func(w io.Writer) error {
				text := "the new configuration is in force"
				if !answer.Changed {
					text = "nothing changed"
				}
				if len(answer.AtStart) > 0 {
					text += "; with the gateway's next start: " + strings.Join(answer.AtStart, ", ")
				}
				_, err := fmt.Fprintln(w, text)
				return err
			})
		},
	}
	c.flags(cmd)
	return cmd
}

// wrong prints what is wrong with the configuration, and what follows.
func (c *client) wrong(cmd *cobra.Command, body []byte, so string) error {
	var said struct{ Diagnostics hcl.Diagnostics }
	err := c.show(cmd, body, &said, func(io.Writer) error {
		_, err := fmt.Fprintln(cmd.ErrOrStderr(), said.Diagnostics)
		return err
	})
	if err != nil {
		return err
	}
	return &exit{exitFailed, so}
}
