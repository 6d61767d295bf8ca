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
	f := formatter{find: nativeFiles, format: formatNative}
	return f.command(&cobra.Command{
		Use:   "fmt FILE|FOLDER...",
		Short: "Bring configuration files into their canonical form",
		Long:  "Prints the files in canonical form; of a folder, every *.hcl in it.\n" + howFormatted,
		Args:  files,
	})
}

const howFormatted = "With -w the files are rewritten, with --check nothing is changed, and the names of those that\n" +
	"differ are printed; --check then ends with exit code 1."

// formatter brings files of one language into their canonical form.
type formatter struct {
	find   func(paths []string) ([]string, error)
	format func(name string, src []byte) ([]byte, error)

	rewrite, check bool
}

// command completes cmd.
func (f *formatter) command(cmd *cobra.Command) *cobra.Command {
	cmd.RunE = f.run
	cmd.Flags().BoolVarP(&f.rewrite, "write", "w", false, "rewrite the files")
	cmd.Flags().BoolVar(&f.check, "check", false, "only say which files differ")
	return cmd
}

func (f *formatter) run(cmd *cobra.Command, paths []string) error {
	if f.rewrite && f.check {
		return usage(cmd, "want -w or --check, not both")
	}
	names, err := f.find(paths)
	if err != nil {
		return err
	}
	differ := false
	for _, name := range names {
		changed, err := f.file(cmd, name)
		if err != nil {
			return err
		}
		differ = differ || changed
	}
	if f.check && differ {
		return &exit{code: exitFailed}
	}
	return nil
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

// file prints or rewrites one file, and reports whether it differs from its
// canonical form.
func (f *formatter) file(cmd *cobra.Command, name string) (differs bool, err error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return false, err
	}
	formatted, err := f.format(name, src)
	if err != nil {
		return false, err
	}
	differs = !bytes.Equal(src, formatted)
	switch {
	case !f.rewrite && !f.check:
		_, err = cmd.OutOrStdout().Write(formatted)
	case differs:
		_, err = fmt.Fprintln(cmd.OutOrStdout(), name)
		if f.rewrite && err == nil {
			err = os.WriteFile(name, formatted, 0o644) // keeps the mode of a file that is there
		}
	}
	return differs, err
}

func formatNative(name string, src []byte) ([]byte, error) {
	if strings.HasSuffix(name, ".json") {
		return nil, fmt.Errorf("%s: JSON has no canonical form here; name files in the native syntax", name)
	}
	if found := hcl.Syntax(name, src); found.HasErrors() {
		return nil, fmt.Errorf("%s is left as it is:\n%s", name, strings.TrimSuffix(found.String(), "\n"))
	}
	return hcl.Format(src), nil
}
