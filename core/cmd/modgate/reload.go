package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"github.com/modgate/modgate/hcl"
)

func reloadCommand() *cobra.Command {
	c := &client{}
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Let the gateway read its configuration again",
		Long:  "A wrong configuration changes nothing; what is wrong is printed, with exit code 1.",
		Args:  exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.load(); err != nil {
				return err
			}
			var answer struct{ Changed bool }
			_, err := c.call(cmd.Context(), http.MethodPost, "/v1/admin/reload", nil, &answer)
			var wrong *answerError
			if errors.As(err, &wrong) && wrong.status == http.StatusBadRequest {
				var said struct{ Diagnostics hcl.Diagnostics }
				if json.Unmarshal(wrong.body, &said) == nil {
					fmt.Fprint(os.Stderr, said.Diagnostics)
				}
				return &exit{exitFailed, "the configuration is wrong; the former one stays in force"}
			}
			if err != nil {
				return err
			}
			if !answer.Changed {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "nothing changed")
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "the new configuration is in force")
			return err
		},
	}
	c.flags(cmd)
	return cmd
}
