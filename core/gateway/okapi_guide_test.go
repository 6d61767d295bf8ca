//go:build !race

package gateway

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/hcl"
	"github.com/modgate/modgate/hcl/examples/guide"
	"github.com/modgate/modgate/plugins/adaptertest"
)

// The guide to FOLIO's modules is run as it stands, with real processes, and the
// adapter of theirs.
func TestOkapiGuideRuns(t *testing.T) {
	adapter := adaptertest.Build(t, root+"/plugins/okapi")
	text, err := os.ReadFile(root + "/hcl/examples/okapi/README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", dir+"/bin/", "./core/cmd/modgate", "./plugins/okapi/folio")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.CopyFS(dir+"/bin/plugins", os.DirFS(filepath.Dir(adapter))); err != nil {
		t.Fatal(err)
	}
	file, ports := moved(t, "/hcl/examples/okapi/okapi.hcl", dir)
	cfg, wrong := hcl.Load(file)
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	r := startWith(t, cfg)
	r.until("both modules are ready", func() bool {
		return r.state("mod-users") == message.Ready && r.state("mod-loans") == message.Ready
	})
	environment := []string{
		"PATH=" + dir + "/bin:" + os.Getenv("PATH"), "DATA=http://127.0.0.1:" + ports["9180"],
		"MODGATE_CONTROL=http://127.0.0.1:" + ports["9181"], "MODGATE_TOKEN_FILE=" + r.AdminTokenFile(),
	}
	if err := guide.Run(t.Context(), t.TempDir(), environment, guide.Examples(string(text))); err != nil {
		t.Errorf("%v\n%s", err, r.log)
	}
}
