package hcl

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/modgate/modgate/core/config"
)

// missing warns of policies and adapters that the modules name and the
// folders do not have: they may still be dropped there.
func missing(c *config.Config) (ps []config.Problem) {
	units := entries(c.Gateway.Policies, "modules", "")
	plugins := entries(c.Gateway.Plugins, "", ".wasm")
	for i := range c.Modules {
		m := &c.Modules[i]
		at := "module." + m.Name
		switch {
		case m.Policy == "":
		case c.Gateway.Policies == "":
			ps = append(ps, config.Problem{
				At: []string{at + ".policy", policyFolder}, Warning: true, Summary: "No policy folder",
				Detail: fmt.Sprintf("policy = %q is a unit in the folder that gateway.policies names, and it names none: the embedded policy decides alone.", m.Policy),
			})
		default:
			ps = append(ps, named(at+".policy", policyFolder, "Unknown policy", m.Policy, units, "the policy folder has no modules/"+m.Policy)...)
		}
		if m.Adapter != "" && c.Gateway.Plugins != "" {
			ps = append(ps, named(at+".adapter", pluginFolder, "Unknown adapter", m.Adapter, plugins, "the plugin folder has no "+m.Adapter+".wasm")...)
		}
	}
	return ps
}

// The settings that name the folders.
const (
	policyFolder = "gateway.policies"
	pluginFolder = "gateway.plugins"
)

// named warns if word, which stands at that path, is none of words, which are
// what is in a folder; missing says so.
func named(at, folder, summary, word string, words []string, missing string) []config.Problem {
	if slices.Contains(words, word) {
		return nil
	}
	return []config.Problem{{
		At: []string{at, folder}, Warning: true, Summary: summary, Word: word, Words: words,
		Detail: fmt.Sprintf("%q: %s; it counts as soon as it is there.", word, missing),
	}}
}

// entries lists what lies in a folder of a folder that a setting names, if it
// does, without the suffix that it must have: without one, folders.
func entries(setting, folder, suffix string) (names []string) {
	if setting == "" {
		return nil
	}
	all, _ := os.ReadDir(filepath.Join(setting, folder)) // one that cannot be read has none
	for _, e := range all {
		if name, ok := strings.CutSuffix(e.Name(), suffix); ok && e.IsDir() == (suffix == "") && !strings.HasPrefix(name, ".") {
			names = append(names, name)
		}
	}
	return names
}
