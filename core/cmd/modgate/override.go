package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

func overrideCommand() *cobra.Command {
	c := &client{}
	var o message.Override
	var version string
	cmd := &cobra.Command{
		Use:   "override TYPE MODULE",
		Short: "Decide what a module's life does not: grant, refuse, promote, drop and more",
		Long: "TYPE is what to do; who and why is recorded:\n\n" +
			"  force-resume  the holder of a granted UPDATE serves\n" +
			"  grant         the UPDATE that waits is granted now; --instance names one that the policy put off\n" +
			"  refuse        the UPDATE that waits is refused\n" +
			"  promote       --version serves, all others are fenced, those above it until lift\n" +
			"  floor         --version and those above it may register again\n" +
			"  missing       the module is missing, whoever serves, until lift\n" +
			"  lift          ends what promote and missing keep in force\n" +
			"  drop          --instance, all of --version, or the whole module is forgotten\n\n" +
			"promote and floor want --accept-data-loss below the module's floor: what a higher version wrote may be lost.",
		Args: exactly(2, "what to do, and the name of a module"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if err = o.Type.UnmarshalText([]byte(args[0])); err != nil {
				return usage(cmd, "%v%s", err, didYouMean(nearest(args[0], overrideTypes())))
			}
			if version != "" {
				if o.Version, err = module.ParseVersion(version); err != nil {
					return usage(cmd, "--version %s: %v", version, err)
				}
			}
			if faults := o.Check(); faults != nil {
				return usage(cmd, "%s: %s", flagOf(faults[0].Pointer), faults[0].Detail)
			}
			return c.override(cmd, args[1], o)
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var words []string
			switch len(args) {
			case 0:
				words = overrideTypes()
			case 1:
				words = c.moduleNames(cmd)
			}
			return words, cobra.ShellCompDirectiveNoFileComp
		},
	}
	c.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.Who, "who", os.Getenv("USER"), "who decides ($USER)")
	f.StringVar(&o.Why, "why", "", "why, in a few words")
	f.StringVar(&version, "version", "", "version that it is about")
	f.StringVar(&o.Instance, "instance", "", "instance that it is about")
	f.BoolVar(&o.AcceptDataLoss, "accept-data-loss", false, "promote or lower the floor below what a higher version wrote")
	return cmd
}

// flagOf returns the flag that sets the member at pointer.
func flagOf(pointer string) string {
	return "-" + strings.NewReplacer("/", "-", "_", "-").Replace(pointer)
}

func overrideTypes() (words []string) {
	for t := message.ForceResume; t <= message.Drop; t++ {
		words = append(words, t.String())
	}
	return words
}

func (c *client) override(cmd *cobra.Command, name string, o message.Override) error {
	if err := c.load(); err != nil {
		return err
	}
	raw, _, err := c.call(cmd.Context(), http.MethodPost, "/v1/admin/modules/"+url.PathEscape(name)+"/overrides", o)
	if answered(err, http.StatusNotFound) {
		return fmt.Errorf("no module %q is registered or configured%s", name, didYouMean(nearest(name, c.moduleNames(cmd))))
	}
	if err != nil {
		return err
	}
	var m moduleView
	return c.show(cmd, raw, &m, func(w io.Writer) error { return printModule(w, m, time.Now()) })
}
