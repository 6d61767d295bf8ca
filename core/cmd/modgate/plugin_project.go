package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/modgate/modgate/core/module"
	"github.com/modgate/modgate/sdk-wasm/project"
)

func pluginNewCommand() *cobra.Command {
	var language string
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Make a project of an adapter: source, cases, configuration, README",
		Long: "Makes the folder NAME, with all that it needs: nothing is downloaded. NAME is the module's, or what its block\n" +
			"calls the adapter. Prints the files that are for you; overwrites none.",
		Args: exactly(1, "the name of an adapter, which may be its module's"),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, name := filepath.Split(args[0])
			if err := module.CheckName(name); err != nil {
				return usage(cmd, "%q: %v", name, err)
			}
			if !slices.Contains(project.Languages, language) {
				return usage(cmd, "--lang %s: want %s", language, strings.Join(project.Languages, ", "))
			}
			files, err := project.New(dir, name, language)
			own := slices.DeleteFunc(files, func(f string) bool {
				return strings.HasPrefix(f, filepath.Join(dir, name, "modgate")+string(filepath.Separator))
			})
			return made(cmd, own, err)
		},
	}
	cmd.Flags().StringVarP(&language, "lang", "l", project.Languages[0], strings.Join(project.Languages, ", "))
	_ = cmd.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions(project.Languages, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return cmd
}

func pluginBuildCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "build [FOLDER]",
		Short: "Build a project into a file .wasm, by the toolchain of its language",
		Long: "Go needs nothing but go, 1.24 or newer; C needs clang and lld; Rust needs rustc, 1.63 or newer, with the target\n" +
			"wasm32-unknown-unknown, and lld. The same source makes the same file. Prints the file.",
		Args: atMostFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			source, err := project.In(folder(args))
			if err != nil {
				return err
			}
			if out == "" {
				out = filepath.Join(folder(args), source.Name())
			}
			if err := source.Build(cmd.Context(), out); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), out)
			return nil
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "file to write (default FOLDER.wasm, in the folder)")
	return cmd
}

// guestFile returns the file .wasm that is meant: the one that is named, or
// the only one in the folder that is. If its source was changed since it was
// built, it says so.
func guestFile(cmd *cobra.Command, args []string) (string, error) {
	file, err := findGuest(cmd, folder(args))
	if err != nil {
		return "", err
	}
	dir := filepath.Dir(file)
	if source, err := project.In(dir); err == nil && source.Name() == filepath.Base(file) {
		if changed := source.ChangedSince(file); changed != "" {
			fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s is older than %s: modgate plugin build makes it anew\n", file, changed)
		}
	}
	return file, nil
}

func findGuest(cmd *cobra.Command, at string) (string, error) {
	if filepath.Ext(at) == ".wasm" {
		return at, nil
	}
	if info, err := os.Stat(at); err != nil {
		return "", err
	} else if !info.IsDir() {
		return "", usage(cmd, "%s is neither a file .wasm nor a folder with one", at)
	}
	found, err := filepath.Glob(filepath.Join(at, "*.wasm"))
	switch {
	case err != nil:
		return "", err
	case len(found) == 0:
		return "", fmt.Errorf("%s holds no file .wasm: modgate plugin build makes it", at)
	case len(found) > 1:
		return "", usage(cmd, "%s holds %s: say which", at, strings.Join(found, ", "))
	}
	return found[0], nil
}
