package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/hcl"
	"github.com/modgate/modgate/policies"
)

const howToAsk = "Without FOLDER the base policy alone is asked. The question comes from a file of JSON (-i), is about a module of a\n" +
	"running gateway as it stands now (--live), or is made up: a module that is updating; of the entrypoints update and\n" +
	"grace, one that is ready. --set changes a field of it, as schemas/input.json names them.\n"

// asking is a question to policies, as it is put on the command line.
type asking struct {
	client

	input   string
	live    string
	ask     string
	set     []string
	configs []string
}

// command completes cmd, which does what answer does.
func (a *asking) command(cmd *cobra.Command, answer func(*cobra.Command, *policies.Engine, policies.Question, fallback.Query) error) *cobra.Command {
	cmd.Use += " [FOLDER]"
	cmd.Long = howToAsk + cmd.Long
	cmd.Args = atMostFolder
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if a.input != "" && a.live != "" {
			return usage(cmd, "want --input or --live, not both")
		}
		e, err := a.engine(args)
		if err != nil {
			return err
		}
		question, err := a.question(cmd)
		if err != nil {
			return err
		}
		q, err := question.Query(time.Local)
		if err != nil {
			return err
		}
		return answer(cmd, e, question, q)
	}
	a.flags(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&a.input, "input", "i", "", "file with the question; - is standard input")
	flags.StringVar(&a.live, "live", "", "module of the running gateway that the question is about")
	flags.StringVar(&a.ask, "ask", "", "entrypoint (default request, or as the file says)")
	flags.StringArrayVar(&a.set, "set", nil, "FIELD=VALUE, such as target.state=missing; may be repeated")
	flags.StringArrayVar(&a.configs, "config", nil, "file or folder of configuration, which names the folder and the modules' policies")
	_ = cmd.RegisterFlagCompletionFunc("live", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return a.moduleNames(cmd), cobra.ShellCompDirectiveNoFileComp
	}) // the flag is there
	return cmd
}

// engine opens the policies that are asked.
func (a *asking) engine(args []string) (*policies.Engine, error) {
	o := policies.Options{Zone: time.Local, Units: map[string]string{}}
	if len(args) > 0 {
		o.Dir = args[0]
	}
	if a.configs != nil {
		cfg, wrong := hcl.Load(a.configs...)
		if cfg == nil {
			return nil, fmt.Errorf("the configuration is wrong:\n%v", wrong)
		}
		if o.Dir == "" {
			o.Dir = cfg.Gateway.Policies
		}
		for _, m := range cfg.Modules {
			if m.Policy != "" {
				o.Units[m.Name] = m.Policy
			}
		}
	}
	e, err := policies.Open(o)
	if err != nil {
		return nil, err
	}
	if wrong := e.Diagnostics(); wrong != nil {
		return nil, wrong.Within(o.Dir)
	}
	return e, nil
}

func (a *asking) question(cmd *cobra.Command) (q policies.Question, err error) {
	switch {
	case a.input != "":
		q, err = a.read(cmd)
	case a.live != "":
		q, err = a.liveQuestion(cmd)
	default:
		q = policies.Question{"target": map[string]any{"module": "example", "state": "delayed", "reason": "updating"}}
		if a.ask == "update" || a.ask == "grace" {
			q = policies.Question{"target": map[string]any{"module": "example", "state": "ready", "version": "2.0.0"}}
		}
	}
	if err != nil {
		return nil, err
	}
	if _, said := q["entrypoint"]; !said {
		q["entrypoint"] = "request"
	}
	if a.ask != "" {
		q["entrypoint"] = a.ask
	}
	for _, s := range a.set {
		if err := q.Set(s); err != nil {
			return nil, &exit{exitUsage, "--set " + err.Error()}
		}
	}
	return q, nil
}

func (a *asking) read(cmd *cobra.Command) (policies.Question, error) {
	var text []byte
	var err error
	if a.input == "-" {
		text, err = io.ReadAll(cmd.InOrStdin())
	} else {
		text, err = os.ReadFile(a.input)
	}
	if err != nil {
		return nil, err
	}
	q, err := policies.ParseQuestion(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.input, err)
	}
	return q, nil
}

// liveQuestion asks the gateway how the module stands.
func (a *asking) liveQuestion(cmd *cobra.Command) (policies.Question, error) {
	m, _, err := a.module(cmd, a.live)
	if err != nil {
		return nil, err
	}
	q := m.question(time.Now())
	switch cmp.Or(a.ask, "request") {
	case "request", "resume":
		q["parked"] = m.parked()
	case "alert":
		q["parked"], q["trouble"] = m.parked(), m.trouble()
	case "update":
		view, _, err := a.modules(cmd)
		if err != nil {
			return nil, err
		}
		q["platform"] = view.platform(m.Module)
	default: // the others are about the module alone
	}
	return q, nil
}

// question is what a policy would be asked about the module now, whatever the
// entrypoint. What the control API does not tell is empty: --set gives it.
func (m *moduleView) question(now time.Time) policies.Question {
	target := map[string]any{
		"module": m.Module, "state": m.State.State.String(), "reason": m.Reason.String(), "version": m.latest(), "serving": m.Serving.String(),
		"ttl_left_s": wholeSeconds(time.Duration(m.TTL)), "expected_s": wholeSeconds(time.Duration(m.Expected)), "note": m.Note, "losses": float64(m.Losses),
	}
	if !m.Since.IsZero() && m.State.State != message.Ready {
		target["absent_s"] = wholeSeconds(now.Sub(m.Since))
	}
	return policies.Question{
		"target": target,
		"now": map[string]any{
			"weekday": strings.ToLower(now.Weekday().String()), "date": now.Format(time.DateOnly), "hour": float64(now.Hour()), "minute": float64(now.Minute()),
		},
	}
}

func (m *moduleView) parked() map[string]any { return map[string]any{"count": float64(m.Parked)} }

// trouble is what the module bears, as far as it shows in one look: rates do not.
func (m *moduleView) trouble() map[string]any {
	unmet := 0
	for _, v := range m.Versions {
		switch v.Phase {
		case message.Draining, message.Idle, message.Fenced, message.Out:
			continue // it neither serves nor may come to (D5)
		default:
		}
		for _, r := range v.Requirements {
			if !r.Optional && r.State != message.Met {
				unmet++
			}
		}
	}
	return map[string]any{"oldest_s": wholeSeconds(time.Duration(m.LongestWait)), "unmet": float64(unmet)}
}

// platform is what an UPDATE of the module would be one of.
func (v modulesView) platform(module string) map[string]any {
	updating := 0
	for i := range v.Modules {
		if m := &v.Modules[i]; m.Module != module && m.Holder != "" {
			updating++
		}
	}
	return map[string]any{"updating": float64(updating)}
}

// latest returns the version that updates or waits to, else the highest.
func (m *moduleView) latest() (version string) {
	for _, v := range m.Versions {
		if v.Phase == message.Updating || v.Phase == message.Waiting {
			return v.Version.String()
		}
		version = v.Version.String()
	}
	return version
}

func wholeSeconds(d time.Duration) float64 { return float64(max(0, d/time.Second)) }

func policyEvalCommand() *cobra.Command {
	a := &asking{}
	return a.command(&cobra.Command{
		Use:   "eval",
		Short: "Ask policies one question, and print the decision",
		Long:  "Prints the decision as the policy wrote it; -o json adds the question, and who decided.",
	}, func(cmd *cobra.Command, e *policies.Engine, question policies.Question, q fallback.Query) error {
		x := e.Explain(q)
		if a.output.json {
			return writeJSON(cmd.OutOrStdout(), map[string]any{"question": question, "decision": x.Answer, "by": x.By, "rule": x.Rule})
		}
		fmt.Fprintln(cmd.OutOrStdout(), string(x.Answer))
		return nil
	})
}

func policyExplainCommand() *cobra.Command {
	a := &asking{}
	return a.command(&cobra.Command{
		Use:   "explain",
		Short: "Say which rule decides, and what would change the answer",
	}, func(cmd *cobra.Command, e *policies.Engine, _ policies.Question, q fallback.Query) error {
		x := e.Explain(q)
		if a.output.json {
			return writeJSON(cmd.OutOrStdout(), x)
		}
		fmt.Fprint(cmd.OutOrStdout(), x)
		return nil
	})
}

func policyBenchCommand() *cobra.Command {
	a := &asking{}
	return a.command(&cobra.Command{
		Use:   "bench",
		Short: "Measure what one question costs: evaluated, prepared, and from the cache",
		Long:  "The figures are this machine's, now.",
	}, func(cmd *cobra.Command, e *policies.Engine, _ policies.Question, q fallback.Query) error {
		m := e.Measure(q)
		if a.output.json {
			return writeJSON(cmd.OutOrStdout(), m)
		}
		fmt.Fprint(cmd.OutOrStdout(), m)
		return nil
	})
}
