package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/modgate/modgate/hcl/okapi"
)

func importCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Turn another gateway's configuration into ours",
		Args:  oneOfItsCommands,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	cmd.AddCommand(importOkapiCommand())
	return cmd
}

func importOkapiCommand() *cobra.Command {
	var output, install string
	var options okapi.Options
	cmd := &cobra.Command{
		Use:   "okapi FOLDER|FILE...",
		Short: "Turn FOLIO's module descriptors into configuration",
		Long: "Read ModuleDescriptors, one or an array of them in a file, or every *.json of a folder, and print\n" +
			"the configuration that they mean. What cannot be expressed is listed on standard error, and above\n" +
			"each module. With an install list only what it names is read, in its order.",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(c, "want at least one file or folder of module descriptors")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, paths []string) error {
			descriptors, err := okapi.Read(paths, install)
			if err != nil {
				return err
			}
			text, omitted, err := okapi.Write(descriptors, options)
			if err != nil {
				return err
			}
			if output == "" {
				_, err = cmd.OutOrStdout().Write(text)
			} else {
				err = os.WriteFile(output, text, 0o644)
			}
			if err != nil {
				return err
			}
			for _, o := range omitted {
				fmt.Fprintln(cmd.ErrOrStderr(), o)
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write instead of standard output")
	cmd.Flags().StringVar(&install, "install", "", "FOLIO's install list: which modules, in which order")
	cmd.Flags().BoolVar(&options.Adapter, "adapter", false, "let the modules stay as they are, behind the adapter okapi")
	return cmd
}
