package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/plugins"
)

func pluginCheckCommand() *cobra.Command {
	var output format
	var text string
	cmd := &cobra.Command{
		Use:   "check [FILE.wasm|FOLDER]",
		Short: "Say what a file wants and does, and whether the gateway would take it",
		Long: "Takes the file through all that the gateway does with it: imports, rewriting, compiling, beginning, its\n" +
			"configuration, a request to try it. Prints the line that pins the file in the configuration.\n" +
			"Exit code 1 when the gateway would refuse it.",
		Args: atMostFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := guestFile(cmd, args)
			if err != nil {
				return err
			}
			code, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			settings := config.DefaultPlugin()
			settings.Config, settings.Budget.Start = text, time.Minute
			in := plugins.Inspect(cmd.Context(), code, plugins.Options{
				Name: adapterName(file), Plugin: settings, Version: version(), Log: slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)),
			})
			if output.json {
				err = writeJSON(cmd.OutOrStdout(), in)
			} else {
				err = printInspection(cmd.OutOrStdout(), file, &in)
			}
			if err == nil && in.Refused != "" {
				return &exit{code: exitFailed}
			}
			return err
		},
	}
	cmd.Flags().StringVar(&text, "config", "", "the text that plugin.config hands to the adapter")
	output.flag(cmd)
	return cmd
}

// adapterName returns the name under which the gateway finds the file.
func adapterName(file string) string {
	name := file[strings.LastIndexAny(file, `/\`)+1:]
	return strings.TrimSuffix(name, ".wasm")
}

// halfMemory is from where on a guest has little room left.
const halfMemory = 8 * config.MiB

func printInspection(w io.Writer, file string, in *plugins.Inspection) error {
	t := newTable(w)
	list := func(name string, items []string) {
		t.row(name, strings.Join(items, " "))
	}
	t.row("file", fmt.Sprintf("%s, %d bytes", file, in.Size))
	for i, imports := range byModule(in.Imports) {
		t.row([]string{"imports", " "}[min(i, 1)], imports)
	}
	list("exports", in.Exports)
	if in.Refused == "" {
		list("hooks", in.Hooks)
		if in.Exclusive {
			t.row("instances", "one for each request: capability 64")
		}
		list("features", in.Features)
	}
	if in.Charges > 0 {
		t.row("stoppable", fmt.Sprintf("%d places count, %d bytes more", in.Charges, in.Rewritten-in.Size))
	}
	if in.Memory.Least > 0 {
		memory := "at least " + in.Memory.Least.String()
		if in.Memory.Most > 0 {
			memory += ", at most " + in.Memory.Most.String()
		}
		if in.InUse > 0 {
			memory += ", " + in.InUse.String() + " when it has begun"
		}
		if in.InUse > halfMemory {
			memory += ": little is left of the default of " + config.DefaultPlugin().Memory.String() + ", see plugin.memory"
		}
		t.row("memory", memory)
	}
	t.row("pin", fmt.Sprintf("sha256 = %q", in.SHA256))
	if err := t.Flush(); err != nil {
		return err
	}
	for _, name := range in.Unknown {
		fmt.Fprintf(w, "unknown import: %s\n", name)
	}
	if in.Refused != "" {
		_, err := fmt.Fprintf(w, "refused: %s\n", in.Refused)
		return err
	}
	_, err := fmt.Fprintln(w, "ok")
	return err
}

// byModule writes names of the form module.name, the module once.
func byModule(imports []string) (lines []string) {
	at := map[string]int{}
	for _, i := range imports {
		module, name, _ := strings.Cut(i, ".")
		if _, there := at[module]; !there {
			at[module] = len(lines)
			lines = append(lines, module+":")
		}
		lines[at[module]] += " " + name
	}
	return lines
}

// atMostFile wants a file or folder, or nothing.
func atMostFile(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usage(cmd, "want at most one file or folder")
	}
	return nil
}
