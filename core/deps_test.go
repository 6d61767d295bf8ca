// Package core_test holds the law of imports: which package of the module may
// know which other, who alone imports a heavy dependency, and what the pure
// packages may never do. It is policy: change it in a commit of its own.
package core_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const mine = "github.com/modgate/modgate"

// allowed lists, for every package, the packages of ours that it may import.
// Upper levels stand below lower ones; nothing imports upwards. A name that
// ends in "/..." stands for all that is under it. Tests are exempt: what is
// made for tests (lifecycletest, storetest) is in no list; plugins/adaptertest is a
// tool of authors, too.
var allowed = map[string][]string{
	"core": {}, // this test

	"core/module": {},

	"core/message":  {"core/module"},
	"core/fallback": {"core/message", "core/module"},
	"core/config":   {"core/fallback", "core/message", "core/module"},

	"core/lifecycle": {"core/config", "core/fallback", "core/message", "core/module"},
	"core/lifecycle/lifecycletest": {
		"core/config", "core/fallback", "core/lifecycle", "core/message", "core/module", "core/requirement",
	},
	"core/lifecycle/lifecycletest/witness": {"core/message", "core/module"}, // the words, nothing of the machine
	"core/lifecycle/lifecycletest/simulation": {
		"core/config", "core/fallback", "core/lifecycle", "core/lifecycle/lifecycletest/witness", "core/message", "core/module",
		"core/requirement",
	},
	"core/adapter":             {"core/message", "core/module"},
	"core/park":                {},
	"core/keyring":             {},
	"core/keyring/keyringtest": {},
	"core/requirement":         {"core/lifecycle", "core/message", "core/module"},

	"core/route":          {"core/adapter", "core/fallback", "core/message", "core/module"},
	"policies":            {"core/config", "core/fallback", "core/message", "core/module"},
	"policies/generate":   {},
	"plugins":             {"core/adapter", "core/config", "core/message", "core/module", "plugins/fuel"},
	"plugins/fuel":        {},
	"plugins/wat":         {},
	"plugins/adaptertest": {"core/adapter", "core/config", "core/message", "core/module", "plugins", "sdk-wasm/project"},

	// Adapters are guests: of ours they know the SDK only.
	"plugins/okapi":           {"sdk-wasm/go/adapter", "sdk-wasm/go/adapter/config"},
	"plugins/okapi/folio":     {"plugins/okapi/foliotest"}, // a module to try it with
	"plugins/okapi/foliotest": {},
	"plugins/pauseresume":     {"sdk-wasm/go/adapter", "sdk-wasm/go/adapter/config"},
	"plugins/rewrite":         {"sdk-wasm/go/adapter", "sdk-wasm/go/adapter/config"},

	"hcl":                  {"core/config", "core/fallback", "core/message", "core/module"},
	"hcl/generate":         {"hcl"},
	"hcl/hcltest":          {},
	"hcl/okapi":            {"core/config", "core/message", "core/module", "hcl"},
	"core/notify":          {"core/config", "core/message", "core/module"},
	"core/alert":           {"core/config", "core/message", "core/module"},
	"core/store":           {},
	"core/store/bolt":      {"core/store"},
	"core/store/storetest": {"core/store"},

	"core/proxy": {
		"core/adapter", "core/config", "core/fallback", "core/message", "core/module", "core/park", "core/route",
	},
	"core/control": {
		"core/adapter", "core/config", "core/fallback", "core/lifecycle", "core/message", "core/module", "core/requirement",
		"core/route", "core/store",
	},
	"core/probe": {"core/adapter", "core/config", "core/message", "core/module"},

	"core/voice": {
		"core/adapter", "core/alert", "core/config", "core/control", "core/lifecycle", "core/message", "core/module", "core/probe",
		"core/route", "core/store",
	},

	"core/api": {
		"core/adapter", "core/alert", "core/config", "core/control", "core/fallback", "core/lifecycle", "core/message", "core/module",
		"core/notify", "core/park", "core/probe", "core/proxy", "core/requirement", "core/route",
	},

	"core/gateway": {
		"core/adapter", "core/alert", "core/api", "core/config", "core/control", "core/fallback", "core/keyring",
		"core/lifecycle", "core/message", "core/module", "core/notify", "core/park", "core/probe", "core/proxy",
		"core/requirement", "core/route", "core/store", "core/store/bolt", "core/voice", "hcl", "plugins", "policies",
	},

	"core/cmd/modgate": {
		"conformance/command", "core/adapter", "core/api", "core/config", "core/control", "core/fallback", "core/gateway", "core/message",
		"core/module", "hcl",
		"hcl/okapi", "plugins", "plugins/adaptertest", "policies", "sdk-wasm/project",
	},

	// Samples and the suite speak to the gateway over the wire, as anyone else
	// would; the suite has its own copy of the wire form on purpose.
	"hcl/examples/...": {"hcl/examples/..."},
	"conformance/...":  {"conformance/..."},
	"sdk-wasm/...":     {"sdk-wasm/..."},
	"bench/...":        {"..."},
}

// soleImporter names the one package that may import a dependency. A dependency
// that is not here is a new one: it needs its paragraph in RATIONALE.md first.
var soleImporter = map[string]string{
	"github.com/Masterminds/semver":       "core/module",
	"github.com/hashicorp/hcl":            "hcl",
	"github.com/open-policy-agent/opa":    "policies",
	"github.com/prometheus/client_golang": "core/api",
	"github.com/spf13/cobra":              "core/cmd/modgate",
	"github.com/tetratelabs/wazero":       "plugins",
	"github.com/valyala/fasthttp":         "core/proxy",
	"github.com/zclconf/go-cty":           "hcl",
	"go.etcd.io/bbolt":                    "core/store/bolt",
	"golang.org/x/net/netutil":            "core/gateway",
}

// exempt may import any dependency: no one builds them into the gateway.
var exempt = []string{"bench/...", "hcl/examples/..."}

func TestImportsGoOneWay(t *testing.T) {
	for _, p := range list(t, mine+"/...") {
		may, ok := lawOf(p.name())
		if !ok {
			t.Errorf("%s is not in the list: say what it may import", p.name())
			continue
		}
		for _, path := range p.Imports {
			if dep, ok := strings.CutPrefix(path, mine+"/"); ok && !matches(dep, may...) {
				t.Errorf("%s may not import %s", p.name(), dep)
			}
		}
	}
}

func TestHeavyDependencyHasOneImporter(t *testing.T) {
	for _, p := range list(t, mine+"/...") {
		if matches(p.name(), exempt...) {
			continue
		}
		for _, path := range p.Imports {
			if foreign(path) && !mayImport(p.name(), path) {
				t.Errorf("%s may not import %s", p.name(), path)
			}
		}
	}
}

func TestLawNamesOnlyKnownPackages(t *testing.T) {
	for name, may := range allowed {
		for _, dep := range may {
			if _, ok := lawOf(dep); !ok && dep != "..." {
				t.Errorf("%s may import %s, which is not in the list", name, dep)
			}
		}
	}
	for dep, name := range soleImporter {
		if _, ok := allowed[name]; !ok {
			t.Errorf("%s has the importer %s, which is not in the list", dep, name)
		}
	}
}

// lawOf returns what the package may import of ours.
func lawOf(name string) (may []string, ok bool) {
	if may, ok = allowed[name]; ok {
		return may, true
	}
	for pattern, may := range allowed {
		if matches(name, pattern) {
			return may, true
		}
	}
	return nil, false
}

// mayImport reports whether the package is the importer of the dependency
// that path belongs to.
func mayImport(name, path string) bool {
	for dep, by := range soleImporter {
		if path == dep || strings.HasPrefix(path, dep+"/") {
			return name == by
		}
	}
	return false
}

// foreign reports whether path is neither ours nor of the standard library.
func foreign(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".") && path != mine && !strings.HasPrefix(path, mine+"/")
}

// matches reports whether one of the patterns stands for the package.
func matches(name string, patterns ...string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		tree, deep := strings.CutSuffix(p, "...")
		return name == p || deep && strings.HasPrefix(name+"/", tree)
	})
}

// listed is what go list says of one package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles, Imports        []string
}

// name returns the import path below the module's.
func (l listed) name() string { return strings.TrimPrefix(l.ImportPath, mine+"/") }

func list(t *testing.T, args ...string) []listed {
	t.Helper()
	args = append([]string{"list", "-e", "-json=ImportPath,Dir,Export,GoFiles,Imports"}, args...)
	cmd := exec.Command("go", args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
}
