package main

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/plugins/adaptertest"
)

// trial is what the commands that play cases want.
type trial struct {
	cases string // their folder; empty: cases, beside the adapter
	run   string // names of those that are meant
}

func (tr *trial) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&tr.cases, "cases", "", "the folder of cases, or one of them (default cases, beside the adapter)")
	cmd.Flags().StringVarP(&tr.run, "run", "r", "", "play only the cases that match the regular expression")
}

// open opens the adapter that args name, and its cases. The caller closes it.
func (tr *trial) open(cmd *cobra.Command, args []string) (*adaptertest.Adapter, []*adaptertest.Case, error) {
	matches, err := regexp.Compile(tr.run)
	if err != nil {
		return nil, nil, usage(cmd, "--run: %v", err)
	}
	file, err := guestFile(cmd, args)
	if err != nil {
		return nil, nil, err
	}
	from := tr.cases
	if from == "" {
		from = filepath.Join(filepath.Dir(file), "cases")
	}
	all, err := adaptertest.Read(from)
	if err != nil {
		return nil, nil, err
	}
	var cases []*adaptertest.Case
	for _, c := range all {
		if matches.MatchString(c.Name()) {
			cases = append(cases, c)
		}
	}
	if len(cases) == 0 {
		return nil, nil, fmt.Errorf("no case matches --run %s", tr.run)
	}
	a, err := adaptertest.Open(file)
	return a, cases, err
}

func pluginTestCommand() *cobra.Command {
	var (
		tr              trial
		update, noBreak bool
	)
	cmd := &cobra.Command{
		Use:   "test [FILE.wasm|FOLDER]",
		Short: "Play an adapter's cases through the host that the gateway has",
		Long: "Plays every case, then all their requests so that they overlap on one instance, then thirty thousand in a row, then\n" +
			"breaks every hook that they reach, to show what becomes of a request when the adapter crashes, loops, calls without\n" +
			"end or finds no memory, with each on_error.\n" +
			"plugins/adaptertest/CASES.md says what a case is. Exit code 1 when anything is not as it should be.",
		Args: atMostFile,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			a, cases, err := tr.open(cmd, args)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, a.Close()) }()
			r := reporter{cmd: cmd}
			for _, c := range cases {
				findings, err := a.Play(cmd.Context(), c, update)
				if err := r.report("case "+c.Name(), findings, err); err != nil {
					return err
				}
			}
			findings, err := a.Interleave(cmd.Context(), cases)
			if err := r.report("overlapping requests", findings, err); err != nil {
				return err
			}
			findings, err = a.Repeat(cmd.Context(), cases)
			if err := r.report("requests in a row", findings, err); err != nil {
				return err
			}
			if !noBreak {
				if err := breakHooks(&r, a, cases); err != nil {
					return err
				}
			}
			if r.failed {
				return &exit{code: exitFailed}
			}
			return nil
		},
	}
	tr.flags(cmd)
	cmd.Flags().BoolVar(&update, "update", false, "write what comes out into the cases: read it before you commit it")
	cmd.Flags().BoolVar(&noBreak, "no-break", false, "leave the hooks whole")
	return cmd
}

func breakHooks(r *reporter, a *adaptertest.Adapter, cases []*adaptertest.Case) error {
	table, findings, err := a.Break(r.cmd.Context(), cases)
	if err := r.report("broken hooks", findings, err); err != nil || len(table) == 0 {
		return err
	}
	t := newTable(r.cmd.OutOrStdout())
	t.row("BROKEN HOOK", "BY", "FAIL", "SKIP", "DEFAULT")
	for _, b := range byOutcome(table) {
		t.row(b.hook, strings.Join(b.how, " "), b.became[config.Fail.String()], b.became[config.Skip.String()], b.became[config.ByHook.String()])
	}
	return t.Flush()
}

// outcome is what becomes of a step whose hook is broken in any of these ways,
// by on_error.
type outcome struct {
	hook   string
	how    []string
	became map[string]string
}

// byOutcome puts those ways of breaking a hook together that end alike.
func byOutcome(table []adaptertest.Broken) (rows []outcome) {
	var each []outcome
	for _, b := range table {
		if n := len(each); n == 0 || each[n-1].hook != b.Hook || each[n-1].how[0] != b.How {
			each = append(each, outcome{b.Hook, []string{b.How}, map[string]string{}})
		}
		each[len(each)-1].became[b.OnError] = b.Became
	}
	for _, one := range each {
		same := slices.IndexFunc(rows, func(o outcome) bool { return o.hook == one.hook && maps.Equal(o.became, one.became) })
		if same < 0 {
			rows = append(rows, one)
			continue
		}
		rows[same].how = append(rows[same].how, one.how...)
	}
	return rows
}

// reporter prints what was tried.
type reporter struct {
	cmd    *cobra.Command
	failed bool
}

func (r *reporter) report(what string, findings []adaptertest.Finding, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	w := r.cmd.OutOrStdout()
	if len(findings) == 0 {
		_, err := fmt.Fprintf(w, "ok    %s\n", what)
		return err
	}
	r.failed = true
	fmt.Fprintf(w, "FAIL  %s\n", what)
	for _, f := range findings {
		fmt.Fprintln(w, f)
	}
	return nil
}

func pluginBenchCommand() *cobra.Command {
	var (
		tr     trial
		output format
		each   time.Duration
	)
	cmd := &cobra.Command{
		Use:   "bench [FILE.wasm|FOLDER]",
		Short: "Measure what an adapter costs a request, beside the same edit without it",
		Long: "Measures every request of the cases, from its beginning to the end of its answer, in turns with the same edit\n" +
			"made by the gateway itself: the ratio is what can be compared between machines.",
		Args: atMostFile,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			a, cases, err := tr.open(cmd, args)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, a.Close()) }()
			figures, err := a.Bench(cmd.Context(), cases, each)
			switch {
			case err != nil:
				return err
			case len(figures) == 0:
				return errors.New("the cases have no request that passes")
			case output.json:
				return writeJSON(cmd.OutOrStdout(), figures)
			}
			for _, f := range figures {
				fmt.Fprintf(cmd.OutOrStdout(), "%v  %s\n", f, f.Where)
			}
			return nil
		},
	}
	tr.flags(cmd)
	cmd.Flags().DurationVar(&each, "time", time.Second, "for each request")
	output.flag(cmd)
	return cmd
}
