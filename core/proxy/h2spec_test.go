package proxy

import (
	"crypto/tls"
	"encoding/xml"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/modgate/modgate/core/keyring/keyringtest"
	"github.com/modgate/modgate/core/route"
)

// leastPassed is how many of h2spec's cases pass at least.
const leastPassed = 141

// report is what h2spec writes, in JUnit's form.
type report struct {
	Suites []struct {
		Package string `xml:"package,attr"`
		Cases   []struct {
			Name    string    `xml:"classname,attr"`
			Failure *struct{} `xml:"failure"`
			Error   *struct{} `xml:"error"`
			Skipped *struct{} `xml:"skipped"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

// The data listener before a real upstream passes h2spec, but for the cases
// that testdata/h2spec.md explains, one by one. make h2spec runs it.
func TestH2Spec(t *testing.T) {
	program := os.Getenv("MODGATE_H2SPEC")
	if program == "" {
		t.Skip("h2spec is not there: make h2spec builds and runs it")
	}
	up := upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, strings.Repeat("hello, world\n", 10))
	})
	root := []route.Entry{{Path: "/"}, {Path: "/*"}}
	quietly := func(o *Options) { o.Log = slog.New(slog.DiscardHandler) } // it sends much that is wrong
	clear := start(t, quietly)
	clear.ready(clear.module("m", root...), instance("a", "m", "1.0.0", up))
	underTLS := start(t, quietly, func(o *Options) {
		o.ServerTLS = &tls.Config{Certificates: []tls.Certificate{keyringtest.New(t).Certificate("gw.test")}, NextProtos: []string{"h2"}}
	})
	underTLS.ready(underTLS.module("m", root...), instance("a", "m", "1.0.0", up))
	known := explained(t)
	for name, run := range map[string]struct {
		address string
		options []string
	}{
		"clear text": {clear.address, nil},
		"TLS":        {underTLS.address, []string{"--tls", "--insecure"}},
	} {
		t.Run(name, func(t *testing.T) {
			host, port, _ := strings.Cut(run.address, ":")
			file := filepath.Join(t.TempDir(), "report.xml")
			out, err := exec.CommandContext(t.Context(), program, append(run.options, "-h", host, "-p", port, "-o", "2", "-j", file)...).CombinedOutput()
			b, readErr := os.ReadFile(file)
			if readErr != nil {
				t.Fatalf("%v: %s", err, out)
			}
			var r report
			if err := xml.Unmarshal(b, &r); err != nil {
				t.Fatal(err)
			}
			total, failed := 0, map[string]bool{}
			for _, s := range r.Suites {
				for _, c := range s.Cases {
					total++
					if c.Failure != nil || c.Error != nil || c.Skipped != nil {
						failed[s.Package+": "+c.Name] = true
					}
				}
			}
			t.Logf("h2spec over %s: %d of %d cases pass", name, total-len(failed), total)
			if total-len(failed) < leastPassed {
				t.Errorf("want at least %d\n%s", leastPassed, out)
			}
			for _, c := range slices.Sorted(maps.Keys(failed)) {
				if known[c] == "" {
					t.Errorf("fails, and testdata/h2spec.md does not say why: %s", c)
				}
			}
			for _, c := range slices.Sorted(maps.Keys(known)) {
				if !failed[c] && (name == "clear text" || !strings.HasPrefix(known[c], "In clear text only:")) {
					t.Errorf("passes, and testdata/h2spec.md says why not: %s", c)
				}
			}
		})
	}
}

// explained reads the table of the cases that do not pass.
func explained(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile("testdata/h2spec.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for line := range strings.Lines(string(b)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || strings.Contains(cells[1], "---") || strings.Contains(cells[1], "section") {
			continue
		}
		section, name, reason := strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2]), strings.TrimSpace(cells[3])
		if reason == "" {
			t.Errorf("no reason for %s %s", section, name)
		}
		known[section+": "+name] = reason
	}
	return known
}
