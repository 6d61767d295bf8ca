package faulty

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var anew = flag.Bool("rewrite", false, "write BROKEN.md anew")

// TestListIsUpToDate holds the list of broken cores against what there is.
// That each is caught `modgate-conformance broken` shows.
func TestListIsUpToDate(t *testing.T) {
	var b strings.Builder
	all := Variants()
	fmt.Fprintf(&b, "# Broken cores, and the case that catches each\n\nMade by `go test ./conformance/faulty -rewrite`; `make conformance-broken` plays all %d.\n\n| core | what is wrong with it | rule | caught by |\n|---|---|---|---|\n", len(all))
	for _, v := range all {
		fmt.Fprintf(&b, "| %s | %s | %s | [%s](cases/%s.case) |\n", v.Name, v.Means, v.Rule, v.Case, v.Case)
		if _, err := os.Stat("../cases/" + v.Case + ".case"); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
	}
	const file = "../BROKEN.md"
	if *anew {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != b.String() {
		t.Errorf("%s is not what there is (%v): go test ./conformance/faulty -rewrite", file, err)
	}
}
