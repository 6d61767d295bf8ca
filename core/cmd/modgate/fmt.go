package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/modgate/modgate/hcl"
)

func fmtCommand() *cobra.Command {
	var rewrite, check bool
	cmd := &cobra.Command{
		Use:   "fmt FILE|FOLDER...",
		Short: "Bring configuration files into their canonical form",
		Long: "Prints the files in canonical form; of a folder, every *.hcl in it.\n" +
			"With -w the files are rewritten, with --check nothing is changed, and the names of those that\n" +
			"differ are printed; --check then ends with exit code 1.",
		Args: files,
		RunE: func(cmd *cobra.Command, paths []string) error {
			if rewrite && check {
				return usage(cmd, "want -w or --check, not both")
			}
			names, err := nativeFiles(paths)
			if err != nil {
				return err
			}
			differ := false
			for _, name := range names {
				changed, err := formatFile(cmd, name, rewrite, check)
				if err != nil {
					return err
				}
				differ = differ || changed
			}
			if check && differ {
				return &exit{code: exitFailed}
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&rewrite, "write", "w", false, "rewrite the files")
	cmd.Flags().BoolVar(&check, "check", false, "only say which files differ")
	return cmd
}

// nativeFiles returns the files that paths name; of a folder, those in the
// native syntax.
func nativeFiles(paths []string) (names []string, err error) {
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, err
		}
		found := []string{p}
		if info.IsDir() {
			if found, err = nativeIn(p); err != nil {
				return nil, err
			}
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func nativeIn(folder string) (names []string, err error) {
	entries, err := os.ReadDir(folder)
	for _, e := range entries {
		if n := e.Name(); !e.IsDir() && strings.HasSuffix(n, ".hcl") && !strings.HasPrefix(n, ".") {
			names = append(names, filepath.Join(folder, n))
		}
	}
	return names, err
}

// formatFile prints or rewrites one file, and reports whether it differs from
// its canonical form.
func formatFile(cmd *cobra.Command, name string, rewrite, check bool) (differs bool, err error) {
	if strings.HasSuffix(name, ".json") {
		return false, fmt.Errorf("%s: JSON has no canonical form here; name files in the native syntax", name)
	}
	src, err := os.ReadFile(name)
	if err != nil {
		return false, err
	}
	formatted := hcl.Format(src)
	differs = !bytes.Equal(src, formatted)
	switch {
	case !rewrite && !check:
		_, err = cmd.OutOrStdout().Write(formatted)
	case differs:
		_, err = fmt.Fprintln(cmd.OutOrStdout(), name)
		if rewrite && err == nil {
			err = os.WriteFile(name, formatted, 0o644) // keeps the mode of a file that is there
		}
	}
	return differs, err
}
