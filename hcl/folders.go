package hcl

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/modgate/modgate/core/config"
)

// checkFolders warns of policies and adapters that the modules name and the
// folders do not have: they may still be dropped there.
func (r *reader) checkFolders(c *config.Config) {
	for i := range c.Modules {
		m := &c.Modules[i]
		at := "module." + m.Name
		switch {
		case m.Policy == "":
		case c.Gateway.Policies == "":
			r.warn(at+".policy", "No policy folder", "policy = %q is a unit in the folder that gateway.policies names, and it names none: the embedded policy decides alone.", m.Policy)
		default:
			units := entries(filepath.Join(c.Gateway.Policies, "modules"), "")
			r.named(at+".policy", "Unknown policy", m.Policy, units, "the policy folder has no modules/"+m.Policy)
		}
		if m.Adapter != "" && c.Gateway.Plugins != "" {
			r.named(at+".adapter", "Unknown adapter", m.Adapter, entries(c.Gateway.Plugins, ".wasm"), "the plugin folder has no "+m.Adapter+".wasm")
		}
	}
}

// named warns if word is none of words; missing says so.
func (r *reader) named(at, summary, word string, words []string, missing string) {
	for _, w := range words {
		if w == word {
			return
		}
	}
	r.warn(at, summary, "%q: %s; it counts as soon as it is there.%s", word, missing, didYouMean(word, words))
}

// entries lists what lies in a folder, without the suffix that it must have:
// without one, folders.
func entries(folder, suffix string) (names []string) {
	all, _ := os.ReadDir(folder) // one that cannot be read has none
	for _, e := range all {
		if name, ok := strings.CutSuffix(e.Name(), suffix); ok && e.IsDir() == (suffix == "") && !strings.HasPrefix(name, ".") {
			names = append(names, name)
		}
	}
	return names
}

// warn adds a warning about the setting at that path.
func (r *reader) warn(path, summary, format string, args ...any) {
	d := unplaced(summary, format, args...)
	d.Severity = hcl.DiagWarning
	if at, ok := r.placeOf([]string{path}); ok {
		d.Subject = &at
	}
	r.found = append(r.found, d)
}
