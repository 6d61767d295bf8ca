package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/modgate/modgate/policies"
)

func policyCheckCommand() *cobra.Command {
	var output format
	cmd := &cobra.Command{
		Use:   "check [FOLDER]",
		Short: "Say what is wrong with policies before they are in force, and what a request costs",
		Long: "Compiles the policies, and asks each of them everything that its own comparisons tell apart. Finds slips in\n" +
			"names and values, comparisons that are never true, rules that contradict each other, decisions that are none,\n" +
			"with an input that shows it. Of each rule that answers requests it says what that costs: nothing (constant),\n" +
			"predicates, fields of which every value is stored (raw), or an evaluation each time.\n" +
			"Exit code 1 when anything is wrong; a warning is not.",
		Args: atMostFolder,
		RunE: func(cmd *cobra.Command, args []string) error {
			report, err := policies.Check(folder(args))
			if err != nil {
				return err
			}
			if output.json {
				err = writeJSON(cmd.OutOrStdout(), report)
			} else {
				fmt.Fprint(cmd.OutOrStdout(), report)
			}
			switch {
			case err != nil:
				return err
			case report.Wrong():
				return &exit{code: exitFailed}
			case len(report.Units) == 0:
				return fmt.Errorf("%s holds no policies: they stand in site/, locked/ and modules/<id>/; modgate policy init makes a folder", folder(args))
			case !output.json:
				fmt.Fprintf(cmd.OutOrStdout(), "ok: %s\n", strings.Join(report.Units, ", "))
			}
			return nil
		},
	}
	output.flag(cmd)
	return cmd
}

func policyTestCommand() *cobra.Command {
	var (
		o         policies.TestOptions
		output    format
		verbose   bool
		coverage  bool
		threshold float64
	)
	cmd := &cobra.Command{
		Use:   "test [FOLDER]",
		Short: "Run the tests of policies, as opa test does",
		Long: "Tests are the rules test_... in files *_test.rego; those that begin with todo_test_ are skipped. They run with\n" +
			"the base, the library, data/ and the built-ins that policies have, and may print.\n" +
			"Exit code 1 when one fails, or when fewer lines are reached than --threshold wants. -o json prints what\n" +
			"opa test --format json does, with --coverage what opa test --coverage does.",
		Args: atMostFolder,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Values && (coverage || threshold > 0) {
				return usage(cmd, "want --var-values or --coverage, not both")
			}
			if threshold < 0 || threshold > 100 {
				return usage(cmd, "--threshold %v: want 0 to 100", threshold)
			}
			trials, err := policies.Test(cmd.Context(), folder(args), o)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			switch {
			case output.json && coverage && !trials.Failed():
				err = writeJSON(out, trials.CoverageJSON())
			case output.json:
				err = trials.PrintJSON(out)
			default:
				if err = trials.Print(out, verbose); err == nil && coverage {
					trials.PrintCoverage(out)
				}
			}
			switch {
			case err != nil:
				return err
			case trials.Failed():
				return &exit{code: exitFailed}
			case trials.Covered < threshold:
				return fmt.Errorf("the tests reach %.1f %% of the lines, want %v", trials.Covered, threshold)
			case len(trials.List) == 0 && o.Run != "":
				return fmt.Errorf("no test matches --run %s", o.Run)
			case len(trials.List) == 0:
				return errors.New("there are no tests: they stand in files *_test.rego")
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.Run, "run", "r", "", "run only the tests that match the regular expression")
	flags.DurationVar(&o.Limit, "timeout", 0, "how long one test may take (default 5s)")
	flags.BoolVar(&o.Values, "var-values", false, "show where a test failed, and the values of its variables")
	flags.BoolVarP(&verbose, "verbose", "v", false, "name every test")
	flags.BoolVarP(&coverage, "coverage", "c", false, "say which lines the tests reach")
	flags.Float64Var(&threshold, "threshold", 0, "percent of the lines that the tests have to reach")
	output.flag(cmd)
	return cmd
}
