package policies

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Init makes dir a folder of policies: the unit of the site with a test, and,
// for editors, the schemas. It returns the files, and overwrites none.
func Init(dir string) ([]string, error) {
	files, err := New(dir, unitSite)
	if err != nil {
		return files, err
	}
	entries, err := schemas.ReadDir("schemas")
	if err != nil {
		return files, err
	}
	for _, e := range entries {
		text, err := schemas.ReadFile("schemas/" + e.Name())
		if err != nil {
			return files, err
		}
		p := filepath.Join(dir, "schemas", e.Name())
		if err := create(p, string(text)); err != nil {
			return files, fmt.Errorf("new folder of policies: %w", err)
		}
		files = append(files, p)
	}
	return files, nil
}

// New writes a unit to begin with, and a test of it, below dir: unit is "site",
// "locked", "modules/<id>", or a module's id. It returns the files, and
// overwrites none.
func New(dir, unit string) ([]string, error) {
	if unit != unitSite && unit != unitLocked && !strings.Contains(unit, "/") {
		unit = moduleFolder + unit
	}
	name := unit[strings.LastIndex(unit, "/")+1:]
	if u, ok := unitOf(unit + "/" + name + ".rego"); !ok || u != unit || name == "." || name == ".." {
		return nil, fmt.Errorf("new policy: %q is no unit: want site, locked, modules/<id>, or the name of a module", unit)
	}
	pkg := packageName(root(unit))
	var files []string
	for _, f := range []struct{ suffix, text string }{{"", policyText}, {"_test", testText}} {
		p := filepath.Join(dir, filepath.FromSlash(unit), name+f.suffix+".rego")
		if err := create(p, strings.NewReplacer("PACKAGE", pkg, "TESTS", testPackage(unit)).Replace(f.text)); err != nil {
			return files, fmt.Errorf("new policy: %w", err)
		}
		files = append(files, p)
	}
	return files, nil
}

// testPackage returns the package of a unit's tests.
func testPackage(unit string) string {
	r := root(unit + "_test")
	return packageName(r)
}

func create(p, text string) error {
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(p, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

const policyText = `# METADATA
# title: What this unit is for
package PACKAGE

# Where this says nothing, the next unit is asked, at last the base. Here, large
# requests are not held while the module is away.
request := {"action": "delay", "mode": "reply", "rule": "large"} if {
	input.target.state == "delayed"
	input.request.size > 1048576
}
`

const testText = `package TESTS

import data.PACKAGE as policy

test_large_request_is_not_held if {
	policy.request.mode == "reply" with input as {"target": {"state": "delayed"}, "request": {"size": 1048577}}
}

test_small_request_is_left_to_the_base if {
	not policy.request with input as {"target": {"state": "delayed"}, "request": {"size": 1048576}}
}
`
