package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/modgate/modgate/core/message"
)

func announceCommand() *cobra.Command {
	c := &client{}
	var instance, reason string
	var wait, expected time.Duration
	var seq uint64
	cmd := &cobra.Command{
		Use:   "announce update|resume|disconnect",
		Short: "Announce for a module instance, from a script",
		Long: "The instance's token is read from $MODGATE_TOKEN or from --token-file.\n" +
			"Exit code 0 when the announcement ended, 3 when it is still pending, 4 when it is fenced or refused.",
		Args: exactly(1, "one of update, resume, disconnect"),
		RunE: func(cmd *cobra.Command, args []string) error {
			a := message.Announcement{Seq: seq, Expected: message.Duration(expected), Reason: reason}
			if err := a.Type.UnmarshalText([]byte(args[0])); err != nil {
				return &exit{exitUsage, err.Error()}
			}
			if instance == "" {
				return &exit{exitUsage, "--instance is missing: the id that the registration was answered with"}
			}
			if c.token = os.Getenv("MODGATE_TOKEN"); c.token == "" {
				if err := c.load(); err != nil {
					return err
				}
			}
			if a.Seq == 0 {
				a.Seq = uint64(time.Now().UnixMilli()) // rises from one call of this command to the next
			}
			return c.announce(cmd, instance, a, wait)
		},
	}
	c.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&instance, "instance", os.Getenv("MODGATE_INSTANCE"), "instance id ($MODGATE_INSTANCE)")
	f.Uint64Var(&seq, "seq", 0, "sequence number; rises per instance (0: the time in milliseconds)")
	f.DurationVar(&wait, "wait", 0, "hold the answer for up to this long")
	f.DurationVar(&expected, "expected", 0, "how long the update is expected to take")
	f.StringVar(&reason, "reason", "", "why, in a few words")
	return cmd
}

func (c *client) announce(cmd *cobra.Command, instance string, a message.Announcement, wait time.Duration) error {
	var answer message.Answer
	path := "/v1/instances/" + url.PathEscape(instance) + "/announcements"
	_, err := c.call(cmd.Context(), "POST", path, a, &answer, "Prefer", "wait="+strconv.Itoa(int(wait.Seconds())))
	var refused *answerError
	if errors.As(err, &refused) && refused.status == http.StatusConflict {
		return &exit{exitMissing, refused.Error()}
	}
	if err != nil {
		return err
	}
	if answer.Outcome != message.Pending {
		fmt.Fprintf(cmd.OutOrStdout(), "%s, epoch %d\n", answer.Outcome, answer.Epoch)
		return nil
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s, %s left\n", answer.Notice, round(time.Duration(answer.TTL)))
	return &exit{code: exitDelayed}
}
