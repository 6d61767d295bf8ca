package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/modgate/modgate/policies"
)

func policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Write, check, test and explain fallback policies",
		Long: "A folder of policies has Rego in site/, locked/ and modules/<id>/, and JSON in data/. What a policy is\n" +
			"asked and may answer is in its schemas/, once init made them. Nothing here needs a running gateway.",
		Args: oneOfItsCommands,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	cmd.AddCommand(policyInitCommand(), policyNewCommand(), policyCheckCommand(), policyTestCommand(), policyEvalCommand(),
		policyExplainCommand(), policyBenchCommand(), policyFmtCommand())
	return cmd
}

func policyInitCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [FOLDER]",
		Short: "Make a folder of policies: a policy of the site with its test, and the schemas",
		Long:  "Prints the files that it made; overwrites none. gateway { policies = \"FOLDER\" } puts them in force.",
		Args:  atMostFolder,
		RunE: func(cmd *cobra.Command, args []string) error {
			names, err := policies.Init(folder(args))
			return made(cmd, names, err)
		},
	}
}

func policyNewCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "new MODULE|site|locked [FOLDER]",
		Short: "Write a policy to begin with, and its test",
		Long: "Of a module, of the site, or of operators, which no other can override. Prints the files that it made;\n" +
			"overwrites none.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) > 2 {
				return usage(cmd, "want the name of a module, site or locked, and at most one folder")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			names, err := policies.New(folder(args[1:]), args[0])
			return made(cmd, names, err)
		},
		ValidArgs: []string{"site", "locked"},
	}
}

// made prints the files that were made, also where not all could be.
func made(cmd *cobra.Command, names []string, err error) error {
	for _, n := range names {
		fmt.Fprintln(cmd.OutOrStdout(), n)
	}
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: it is left as it is", err)
	}
	return err
}

func policyFmtCommand() *cobra.Command {
	f := formatter{find: policyFiles, format: policies.Format}
	return f.command(&cobra.Command{
		Use:   "fmt FILE|FOLDER...",
		Short: "Bring policies into their canonical form",
		Long:  "Prints the files as opa fmt would; of a folder, every *.rego in it and below.\n" + howFormatted,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(cmd, "want at least one file or folder of policies")
			}
			return nil
		},
	})
}

// policyFiles returns the files that paths name; of a folder, every policy in
// it and below.
func policyFiles(paths []string) (names []string, err error) {
	for _, p := range paths {
		if info, err := os.Stat(p); err != nil {
			return nil, err
		} else if !info.IsDir() {
			names = append(names, p)
			continue
		}
		err := filepath.WalkDir(p, func(name string, e fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case e.IsDir() && name != p && strings.HasPrefix(e.Name(), "."):
				return fs.SkipDir
			case !e.IsDir() && strings.HasSuffix(name, ".rego"):
				names = append(names, name)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// atMostFolder wants a folder of policies, or nothing.
func atMostFolder(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usage(cmd, "want at most one folder of policies")
	}
	return nil
}

// folder returns the folder that is named, or else the current one.
func folder(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}
