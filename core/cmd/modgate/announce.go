package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/modgate/modgate/core/message"
)

// announcement is what the flags of announce say.
type announcement struct {
	client
	message.Announcement
	instance string
	wait     time.Duration
	expected time.Duration
}

func announceCommand() *cobra.Command {
	a := &announcement{}
	cmd := &cobra.Command{
		Use:   "announce update|resume|disconnect",
		Short: "Announce for a module instance, from a script",
		Long: "The instance's token, which its registration was answered with, is read from $MODGATE_TOKEN\n" +
			"or from --token-file.\n\n" +
			"Exit code 0 when the announcement ended, 3 when it is still pending (announce the same again,\n" +
			"under the same --seq), 4 when it is fenced or refused.",
		Args:              exactly(1, "one of update, resume, disconnect"),
		ValidArgsFunction: cobra.FixedCompletions([]string{"update", "resume", "disconnect"}, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.read(cmd, args[0]); err != nil {
				return err
			}
			return a.send(cmd)
		},
	}
	a.controlFlag(cmd)
	a.output.flag(cmd)
	f := cmd.Flags()
	f.StringVar(&a.tokenFile, "token-file", "", "file of the instance's token, without $MODGATE_TOKEN")
	f.StringVar(&a.instance, "instance", os.Getenv("MODGATE_INSTANCE"), "instance id ($MODGATE_INSTANCE)")
	f.Uint64Var(&a.Seq, "seq", 0, "sequence number; rises per instance (0: the time in milliseconds)")
	f.DurationVar(&a.wait, "wait", 0, "hold the answer for up to this long, in whole seconds")
	f.DurationVar(&a.expected, "expected", 0, "how long the update is expected to take")
	f.StringVar(&a.Reason, "reason", "", "why, in a few words")
	return cmd
}

// read completes what is to be said.
func (a *announcement) read(cmd *cobra.Command, verb string) error {
	if err := a.Type.UnmarshalText([]byte(verb)); err != nil {
		return usage(cmd, "want one of update, resume, disconnect, not %q", verb)
	}
	if a.instance == "" {
		return usage(cmd, "--instance is missing: the id that the registration was answered with")
	}
	if a.Seq == 0 {
		a.Seq = uint64(time.Now().UnixMilli()) // rises from one call of this command to the next
	}
	a.Expected = message.Duration(a.expected)
	if a.token = strings.TrimSpace(os.Getenv("MODGATE_TOKEN")); a.token != "" {
		return nil
	}
	if a.tokenFile == "" {
		return usage(cmd, "the instance's token is missing: put it into $MODGATE_TOKEN, or name its file with --token-file")
	}
	return a.load()
}

func (a *announcement) send(cmd *cobra.Command) error {
	path := "/v1/instances/" + url.PathEscape(a.instance) + "/announcements"
	prefer := "wait=" + strconv.Itoa(int(a.wait/time.Second))
	raw, status, err := a.call(cmd.Context(), http.MethodPost, path, a.Announcement, "Prefer", prefer)
	if answered(err, http.StatusConflict) {
		return &exit{exitMissing, err.Error()}
	}
	if err != nil {
		return err
	}
	var answer message.Answer
	err = a.show(cmd, raw, &answer, func(w io.Writer) error { return printAnswer(w, answer) })
	if err == nil && status == http.StatusAccepted {
		return &exit{code: exitDelayed}
	}
	return err
}

func printAnswer(w io.Writer, a message.Answer) error {
	text := a.Outcome.String()
	if a.Outcome == message.Pending {
		text = fmt.Sprintf("pending, %s left", short(time.Duration(a.TTL)))
	}
	if a.Epoch != nil {
		text += fmt.Sprintf(", epoch %d", *a.Epoch)
	}
	_, err := fmt.Fprintln(w, text)
	return err
}
